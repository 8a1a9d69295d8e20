/**
 * What `tidings` is under Node: the same, with Node's own ways with bytes.
 */
import "./bytes.ts";
import "./encode-bytes.ts";

export * from "../index.ts";
