/** Subscribers of the rolling restart, each a `connect` of its own: what each got, and when each came back. */
import { connect } from "tidings/client";
import { now } from "../engines.mjs";

const { url, readers, topics, rampMs } = JSON.parse(process.argv[2]);
/** When a reader was back after its stream had ended. */
const returns = [];
/** When a stream broke that had not been ended. */
const losses = [];
let failed = 0;

/** Messages of a topic are numbered from 0. */
const open = (topic) =>
  new Promise((resolve) => {
    const reader = { topic, next: 0, lost: 0, doubled: 0, gaps: 0, opened: 0 };
    const connection = connect(`${url}?topic=${topic}`, {
      onState: (state) => {
        if (state === "open" && (reader.opened += 1) > 1) returns.push(now());
      },
      onError: ({ code }) => {
        if (code === "ended") return;
        failed += 1;
        losses.push(now());
      },
      onGap: () => (reader.gaps += 1),
      onMessage: ({ event, data }) => {
        if (event !== "n") return;
        const number = Number(data);
        if (number < reader.next) reader.doubled += 1;
        else reader.lost += number - reader.next;
        reader.next = Math.max(reader.next, number + 1);
      },
    });
    const looking = setInterval(() => {
      // With a cursor it has its place: from here on, nothing may be missing.
      if (connection.lastEventId === "") return;
      clearInterval(looking);
      resolve({ reader, connection });
    }, 20);
  });

const opened = await Promise.all(
  Array.from({ length: readers }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, (rampMs * n) / readers));
    return open(topics[n % topics.length]);
  }),
);

process.on("message", () => {
  const sum = (key) => opened.reduce((total, { reader }) => total + reader[key], 0);
  process.send({
    lost: sum("lost"),
    doubled: sum("doubled"),
    gaps: sum("gaps"),
    failed,
    open: opened.filter(({ connection }) => connection.state === "open").length,
    least: Math.min(...opened.map(({ reader }) => reader.next)),
    delivered: sum("next") - sum("lost"),
    returns: returns.splice(0),
    losses: losses.splice(0),
  });
});
process.send("ready");
