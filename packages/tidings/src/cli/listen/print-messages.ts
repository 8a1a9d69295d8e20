/**
 * Messages for people: a line each, with time, event type, data and id; and for programs: NDJSON.
 */
import { harmless, stylesFor } from "../terminal/style.ts";
import { headerOf } from "../http/exchange.ts";
import { formatDuration } from "../arguments/units.ts";
import type { Io } from "../terminal/io.ts";
import type { HeardMessage, Printer } from "./heard.ts";
import { type JsonPath, jsonOf, valueAt } from "./json-path.ts";

export interface MessageFilter {
  /** Event types; empty for all. */
  readonly events: ReadonlySet<string>;
  /** What of the data is shown; messages without it are not. */
  readonly path: JsonPath | undefined;
}

/** What of a message is shown; undefined where the filter leaves it out. */
function picked(
  { events, path }: MessageFilter,
  { event, data }: HeardMessage,
): { value: unknown } | undefined {
  if (events.size > 0 && !events.has(event)) return undefined;
  if (path === undefined) return { value: data };
  const value = valueAt(jsonOf(data), path);
  return value === undefined ? undefined : { value };
}

/** One JSON object a line, or the value that `--json` names. */
export function ndjsonPrinter(filter: MessageFilter, write: (text: string) => void): Printer {
  return {
    message(message) {
      const pick = picked(filter, message);
      if (pick === undefined) return false;
      const { wallMs, event, id, data } = message;
      const line =
        filter.path === undefined ? { time: new Date(wallMs).toISOString(), event, id, data } : pick.value;
      // What it escapes is JSON still: a terminal takes some of what JSON allows for commands.
      write(`${harmless(JSON.stringify(line))}\n`);
      return true;
    },
  };
}

/** @param above - Writes whole lines. */
export function prettyPrinter(
  filter: MessageFilter,
  io: Io,
  above: (text: string) => void,
  { comments, head }: { readonly comments: boolean; readonly head: boolean },
): Printer {
  const { dim, event: name, strong, good, bad } = stylesFor(io.color.out);
  const printer: Printer = {
    head(response, url, requestedAtMs) {
      const { status, httpVersion, atMs } = response;
      const type = headerOf(response, "content-type") ?? "no content-type";
      const took = formatDuration(atMs - requestedAtMs);
      const style = status === 200 ? good : bad;
      above(
        `${style(String(status))} ${strong(harmless(type))} ${dim(`HTTP/${httpVersion}, after ${took}, ${harmless(url)}`)}\n`,
      );
      if (!head) return;
      for (const [field, value] of response.headers)
        above(`${dim(`${harmless(field)}:`)} ${harmless(value)}\n`);
      above("\n");
    },
    message(message) {
      const pick = picked(filter, message);
      if (pick === undefined) return false;
      const { value } = pick;
      const text = harmless(typeof value === "string" ? value : JSON.stringify(value));
      const shown = io.color.out && /^[[{]/.test(text) ? colouredJson(text, io) : text;
      const latency = message.latencyMs === undefined ? "" : ` ${dim(`${Math.round(message.latencyMs)} ms`)}`;
      const id = message.id === "" ? "" : ` ${dim(`#${harmless(message.id)}`)}`;
      above(
        `${dim(timeOf(message.wallMs))} ${name(harmless(message.event))} ${shown.replaceAll("\n", "\n             ")}${id}${latency}\n`,
      );
      return true;
    },
  };
  if (comments) {
    printer.comment = (text, wallMs) => above(`${dim(`${timeOf(wallMs)} : ${harmless(text)}`)}\n`);
  }
  return printer;
}

/** `12:03:04.250` in the zone of this machine. */
export function timeOf(wallMs: number): string {
  const date = new Date(wallMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function colouredJson(text: string, io: Io): string {
  const { dim, value } = stylesFor(io.color.out);
  return text.replaceAll(
    /("(?:[^"\\]|\\.)*")(\s*:)?|([{}[\],])/g,
    (_, quoted?: string, colon?: string, mark?: string) =>
      mark !== undefined ? dim(mark) : colon === undefined ? value(quoted!) : `${quoted!}${dim(colon)}`,
  );
}
