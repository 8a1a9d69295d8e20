/** A log on disk, shared by the processes of one machine: `import { lmdbLog } from "tidings/log/lmdb"`. */
export { lmdbLog, type LmdbLogOptions } from "./lmdb-log.ts";
export type { LmdbEnvironment } from "./tables.ts";
