/**
 * Takes a response out of Fastify's hands: it would otherwise answer in its own way when the handler returns.
 * This module is browser compatible.
 */
import type { NodeResponse } from "./http-types.ts";
import type { FastifyReply } from "./http-types.ts";

/**
 * The response that a reply is about; a response itself comes back as it is. What hooks and plugins (CORS, cookies, rate
 * limits) have put on the reply is put on the response, where hijacking alone would lose it.
 */
export function takeOver(response: NodeResponse | FastifyReply): NodeResponse {
  if (!("hijack" in response)) return response;
  const { raw } = response;
  if (!raw.headersSent) {
    for (const [name, value] of Object.entries(response.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, typeof value === "number" ? String(value) : value);
    }
  }
  response.hijack();
  return raw;
}
