/** A process on a log in LMDB; the argument is its folder. */
import { open } from "lmdb";
import { lmdbLog } from "tidings/log/lmdb";

export const createLog = (path) => lmdbLog(open({ path, overlappingSync: false, eventTurnBatching: false }));
