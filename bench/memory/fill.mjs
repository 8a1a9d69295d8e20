/** The process that is filled. Its argument is the case. */
import { cases } from "./cases.mjs";

/** What the process holds. Native parts are let go of in one collection, and freed in the next. */
function held() {
  global.gc();
  global.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const rest = () => new Promise((resolve) => void setTimeout(resolve, 200));

const { fill, filled, default: most } = cases[process.argv[2]];
await rest();
const before = held();
const { units, keep } = await fill();
if (keep.inTurn !== true) await rest();
const each = (held() - before) / units;
// Read behind the measurement, so that it is there until then.
if (keep === undefined) throw new Error("nothing is kept");
process.send({ filled: `${units.toLocaleString("en")} ${filled}`, each, atDefault: each * most }, () =>
  process.exit(),
);
