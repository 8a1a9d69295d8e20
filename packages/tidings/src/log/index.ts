/**
 * Logs, for those who choose one or write one. Whatever implements `Log` passes the suite of `tidings/log/contract`.
 * This module is browser compatible.
 */
export { type Cursor, formatCursor, parseCursor, randomEpoch } from "./cursor.ts";
export {
  type Appended,
  type AppendOptions,
  type Draft,
  type Entry,
  type Followed,
  type Log,
  LogError,
  type LogPosition,
  type LogStats,
  type OpenLogOptions,
  type Page,
  type ReadRequest,
  type Retention,
  type Selection,
  type Tail,
  type TailState,
  type TopicRetention,
} from "./log.ts";
export { memoryLog, type MemoryLogOptions } from "./memory/memory-log.ts";
