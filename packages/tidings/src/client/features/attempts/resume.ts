/**
 * An answer that is started by one request and continued by another: a POST that starts it, a GET that returns to it.
 * This module is browser compatible.
 */
import type { Feature } from "../../core/feature.ts";
import type { HeadersInput, RequestParts, UrlObject } from "../../core/request.ts";
import type { TransportResponse } from "../../transports/transport.ts";

export interface ResumeRequest {
  url: string | UrlObject;
  /** Default: `"GET"`. */
  method?: string;
  /** Default: those of the first request, called again. */
  headers?: HeadersInput;
}

/** @returns The request to continue with, or a promise for it. */
export type Resume = (started: {
  /** The response that started the answer. */
  readonly response: TransportResponse;
  readonly lastEventId: string;
}) => ResumeRequest | PromiseLike<ResumeRequest>;

/** Continues with another request, once the first one was answered. Until then the first request is repeated only if it may be. */
export function resume(ask: Resume): Feature {
  return (core) => {
    let started: TransportResponse | undefined;
    return {
      canRepeat: () => started !== undefined,
      response(response) {
        started ||= response;
      },
      prepare() {
        if (!started) return;
        return Promise.resolve(ask({ response: started, lastEventId: core.lastEventId })).then((request) => {
          const { url, method, headers = core.parts.headers } = request;
          const parts: RequestParts = { url, method, headers, body: undefined };
          Object.assign(core.parts, parts);
        });
      },
    };
  };
}
