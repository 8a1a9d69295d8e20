/**
 * The last 30 seconds as a strip on which every event leaves a mark that drifts off: rhythm, bursts and silence at a glance.
 * The browser moves the marks; marks of the same tenth of a second are one that is taller.
 */
import { element } from "../element.ts";
import type { LoggedEvent } from "./event-log.ts";

export interface Pulse {
  mark(event: LoggedEvent): void;
  /** Running, the strip drifts; otherwise it stands, to be looked at. */
  running: boolean;
  clear(): void;
}

const SLOT_MS = 100;
const TALLEST = 24;

export function createPulse(): Pulse {
  const strip = element("pulse", HTMLDivElement);
  let slot = { kind: "", until: 0, count: 0, mark: undefined as HTMLElement | undefined };
  strip.addEventListener("animationend", ({ target }) => (target as Element).remove());
  return {
    mark(event) {
      const kind = event.kind === "message" && event.event !== "message" ? "named" : event.kind;
      if (slot.mark && slot.kind === kind && event.at.getTime() < slot.until) {
        slot.count++;
      } else {
        const mark = document.createElement("i");
        mark.className = kind;
        strip.append(mark);
        slot = { kind, until: event.at.getTime() + SLOT_MS, count: 1, mark };
      }
      slot.mark!.style.setProperty("--height", String(Math.min(slot.count, TALLEST)));
    },
    get running() {
      return strip.classList.contains("running");
    },
    set running(value) {
      strip.classList.toggle("running", value);
    },
    clear() {
      for (const mark of strip.querySelectorAll("i")) mark.remove();
      slot.mark = undefined;
    },
  };
}
