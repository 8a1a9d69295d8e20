/**
 * Calls a function once for all who ask for it while it is under way: ten streams whose token ran out refresh it once.
 * This module is browser compatible.
 */

const flights = new WeakMap<() => unknown, Promise<unknown>>();

export function shareFlight(run: () => unknown): Promise<unknown> {
  let flight = flights.get(run);
  if (!flight) {
    const land = () => flights.delete(run);
    flight = Promise.resolve().then(run);
    flights.set(run, flight);
    flight.then(land, land);
  }
  return flight;
}
