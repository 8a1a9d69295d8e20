/** How cost grows: of a message with the number of streams, of an idle process with streams, of a run with messages. */
import { exponent } from "../plot.mjs";
import { withServer } from "../session.mjs";

const STREAMS_OF_MESSAGES = 100;
const CREDIT = 256;

/** CPU of the server for `count` messages to 100 streams, in closed loop. */
export async function measureMessages({ load, samples, say }, name, counts, round) {
  await withServer(name, { load }, async ({ open, run }) => {
    await open(STREAMS_OF_MESSAGES);
    await run("pour", { count: 5000, credit: CREDIT });
    for (const count of counts) {
      const poured = await run("pour", { count, credit: CREDIT });
      samples.add(name, count, round, { pouredCpuMs: poured.cpuUs / 1000 });
      say(name, count, round);
    }
  });
}

/** The series of a plot, from what was measured. @returns One for each server that has two points or more. */
export function seriesOf(samples, servers, places, metric, toValue = (value) => value) {
  return servers
    .map((name) => ({
      name,
      points: places.flatMap((place) => {
        const value = samples.median(name, place, metric);
        return value === undefined ? [] : [[place, toValue(value, place)]];
      }),
    }))
    .filter(({ points }) => points.length > 1);
}

export function addExponent(samples, metric, series) {
  for (const { name, points } of series) samples.add(name, 0, 0, { [metric]: exponent(points) });
}
