/**
 * The hub in a simulated world: outlets that take bytes, refuse them, break and come back, with a clock and a scheduler of
 * its own, steered by a seed. A model knows what was accepted; every subscriber must have got exactly that, in order, or
 * have been told what is missing.
 */
import { describe, expect, it } from "vitest";
import { simulate, type Weather } from "./hub-simulation.ts";

/** @param runs - Of each kind, with the seeds from 1. */
export function describeSimulation(runs: number): void {
  describe("the hub under random faults", () => {
    const weathers: Weather[] = [
      "calm",
      "slow readers",
      "cuts",
      "small retention",
      "everything",
      "another process",
      "updates",
    ];
    for (const weather of weathers) {
      it(`loses nothing, doubles nothing and keeps the order: ${weather}`, { timeout: 60_000 }, async () => {
        let deliveries = 0;
        let gaps = 0;
        for (let seed = 1; seed <= runs; seed += 1) {
          const result = await simulate(seed, weather);
          expect(result.problems, `seed ${seed}`).toEqual([]);
          deliveries += result.deliveries;
          gaps += result.gaps;
        }
        // A simulation in which nothing happens proves nothing.
        expect(deliveries).toBeGreaterThan(runs * 100);
        expect(gaps > runs / 4).toBe(["small retention", "everything", "updates"].includes(weather));
      });
    }
  });
}
