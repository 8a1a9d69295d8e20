/** A log on disk, shared by the processes of one machine: `import { lmdbLog } from "tidings/log/lmdb"`. */
export { lmdbLog } from "./lmdb-log.ts";
export type { LmdbLogOptions } from "./options.ts";
export type { LmdbEnvironment } from "./environment.ts";
