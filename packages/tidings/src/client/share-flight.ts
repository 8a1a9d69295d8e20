/**
 * Calls a function once for all who ask for it while it is under way: ten streams whose token ran out refresh it once.
 * This module is browser compatible.
 */

const flights = new WeakMap<() => unknown, Promise<unknown>>();

export function shareFlight(run: () => unknown): Promise<unknown> {
  const known = flights.get(run);
  if (known) return known;
  const flight = new Promise((resolve) => resolve(run()));
  const land = () => flights.delete(run);
  flights.set(run, flight);
  flight.then(land, land);
  return flight;
}
