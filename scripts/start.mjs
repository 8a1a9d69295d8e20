/**
 * `npm start`: the playground on http://127.0.0.1:3001, from a fresh clone with nothing but Node and npm.
 * Installs what the lockfile asks for if that is not there, builds, and becomes the server. PORT chooses another port.
 */
import "./node-version.mjs";
import { isInstalled } from "./installs.mjs";
import { run } from "./run.mjs";

if (!isInstalled(".")) {
  console.log("Installing packages: npm ci");
  const { code } = await run("npm ci --ignore-scripts --no-audit --no-fund", { show: true });
  if (code !== 0) fail("Cannot start: npm ci failed, and says above why");
}

const build = await run("npm run build --silent");
if (build.code !== 0) {
  console.error(build.output.trim());
  fail("Cannot start: the build failed, and says above why");
}

// In this process, so that Ctrl-C and kill reach the server itself.
await import("../apps/playground/dist/server/main.js");

function fail(message) {
  console.error(message);
  process.exit(1);
}
