/** The simulation against real processes: three servers behind nginx, 2,000 subscribers; one server is killed, then all are restarted. */
import { prefer } from "../hub/priority.mjs";
import { countPer, steps } from "../lines.mjs";
import { crashOne, rollingRestart } from "../engines/rolling/restart.mjs";
import { comeBack, drainReturns } from "./model.mjs";

const READERS = 2_000;
const DRAIN = { overMs: 15_000, retryMs: [1_000, 3_000] };

export async function validate(table, draw) {
  prefer(process.pid);
  const world = { readers: READERS, topics: 200, perSecond: 200, drain: DRAIN };
  const killed = await crashOne(world);
  const measured = killed.returns;
  // From the moments when each reader saw that its stream had broken: the system tells them one after another.
  const simulated = comeBack({ lostMs: killed.losses, nodes: 2 });
  draw("scaling-validation", "One of three servers is killed: reconnects, simulated and measured", {
    x: "seconds after the kill",
    y: "reconnects in 100 ms",
    series: [
      { name: "streams that broke", points: steps(countPer(killed.losses, 100), 0.1) },
      { name: "returns, measured", points: steps(countPer(measured, 100), 0.1) },
      { name: "returns, simulated", points: steps(countPer(simulated, 100), 0.1) },
    ],
  });
  const { restarts } = await rollingRestart(world);
  const rows = [{ what: "killed", measured, simulated }];
  for (const [i, one] of restarts.entries()) {
    rows.push({
      what: `restart ${i + 1}`,
      measured: one.returns.map((ms) => ms - one.from),
      simulated: [...drainReturns(one.returns.length, DRAIN, 2)],
    });
  }
  table(
    "simulated against measured",
    rows.map((row) => ({
      what: row.what,
      readers: row.measured.length,
      "half back, s": seconds(row.measured, 0.5),
      simulated: seconds(row.simulated, 0.5),
      "95 % back, s": seconds(row.measured, 0.95),
      "simulated ": seconds(row.simulated, 0.95),
      "furthest apart": `${(distance(row.measured, row.simulated) * 100).toFixed(1)} %`,
    })),
  );
  table("the kill lost nothing", [{ lost: killed.lost, doubled: killed.doubled, gaps: killed.gaps }]);
}

function seconds(times, share) {
  return (times.toSorted((one, other) => one - other)[Math.floor(times.length * share)] / 1_000).toFixed(2);
}

/** The largest difference of the shares that are back at the same moment (Kolmogorov and Smirnov). */
function distance(one, other) {
  const [a, b] = [Float64Array.from(one).sort(), Float64Array.from(other).sort()];
  let most = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] <= b[j]) i += 1;
    else j += 1;
    most = Math.max(most, Math.abs(i / a.length - j / b.length));
  }
  return most;
}
