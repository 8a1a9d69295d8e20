/** Makes a hub. */
import type { EventMap } from "../../wire/contract.ts";
import type { Hub } from "./hub.ts";
import type { HubOptions } from "./hub-options.ts";
import { system } from "./environment.ts";
import { OpenHub } from "./open-hub.ts";
import { rememberHub } from "./replaced-hubs.ts";

/**
 * Makes a hub. `Events` maps event types to their data; it is inferred from the schemas in `options.events`.
 * @throws {RangeError} If a limit is not a positive number.
 * @throws {TypeError} If a pattern cannot be compiled, or `log` is no log.
 */
export function createHub<Events extends object = EventMap>(options: HubOptions<Events> = {}): Hub<Events> {
  const hub = new OpenHub(options, system);
  rememberHub(hub);
  return hub;
}
