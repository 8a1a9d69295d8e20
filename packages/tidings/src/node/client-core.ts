/**
 * What `tidings/client/core` is under Node: the same, with Node's own ways with bytes.
 */
import "./bytes.ts";

export * from "../client/core/index.ts";
