/** A process that opens a log in LMDB where few may read, and says what came of it; the argument is its folder. */
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";

const [path] = process.argv.slice(2);
const retention = { messages: 100, bytes: 100_000, ageMs: 60_000 };
const log = lmdbLog(open({ path, maxReaders: 2, overlappingSync: false, eventTurnBatching: false }));
log.open({ retention, onTail: () => undefined }).then(
  () => process.send("open"),
  (error) => process.send(String(error)),
);
process.on("message", () => undefined);
