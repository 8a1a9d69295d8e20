/**
 * A client of the Model Context Protocol whose streams are read with `connect`: starts, calls the tool `test_reconnection` by POST, and returns by GET
 * until its result has come. Run by the conformance suite, with the server's URL as its last argument.
 */
import { connect } from "tidings/client";

const url = process.argv.at(-1);
const accept = "application/json, text/event-stream";
const headers = { accept, "content-type": "application/json" };

async function post(message) {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  const response = await fetch(url, { method: "POST", headers, body });
  const session = response.headers.get("mcp-session-id");
  if (session !== null) headers["mcp-session-id"] = session;
  return response.headers.get("content-type")?.includes("json") ? response.json() : response.text();
}

const clientInfo = { name: "tidings", version: "1" };
const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
const { result } = await post({ id: 1, method: "initialize", params });
headers["mcp-protocol-version"] = result.protocolVersion;
await post({ method: "notifications/initialized" });
await post({ id: 2, method: "tools/list" });

const call = connect(url, {
  method: "POST",
  headers,
  body: { jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "test_reconnection", arguments: {} } },
  resume: () => ({ url, headers: { ...headers, accept: "text/event-stream" } }),
  // The time that the server asks for, no more: no crowd returns with this client.
  retry: { baseMs: 100, capMs: 100 },
  until: ({ data }) => data !== "" && JSON.parse(data).id === 3,
});
for await (const { data } of call) console.log(data);
process.exit((await call.ended).reason === "complete" ? 0 : 1);
