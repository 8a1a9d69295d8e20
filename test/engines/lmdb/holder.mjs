/** A process that begins a write in an environment of LMDB and never goes on; the argument is its folder. */
import { writeSync } from "node:fs";
import { open } from "lmdb";

const [path] = process.argv.slice(2);
open({ path, maxDbs: 40, overlappingSync: false, eventTurnBatching: false }).transactionSync(() => {
  writeSync(1, "held\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
