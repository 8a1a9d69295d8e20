/** A process with a hub and a server; what to do comes over IPC. Arguments: the module of its log, its argument, the hub's options. */
import { createServer } from "node:http";
import { createHub } from "tidings/server";

const [module, argument, options] = process.argv.slice(2);
const { createLog } = await import(module);
const log = await createLog(argument);
const hub = createHub({ log, onError: () => undefined, ...JSON.parse(options) });
const subscriptions = new Map();

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url, "http://localhost");
  const subscriber = searchParams.get("who");
  const topics = [
    ...searchParams.getAll("topic"),
    ...searchParams.getAll("presence").map((presence) => ({ presence })),
  ];
  const onOpen = (subscription) => void subscriptions.set(subscriber, subscription);
  void hub.subscribe(request, response, { topics, onOpen, ...(subscriber && { subscriber }) });
});

const actions = {
  publish: async (topic, data) => (await hub.publish(topic, { data })).id,
  revoke: (subscriber) => hub.revoke(subscriber),
  presence: (topic) => hub.presence(topic),
  processes: () => hub.processes(),
  inspect: (id) => hub.inspect(id, { everywhere: true, timeoutMs: 20_000 }),
  update: (subscriber, update) => subscriptions.get(subscriber).update(update),
  streams: () => hub.stats().streams,
};

process.on("message", ({ n, action, values }) => {
  Promise.resolve()
    .then(() => actions[action](...values))
    .then(
      (result) => process.send({ n, result }),
      (error) => process.send({ n, error: String(error) }),
    );
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
