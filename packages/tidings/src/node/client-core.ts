/**
 * What `tidings/client/core` is under Node: the same, with the fast parser.
 */
import "./client-parser.ts";

export * from "../client/core/index.ts";
