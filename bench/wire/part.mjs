/** One table, in a process of its own. */
const PARTS = {
  others: async () => (await import("./parsing.mjs")).others,
  frameworks: async () => (await import("./frameworks.mjs")).frameworks,
  memory: async () => (await import("./memory.mjs")).memory,
  sizes: async () => (await import("./sizes.mjs")).sizes,
};
export const PART_NAMES = Object.keys(PARTS);

if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  const [, , name, rounds] = process.argv;
  const measurePart = await PARTS[name]();
  const tidings = await import("../../packages/tidings/dist/node/index.js");
  const { lines, figures } = await measurePart({ tidings, rounds: Number(rounds) });
  process.send({ lines, figures }, () => process.disconnect());
}
