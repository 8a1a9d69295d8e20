/**
 * A process that opens a log, reads a topic, and appends to it where it is told to. Arguments: the module that makes the log, what it
 * is made with, how old what is retained may be, and the text to append. Prints what it read, and what time it takes it to be.
 */
const [module, argument, ageMs, text] = process.argv.slice(2);
const { createLog } = await import(module);
const log = await createLog(argument);
const errors = [];
await log.open({
  retention: { messages: 100_000, bytes: 2 ** 30, ageMs: Number(ageMs) },
  onTail() {},
  onError: (error) => errors.push(String(error)),
});
const topics = { exact: ["a"], matches: (topic) => topic === "a" };
const read = async () => {
  const { entries, lostThrough } = await log.read({ topics, after: 0, maxMessages: 999, maxBytes: 2 ** 20 });
  return { texts: entries.map(({ body }) => new TextDecoder().decode(body)), lostThrough };
};
const before = await read();
if (text !== undefined) await log.append([{ topic: "a", body: new TextEncoder().encode(text) }]);
const all = await log.read({
  topics: { matches: () => true },
  after: 0,
  maxMessages: 999,
  maxBytes: 2 ** 20,
});
console.log(
  JSON.stringify({ before, after: await read(), all: all.entries.length, nowMs: Date.now(), errors }),
);
process.exit();
