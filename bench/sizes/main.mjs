/**
 * `npm run bench sizes`: what a browser loads for each of our main imports, beside what it loads for our peers'.
 *
 *     npm run bench sizes -- [--write]
 *
 * `--write` puts the table into docs/sizes.md.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OWN, weigh, weighOwn } from "./measure.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../../docs/sizes.md", import.meta.url));
const PEERS = [
  { from: "eventsource-parser", names: "createParser" },
  { from: "eventsource", names: "EventSource" },
  { from: "event-source-polyfill", names: "EventSourcePolyfill" },
  { from: "@microsoft/fetch-event-source", names: "fetchEventSource" },
  { from: "eventsource-client", names: "createEventSource" },
];

export async function main(args) {
  const unknown = args.find((arg) => arg !== "--write");
  if (unknown !== undefined)
    throw new RangeError(`Cannot run benchmark sizes: option is ${unknown}, expected --write or none`);
  install();
  const rows = ["| import | from | minified | gzipped | at most |", "|---|---|--:|--:|--:|"];
  for (const one of OWN) rows.push(row(one, one.from, await weighOwn(one), grouped(one.most)));
  for (const one of PEERS) {
    const { version } = JSON.parse(readFileSync(`${HERE}node_modules/${one.from}/package.json`, "utf8"));
    rows.push(
      row(one, `${one.from} ${version}`, await weigh(`export { ${one.names} } from "${one.from}"`, HERE), ""),
    );
  }
  process.stdout.write(`${rows.join("\n")}\n`);
  if (!args.includes("--write")) return;
  const text = readFileSync(DOCUMENT, "utf8");
  const [before, rest] = text.split("<!-- sizes -->\n");
  const [, after] = rest.split("<!-- /sizes -->");
  writeFileSync(DOCUMENT, `${before}<!-- sizes -->\n\n${rows.join("\n")}\n\n<!-- /sizes -->${after}`);
}

function row({ names }, from, { minified, gzipped }, most) {
  return `| \`${names}\` | ${from} | ${grouped(minified)} | ${grouped(gzipped)} | ${most} |`;
}

function grouped(bytes) {
  return bytes.toLocaleString("en");
}

function install() {
  if (existsSync(`${HERE}node_modules`)) return;
  process.stderr.write(`Installing into bench/sizes: ${PEERS.map(({ from }) => from).join(", ")}\n`);
  const args = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  const { status } = spawnSync("npm", args, { cwd: HERE, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`Cannot prepare benchmark sizes: \`npm ${args.join(" ")}\` failed`);
}
