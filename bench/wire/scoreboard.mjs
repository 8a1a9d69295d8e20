/**
 * `node bench/wire/scoreboard.mjs [--write]`: the vectors against parsers and clients of others, whole, byte by byte, and
 * cut in two. A case is passed when the messages are right every time. `--write` puts the table into docs/scoreboard.md.
 */
import { writeFileSync } from "node:fs";
import { loadVectors } from "./vectors.mjs";
import { prepare } from "./prepare.mjs";

const ROOT = new URL("../../", import.meta.url).pathname;

prepare();
// Some go on trying to connect after they were closed, or reject what nobody awaits: neither is a result.
process.on("unhandledRejection", () => {});
process.on("uncaughtException", () => {});
const { parsersToScore } = await import("./scoreboard-parsers.mjs");
const parsers = await parsersToScore(await import(`${ROOT}packages/tidings/dist/node/index.js`));
const vectors = loadVectors();
const types = [
  ...new Set(["message", ...vectors.flatMap(({ expected }) => expected.messages.map(({ event }) => event))]),
];

const rows = [];
for (const parser of parsers) {
  const failed = [];
  for (const vector of vectors) {
    const expected = JSON.stringify(vector.expected.messages.map((message) => only(parser.shows, message)));
    for (const chunks of cutsOf(vector.bytes)) {
      let seen;
      try {
        seen = JSON.stringify(
          (await parser.read(chunks, types)).map((message) => only(parser.shows, message)),
        );
      } catch (error) {
        seen = String(error);
      }
      if (seen === expected) continue;
      failed.push(vector);
      break;
    }
  }
  rows.push({ parser, failed });
  process.stderr.write(
    `${parser.name} ${parser.version}: ${vectors.length - failed.length} of ${vectors.length}\n`,
  );
}

rows.sort((a, b) => a.failed.length - b.failed.length);
const files = [...new Set(vectors.map(({ file }) => file))];
const text = `# Scoreboard

The [vectors](../vectors/README.md) against parsers and clients, ${vectors.length} cases. Each stream is read in one piece, byte by byte, and
cut in two at up to eight places; a case is passed when the messages are right each time. Only the fields of a message that a
parser shows are compared: event type, data, and, where it has one for each message, the last event ID. What an application would
have to know besides, the reconnection time, comments and a cut-off end, is not part of the score.

Made by \`node bench/wire/scoreboard.mjs --write\` on ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, with the newest
versions that run there.

| parser | version | compared | passed |
|---|---|---|---|
${rows.map(({ parser, failed }) => `| ${parser.name} | ${parser.version || "this repository"} | ${parser.shows.join(", ")} | ${vectors.length - failed.length} of ${vectors.length} |`).join("\n")}

## Failed, by file

| parser | ${files.map((file) => file.replace(".json", "")).join(" | ")} |
|---|${files.map(() => "---|").join("")}
${rows.map(({ parser, failed }) => `| ${label(parser)} | ${files.map((file) => failed.filter((vector) => vector.file === file).length || "").join(" | ")} |`).join("\n")}

## Failed cases

${rows
  .filter(({ failed }) => failed.length > 0)
  .map(
    ({ parser, failed }) =>
      `**${label(parser)}**: ${failed.map(({ file, name }) => `${file.replace(".json", "")}: ${name}`).join(" · ")}`,
  )
  .join("\n\n")}
`;
if (process.argv.includes("--write")) writeFileSync(`${ROOT}docs/scoreboard.md`, text);
else process.stdout.write(text);
// Their timers may go on for as long as they like.
process.exit();

function label({ name, version }) {
  return version === "" ? name : `${name} ${version}`;
}

function only(fields, message) {
  return Object.fromEntries(fields.map((field) => [field, message[field]]));
}

function cutsOf(bytes) {
  const cuts = [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))];
  const step = Math.max(1, Math.floor(bytes.length / 8));
  for (let at = 1; at < bytes.length; at += step) cuts.push([bytes.slice(0, at), bytes.slice(at)]);
  return cuts;
}
