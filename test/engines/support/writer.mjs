/** Of a process on a log behind a network that is cut: appends all the time, and says what it knows when it is asked to. */
export async function appendAllTheTime(log) {
  const parts = [];
  const states = [];
  const { head } = await log.open({
    retention: { messages: 100_000, bytes: 2 ** 30, ageMs: 3_600_000 },
    onTail: ({ after, through, entries }) =>
      parts.push({
        after,
        through,
        texts: entries.map(({ offset, body }) => [offset, Buffer.from(body).toString()]),
      }),
    onState: (state) => {
      states.push(state);
      process.send({ state });
    },
  });
  await log.follow(["a"]);
  const acknowledged = [];
  const refused = [];
  let over = false;
  let n = 0;

  const write = async () => {
    while (!over) {
      const text = `${(n += 1)}`;
      const startedMs = performance.now();
      try {
        const { first } = await log.append([{ topic: "a", body: Buffer.from(text) }]);
        acknowledged.push([first, text]);
      } catch (error) {
        refused.push({ text, code: error.code, tookMs: performance.now() - startedMs });
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const writers = [write(), write(), write()];

  const finish = async () => {
    const before = acknowledged.length;
    while (acknowledged.length < before + 100) await new Promise((resolve) => setTimeout(resolve, 20));
    over = true;
    await Promise.all(writers);
    const topics = { exact: ["a"], matches: (topic) => topic === "a" };
    const stored = [];
    const { head: newest } = await log.head();
    for (let after = 0; after < newest;) {
      const page = await log.read({ topics, after, maxMessages: 1_000, maxBytes: 2 ** 20 });
      for (const { offset, body } of page.entries) stored.push([offset, Buffer.from(body).toString()]);
      after = page.through;
    }
    while ((parts.at(-1)?.through ?? head) < newest) await new Promise((resolve) => setTimeout(resolve, 20));
    process.send({ report: { acknowledged, refused, stored, parts, states, from: head } });
  };
  process.on("message", () => void finish());
  process.send({ state: "started" });
}
