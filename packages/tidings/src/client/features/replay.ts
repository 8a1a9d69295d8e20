/**
 * Requests that may change something, and are sent again all the same.
 * This module is browser compatible.
 */
import type { Feature } from "../core/feature.ts";

/** `true`: after every lost connection. `"unanswered"`: only if no event stream was received. */
export type Replay = boolean | "unanswered";

/** Sends a request again whose method may change something: any but GET, HEAD, OPTIONS and QUERY. */
export function replay(when: Replay): Feature {
  return () => {
    let may = !!when;
    return {
      canRepeat: () => may,
      response() {
        if (when === "unanswered") may = false;
      },
    };
  };
}
