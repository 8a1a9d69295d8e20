/**
 * `GET /api/sse?tick=N`: the time of day, once a second.
 * N+1 messages of the default type (N is 10 when absent), the first at once, then one of type `close`, then the end.
 */
import type { RequestHandler } from "express";
import { refuse } from "./refuse.ts";
import type { Open } from "./streams.ts";

const DEFAULT_TICKS = 10;
const MOST_TICKS = 86_400; // a day of seconds

export function clock(open: Open, tickMs: number): RequestHandler {
  return (request, response) => {
    const { tick } = request.query;
    let ticksLeft = tick === undefined ? DEFAULT_TICKS : wholeNumber(tick);
    if (ticksLeft === undefined || ticksLeft > MOST_TICKS) {
      const given = JSON.stringify(tick);
      refuse(
        response,
        400,
        `Cannot start clock: tick is ${given}, expected a whole number from 0 to ${MOST_TICKS}`,
      );
      return;
    }

    const stream = open(request, response);
    const timer = setInterval(tell, tickMs);
    stream.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    tell();

    function tell(): void {
      stream.send({ data: { time: timeOfDay(new Date()) } });
      if (ticksLeft!-- > 0) return;
      clearInterval(timer);
      stream.send({ event: "close", data: { message: "bye" } });
      stream.end();
    }
  };
}

/** `HH:MM:SS`, 24 hours, in the server's time zone. */
function timeOfDay(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** What a query parameter says, unless it says anything else: `1e3`, `+1`, ` 1` and a list are not it. */
function wholeNumber(parameter: unknown): number | undefined {
  return typeof parameter === "string" && /^[0-9]+$/.test(parameter) ? Number(parameter) : undefined;
}
