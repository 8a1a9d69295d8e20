/**
 * What `tidings/client` is under Node: the same, with the fast parser.
 */
import "./client-parser.ts";

export * from "../client/index.ts";
