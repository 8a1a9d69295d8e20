/**
 * Opens a stream with an `EventSource`: Tidings' own or the browser's. They share an interface; what ours has beyond it
 * is the request, and the reason of an error.
 */
import { EventSource as TidingsEventSource, type EventSourceErrorEvent } from "tidings/client";
import { toFailure } from "./connect-client.ts";
import { type Failure, isCrossOrigin, type OpenStream, type StreamRequest } from "./stream-client.ts";

export const openWithTidingsEventSource: OpenStream = (request, listener) => {
  const { url, method, headers, body } = request;
  const sendsBody = method !== "GET" && body !== "";
  return follow(
    new TidingsEventSource(url, { method, headers, ...(sendsBody && { body }) }),
    request,
    listener,
  );
};

export const openWithBrowserEventSource: OpenStream = (request, listener) =>
  follow(new EventSource(request.url), request, listener);

function follow(
  source: EventSource | TidingsEventSource,
  { url, stopOn, listenTo }: StreamRequest,
  listener: Parameters<OpenStream>[1],
): ReturnType<OpenStream> {
  // Its interface has one state for connecting and for waiting to: a second error without an open between them is the
  // end of another attempt.
  const target: EventTarget = source;
  const end = (ending: Parameters<typeof listener.onEnd>[0]): void => {
    source.close();
    for (const type of types) target.removeEventListener(type, onMessage);
    listener.onEnd(ending);
  };
  const onMessage = (event: Event): void => {
    const { type, data, lastEventId } = event as MessageEvent<string>;
    // An event of type "error" that the server sent is a message; the one that the client fires has no data.
    if (typeof data !== "string") return;
    listener.onMessage({ event: type, data, id: lastEventId });
    if (stopOn.includes(type)) end("complete");
  };
  const types = new Set(["message", ...stopOn, ...listenTo]);
  for (const type of types) target.addEventListener(type, onMessage);

  target.addEventListener("open", (event) => {
    if (event instanceof MessageEvent) return;
    listener.onState("open");
    listener.onOpen(undefined);
  });
  target.addEventListener("error", (event) => {
    if (event instanceof MessageEvent) return;
    const final = source.readyState === source.CLOSED;
    const { error } = event as EventSourceErrorEvent;
    const failure = error ? toFailure(error, url) : untold(url, final);
    listener.onError({ ...failure, willRetry: !final });
    if (final) end("failed");
    else listener.onState("waiting");
  });
  return { stop: () => end("stopped") };
}

function untold(url: string, final: boolean): Failure {
  return {
    code: final ? "browser-gave-up" : "browser-retries",
    message: "",
    crossOrigin: isCrossOrigin(url),
    willRetry: !final,
  };
}
