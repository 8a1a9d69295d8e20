/**
 * `npm run bench scaling`: a million subscribers over N nodes, simulated; and the same simulation against real processes, at
 * a size that fits on this machine (needs `npm ci` in test/engines, redis-server and nginx; `-- simulate` leaves that out). Draws
 * docs/images/scaling-*.svg.
 */
import { writeFileSync } from "node:fs";
import { countPer, drawLines, steps } from "../lines.mjs";
import { spreadOf } from "../engines/rolling/spread.mjs";
import { NODES, PRESENCE, SUBSCRIBERS, WORKLOADS } from "./assumptions.mjs";
import { crash, deploy, presence, steady, vanish } from "./model.mjs";

export async function main(args) {
  for (const workload of WORKLOADS) {
    table(
      `${workload.name}, ${workload.perSecond.toLocaleString("en")} messages a second`,
      NODES.map((nodes) => {
        const one = steady(workload, nodes);
        return {
          nodes,
          "streams a node": Math.round(one.streams),
          "MiB a node": Math.round(one.memoryBytes / 2 ** 20),
          "deliveries/s a node": Math.round(one.deliveries),
          "cores a node": one.nodeShare.toFixed(2),
          "cores of Redis": one.redisShare.toFixed(2),
          "Redis sends, MB/s": (one.redisBytes / 1e6).toFixed(1),
        };
      }),
    );
  }
  table(
    `presence of ${PRESENCE.members.toLocaleString("en")} members, besides`,
    NODES.map((nodes) => {
      const one = presence(nodes);
      return {
        nodes,
        "joins and leaves/s": Math.round(one.changes),
        "copies/s": Math.round(one.copies),
        "cores of Redis": one.redisShare.toFixed(2),
        "MiB a node": Math.round(one.memoryBytes / 2 ** 20),
      };
    }),
  );
  table(
    "a node dies",
    NODES.flatMap((nodes) =>
      Object.entries({ "process killed": crash, "machine gone": vanish }).map(([how, simulate]) => {
        const returns = simulate(nodes);
        const { most } = spreadOf(returns);
        return {
          nodes,
          how,
          streams: returns.length,
          "most/s, all": most,
          "most/s, a node": Math.round(most / (nodes - 1)),
          "all back after, s": (returns.at(-1) / 1_000).toFixed(1),
        };
      }),
    ),
  );
  table(
    "all nodes are restarted, one after another, 20 s each for the start",
    NODES.flatMap((nodes) =>
      [15_000, 60_000].map((overMs) => {
        const { returns, totalMs, mostAtOne } = deploy(nodes, { overMs, retryMs: [1_000, 3_000] }, 20_000);
        const { most, ratio } = spreadOf(returns);
        return {
          nodes,
          overMs: overMs,
          "reconnects each": (returns.length / SUBSCRIBERS).toFixed(2),
          minutes: (totalMs / 60_000).toFixed(1),
          "most/s": most,
          "streams that one node takes": Math.round(mostAtOne),
          "most by mean": ratio.toFixed(2),
        };
      }),
    ),
  );
  draw("scaling-crash", "A node of a million subscribers dies: reconnects at each other node", {
    x: "seconds after the process was killed",
    y: "reconnects a second at one node",
    series: NODES.map((nodes) => ({
      name: `${nodes} nodes`,
      points: steps(
        countPer(crash(nodes), 100).map((count) => (count * 10) / (nodes - 1)),
        0.1,
      ),
    })),
  });
  draw("scaling-deploy", "All 20 nodes of a million subscribers are restarted", {
    x: "minutes since the deployment began",
    y: "reconnects a second, all nodes",
    series: [15_000, 60_000].map((overMs) => ({
      name: `overMs ${overMs.toLocaleString("en")}`,
      points: countPer(deploy(20, { overMs, retryMs: [1_000, 3_000] }, 20_000).returns, 1_000).map(
        (count, second) => [second / 60, count],
      ),
    })),
  });
  if (!args.includes("simulate")) await (await import("./validate.mjs")).validate(table, draw);
}

function draw(name, title, plot) {
  writeFileSync(new URL(`../../docs/images/${name}.svg`, import.meta.url), drawLines({ title, ...plot }));
}

function table(title, rows) {
  process.stdout.write(`\n${title}\n`);
  const names = Object.keys(rows[0]);
  const cells = [names, ...rows.map((row) => names.map((name) => show(row[name])))];
  const widths = names.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  for (const row of cells)
    process.stdout.write(`  ${row.map((cell, i) => cell.padStart(widths[i])).join("  ")}\n`);
}

function show(value) {
  return typeof value === "number" ? value.toLocaleString("en") : value;
}
