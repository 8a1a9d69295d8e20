/**
 * A rolling restart in full: three servers behind nginx, 2,000 subscribers, 200 messages a second over 200 topics. Draws when
 * readers come back: docs/images/rolling-restart.svg.
 */
import { writeFileSync } from "node:fs";
import { prefer } from "../hub/priority.mjs";
import { countPer, drawLines, steps } from "../lines.mjs";
import { rollingRestart } from "./rolling/restart.mjs";
import { spreadOf } from "./rolling/spread.mjs";

const IMAGE = new URL("../../docs/images/rolling-restart.svg", import.meta.url);

export async function measureRolling(print) {
  // And with it the processes that it starts: one that waits for its turn looks like a server that sends everyone away at once.
  prefer(process.pid);
  const { restarts, ...counts } = await rollingRestart({
    readers: 2_000,
    topics: 200,
    perSecond: 200,
    drain: { overMs: 15_000, retryMs: [1_000, 3_000] },
    settleMs: 500,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  const figures = { ...counts };
  const returns = restarts.flatMap((one) => one.returns);
  for (const [i, one] of restarts.entries()) {
    const { mean, most, ratio } = spreadOf(one.returns);
    figures[`restart ${i + 1}: readers that came back`] = one.returns.length;
    figures[`restart ${i + 1}: mean a second`] = mean;
    figures[`restart ${i + 1}: most in any second`] = most;
    figures[`restart ${i + 1}: most by mean`] = ratio;
  }
  const whole = spreadOf(returns);
  figures["whole deployment: mean a second"] = whole.mean;
  figures["whole deployment: most in any second"] = whole.most;
  figures["whole deployment: most by mean"] = whole.ratio;
  print("rolling restart, 3 servers behind nginx, 2,000 readers, 200 messages a second", figures);
  const perSecond = countPer(returns, 1_000);
  writeFileSync(
    IMAGE,
    drawLines({
      title: "A rolling restart of three servers: 2,000 subscribers come back",
      x: "seconds since the deployment began",
      y: "reconnects a second",
      series: [
        { name: "reconnects, measured", points: steps(perSecond, 1) },
        {
          name: "2 × the mean",
          points: [
            [0, 2 * whole.mean],
            [perSecond.length, 2 * whole.mean],
          ],
          dashed: true,
        },
      ],
      spans: restarts.map(({ from, drained }, i) => ({
        from: from / 1_000,
        to: drained / 1_000,
        name: `server ${i + 1} drains`,
      })),
    }),
  );
}
