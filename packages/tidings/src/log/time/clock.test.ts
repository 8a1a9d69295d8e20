import { expect, it } from "vitest";
import { LogClock } from "./clock.ts";
import { ServerClock } from "./server-clock.ts";

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

it("goes by the clock of the server that keeps the log, where there is one, and by none that is ahead of that", () => {
  const server = new ServerClock();
  server.told(1_000_000_000, performance.now());
  let nowMs = 1_000_000_000 + YEAR_MS;
  const [alone, given] = [new LogClock({ server }), new LogClock({ server, now: () => nowMs })];
  for (const clock of [alone, given]) {
    expect(clock.read(999_999_000)).toBeGreaterThanOrEqual(1_000_000_000);
    expect(clock.read(999_999_000)).toBeLessThan(1_000_060_000);
  }
  nowMs = 500_000_000;
  expect(new LogClock({ server, now: () => nowMs }).read()).toBe(500_000_000);
});

it("reports a jump of the server's clock as that", () => {
  const server = new ServerClock();
  server.told(1_000_000_000, performance.now());
  const clock = new LogClock({ server });
  const jumps: string[] = [];
  clock.onJump = ({ message }) => jumps.push(message);
  clock.read();
  server.told(1_000_000_000 + YEAR_MS, performance.now());
  expect(clock.read()).toBeLessThan(1_000_060_000);
  expect(jumps).toEqual([expect.stringMatching(/^The clock of the server jumped ahead by 31536000 s\./)]);
});

it("believes no first reading that is ahead of what time it should be, where something tells that", () => {
  const { clock, time, jumps } = clockAt(1_000_000 + YEAR_MS, true);
  expect(clock.read(1_000_000, 1_500_000)).toBe(1_500_000);
  time.monotonic += 10;
  expect(clock.read(1_000_000)).toBe(1_500_010);
  expect(jumps).toEqual(["clock"]);
  const right = clockAt(1_500_500, true);
  expect(right.clock.read(1_000_000, 1_500_000)).toBe(1_500_500);
  expect(right.jumps).toEqual([]);
});

it("is never ahead of the server, however late an answer comes, and no further behind than the answer took", () => {
  const server = new ServerClock();
  const startMs = performance.now();
  const trueMs = (): number => 1_000_000_000 + performance.now() - startMs;
  const bounds = (): void => {
    expect(server.now()!).toBeLessThanOrEqual(trueMs() + 0.01);
    expect(server.latest()!).toBeGreaterThanOrEqual(trueMs() - 0.01);
  };
  // Answered after ten seconds, of which most were on the way there, or on the way back.
  server.told(Math.floor(trueMs()), performance.now() - 9_999, performance.now() + 1);
  bounds();
  server.told(Math.floor(trueMs()), performance.now() - 1, performance.now() + 9_999);
  bounds();
  expect(server.latest()! - server.now()!).toBeLessThan(4);
  // It takes nothing of it back that a later answer took longer.
  server.told(Math.floor(trueMs()), performance.now() - 5_000, performance.now() + 5_000);
  bounds();
  expect(server.latest()! - server.now()!).toBeLessThan(4);
});

it("believes the newest answer where the server's clock was set, or another server answers", () => {
  const server = new ServerClock();
  for (const atMs of [1_000_000_000, 1_000_005_000, 999_000_000]) {
    const nowMs = performance.now();
    server.told(atMs, nowMs - 10, nowMs);
    expect(Math.abs(server.now()! - atMs)).toBeLessThan(1_000);
  }
});
