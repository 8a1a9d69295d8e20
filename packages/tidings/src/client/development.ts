/**
 * Words on mistakes that nothing else would show, in development alone: bundlers drop this file for production.
 * This module is browser compatible.
 */
import { checkOptionNames, type OptionNames } from "../guard/option-names.ts";
import { type EventStreamError, explain } from "./core/event-stream-error.ts";

interface Warned {
  readonly onError?: ((error: EventStreamError) => void) | undefined;
}

const warned = new Set<string>();
const MOST_WARNINGS = 100;

/** Warns of options whose names resemble an option's, and of failures where there is no `onError`. */
export function withWarnings<Options extends Warned>(options: Options, names: readonly string[]): Options {
  const known: OptionNames = { known: names, allowsOthers: true };
  try {
    checkOptionNames("connect", options, known);
  } catch (mistake) {
    warn((mistake as Error).message);
  }
  if (options.onError) return options;
  return Object.assign({}, options, {
    onError({ code, message, willRetry }: EventStreamError) {
      if (!willRetry)
        warn(
          `${message}${code === "invalid" ? "" : ". The connection has ended"}; expected onError to handle this`,
        );
    },
  });
}

/** Makes an assignment throw that would do nothing: to a property that only an `EventSource` has. */
export function refuseEventSourceProperties(connection: object): void {
  for (const event of ["open", "message", "error"]) {
    const option = `on${event[0]!.toUpperCase()}${event.slice(1)}`;
    Object.defineProperty(connection, `on${event}`, {
      set() {
        throw new TypeError(
          `Cannot set on${event}: a connection has no such property, expected the option ${option}`,
        );
      },
    });
  }
}

/** Says of a failure what only the browser's console knows: that another origin may have refused the cursor's header. */
export function withCorsHint(cause: unknown, url: string, { headers }: RequestInit): unknown {
  const { location } = globalThis as { location?: Location };
  const hasCursor = !!(headers as Record<string, string>)["last-event-id"];
  if (!hasCursor || !location || new URL(url).origin === location.origin) return cause;
  return new Error(
    `${explain(cause)} (if this is CORS: Access-Control-Allow-Headers must name Last-Event-ID; or set cursorVia)`,
    { cause },
  );
}

/** Once for each text. */
function warn(text: string): void {
  if (warned.has(text) || warned.size >= MOST_WARNINGS) return;
  warned.add(text);
  // oxlint-disable-next-line no-console -- a warning of development
  console.warn(`Tidings: ${text}`);
}
