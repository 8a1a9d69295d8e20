/**
 * Answers with scenarios on node:http or, when the first argument says so, node:http2. Node runs it, and so do Bun and Deno.
 */
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { answer } from "../../servers/answer.ts";

const server = process.argv.includes("http2") ? http2.createServer(answer) : http.createServer(answer);
server.listen(0, "127.0.0.1", () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
