/**
 * Stops with one clear sentence on a Node that is too old, before anything else can fail in a stranger way.
 * Written so that an old Node can read it.
 */
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Cannot run on Node ${process.versions.node}: expected 20.19 or later, see https://nodejs.org`,
  );
  if (process.argv[1].endsWith("test.mjs")) console.log("0 passed, 1 failed");
  process.exit(1);
}
