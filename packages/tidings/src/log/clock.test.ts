import { expect, it } from "vitest";
import { LogClock } from "./clock.ts";

const YEAR_MS = 365 * 86_400_000;

function clockAt(startMs: number, given = false) {
  const time = { system: startMs, monotonic: 0 };
  const jumps: string[] = [];
  const now = (): number => time.system;
  const clock = new LogClock({ now: given ? now : undefined, monotonic: () => time.monotonic });
  clock.onJump = ({ code }) => jumps.push(code);
  return { clock, time, jumps };
}

it("goes on evenly through one reading a year ahead, and reports it", () => {
  const { clock, time, jumps } = clockAt(1_000_000, true);
  expect(clock.read()).toBe(1_000_000);
  time.system += YEAR_MS;
  time.monotonic += 10;
  expect(clock.read()).toBe(1_000_010);
  time.system -= YEAR_MS - 20;
  time.monotonic += 10;
  expect(clock.read()).toBe(1_000_020);
  expect(jumps).toEqual(["clock"]);
});

it("believes a jump that lasts a minute: the machine was suspended", () => {
  const { clock, time, jumps } = clockAt(1_000_000, true);
  clock.read();
  time.system += YEAR_MS;
  for (let second = 0; second < 60; second += 1) {
    expect(clock.read()).toBe(1_000_000 + second * 1_000);
    time.system += 1_000;
    time.monotonic += 1_000;
  }
  expect(clock.read()).toBe(1_000_000 + YEAR_MS + 60_000);
  expect(jumps).toEqual(["clock"]);
});

it("never goes back, and lets time pass where the system's clock is far behind", () => {
  const { clock, time } = clockAt(1_000_000_000, true);
  clock.read();
  time.system -= 1_000;
  time.monotonic += 10;
  expect(clock.read()).toBe(1_000_000_000);
  time.system -= YEAR_MS;
  time.monotonic += 500;
  expect(clock.read()).toBe(1_000_000_500);
});

it("goes on from where another process has come, also when that was a year ahead", () => {
  const { clock, time } = clockAt(1_000_000, true);
  const ahead = 1_000_000 + YEAR_MS;
  expect(clock.read(ahead)).toBe(ahead);
  time.system += 700;
  time.monotonic += 700;
  expect(clock.read(ahead)).toBe(ahead + 700);
});

it("takes what passed while the log was closed for time, up to a day, and more once it lasts", () => {
  const dayLater = clockAt(86_400_000 + 5, true);
  expect(dayLater.clock.read(10)).toBe(86_400_005);
  const yearLater = clockAt(YEAR_MS, true);
  expect(yearLater.clock.read(10)).toBe(10);
  yearLater.time.monotonic = 60_000;
  expect(yearLater.clock.read(10)).toBe(YEAR_MS);
  expect(yearLater.jumps).toEqual([]);
});
