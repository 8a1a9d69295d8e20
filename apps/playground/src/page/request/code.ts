/**
 * The request as code that does the same elsewhere: JavaScript for the chosen client, and curl.
 */
import type { StreamRequest } from "../stream/stream-client.ts";

/** @param base - What relative URLs are resolved against. */
export function toCurl(request: StreamRequest, base: string): string {
  const parts = ["curl -N"];
  if (request.method !== "GET") parts.push(`-X ${request.method}`);
  parts.push(`-H ${quoteForShell("Accept: text/event-stream")}`);
  const sendsBody = request.method !== "GET" && request.body !== "";
  const headers = [...request.headers];
  if (sendsBody && looksLikeJson(request.body) && !headers.some(([name]) => /^content-type$/i.test(name))) {
    headers.unshift(["Content-Type", "application/json"]);
  }
  if (request.lastEventId) headers.push(["Last-Event-ID", request.lastEventId]);
  for (const [name, value] of headers) parts.push(`-H ${quoteForShell(`${name}: ${value}`)}`);
  if (sendsBody) parts.push(`--data-raw ${quoteForShell(request.body)}`);
  parts.push(quoteForShell(absolute(request.url, base)));
  return parts.join(" \\\n  ");
}

export function toJavaScript(request: StreamRequest): string {
  return request.client === "connect" ? withConnect(request) : withEventSource(request);
}

function withConnect(request: StreamRequest): string {
  const { stopOn, lastEventId, replay } = request;
  const options = requestOptions(request);
  if (lastEventId) options.push(`lastEventId: ${quote(lastEventId)}`);
  if (stopOn.length === 1) options.push(`until: ${quote(stopOn[0]!)}`);
  if (stopOn.length > 1) {
    options.push(`until: ({ event }) => [${stopOn.map(quote).join(", ")}].includes(event)`);
  }
  if (replay && request.method !== "GET") options.push("retry: { replay: true }");
  return [
    'import { connect } from "tidings/client";',
    "",
    `const connection = connect(${quote(request.url)}${inBraces(options)});`,
    "for await (const { event, data } of connection) {",
    "  console.log(event, data);",
    "}",
  ].join("\n");
}

function withEventSource(request: StreamRequest): string {
  const own = request.client === "event-source";
  const types = [...new Set(["message", ...request.listenTo])].filter(
    (type) => !request.stopOn.includes(type),
  );
  const lines = own ? ['import { EventSource } from "tidings/client";', ""] : [];
  lines.push(
    `const source = new EventSource(${quote(request.url)}${own ? inBraces(requestOptions(request)) : ""});`,
  );
  for (const type of types) {
    lines.push(`source.addEventListener(${quote(type)}, ({ data }) => console.log(data));`);
  }
  for (const type of request.stopOn) {
    lines.push(`source.addEventListener(${quote(type)}, () => source.close());`);
  }
  return lines.join("\n");
}

function requestOptions({ method, headers, body }: StreamRequest): string[] {
  const options = [];
  if (method !== "GET") options.push(`method: ${quote(method)}`);
  if (headers.length > 0) {
    const pairs = headers.map(([name, value]) => `${quoteName(name)}: ${quote(value)}`);
    options.push(`headers: { ${pairs.join(", ")} }`);
  }
  if (method !== "GET" && body !== "") options.push(`body: ${asExpression(body)}`);
  return options;
}

/** An object or array stands as itself, since both clients send it as JSON; other text stands as a string. */
function asExpression(body: string): string {
  if (!looksLikeJson(body)) return quote(body);
  try {
    return JSON.stringify(JSON.parse(body))
      .replace(/"([A-Za-z_$][\w$]*)":/g, "$1: ")
      .replace(/^\{(?=.)/, "{ ")
      .replace(/\}$/, " }");
  } catch {
    return quote(body);
  }
}

function inBraces(options: readonly string[]): string {
  return options.length === 0 ? "" : `, {\n${options.map((option) => `  ${option},\n`).join("")}}`;
}

function looksLikeJson(body: string): boolean {
  return /^\s*[[{]/.test(body);
}

function absolute(url: string, base: string): string {
  return URL.canParse(url, base) ? new URL(url, base).href : url;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function quoteName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name);
}

function quoteForShell(text: string): string {
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`;
}
