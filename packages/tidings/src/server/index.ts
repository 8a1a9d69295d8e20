/**
 * The server: event streams over any response, of node:http, its frameworks, or the Fetch standard.
 */
export type { Outlet } from "./outlet.ts";
export { createFetchOutlet, type FetchRequest } from "./adapters/fetch.ts";
export { createNodeOutlet, type NodeRequest, type NodeResponse } from "./adapters/node.ts";
export { toChunk } from "./adapters/chunk.ts";
export { type HeadOptions, type ResponseHead, responseHead } from "./response-head.ts";
