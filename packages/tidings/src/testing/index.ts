/**
 * For tests of programs that read event streams: a scripted server behind a `fetch`, virtual time, recordings.
 * This module is browser compatible.
 */
export type { Answer, AnswerOrRefusal, Sent, Step, TestMessage } from "./answer.ts";
export { createTestClock, type TestClock, type TestClockOptions } from "./clock.ts";
export { createRandom } from "./random.ts";
export { answerOf, record, type RecordOptions, replay, type ReplayOptions } from "./record.ts";
export { formatRecording, parseRecording, type RecordedChunk, type Recording } from "./recording.ts";
export type {
  RequestFacts,
  Scripted,
  ScriptedServer,
  ScriptOptions,
  TestRequest,
} from "./scripted-server.ts";
export { createTestFetch, type TestFetch } from "./fetch.ts";
