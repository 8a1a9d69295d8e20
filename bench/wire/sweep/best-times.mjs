/**
 * Times contestants that take turns, round by round. The best round of each counts: other work of the machine only ever adds.
 * Where a runtime tells the time that the process spent on a processor, that is what counts. In whatever runtime this runs.
 */

const PASSES = 3;

/**
 * @param {object[]} cells
 * @param {{ rounds: number, roundMs: number, warmMs: number, progress: (done: number, all: number) => void }} plan
 * @param {(cell: object, pass: number) => (() => unknown)[] | Promise<(() => unknown)[]>} prepare - Gives a cell's contestants; asynchronous ones are awaited.
 * @returns {Promise<Map<object, number[]>>} By cell, the milliseconds of each contestant.
 */
export async function bestTimes(cells, { rounds, roundMs, warmMs, progress }, prepare) {
  const best = new Map();
  // Cell by cell, and then all again: what the machine did meanwhile is not the same cells' twice.
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [n, cell] of cells.entries()) {
      progress(pass * cells.length + n, PASSES * cells.length);
      const contestants = await prepare(cell, pass);
      const times = best.get(cell) ?? contestants.map(() => Infinity);
      best.set(cell, times);
      const repeats = [];
      for (const run of contestants) {
        let fastest = Infinity;
        for (let n = 0, spent = 0; n < 3 || spent < warmMs; n++) {
          const took = await time(run, 1);
          spent += took;
          fastest = Math.min(fastest, took);
        }
        // What is shorter is not told well enough by the clock.
        if (fastest > roundMs / 4) times[repeats.length] = Math.min(times[repeats.length], fastest);
        repeats.push(Math.max(1, Math.ceil(roundMs / Math.max(fastest, 0.005))));
      }
      for (let round = 0; round < rounds; round += PASSES) {
        for (const [n, run] of contestants.entries())
          times[n] = Math.min(times[n], (await time(run, repeats[n])) / repeats[n]);
      }
      // A browser's page must breathe.
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return best;
}

async function time(run, repeats) {
  const start = now();
  for (let n = 0; n < repeats; n++) {
    const pending = run();
    if (pending instanceof Promise) await pending;
  }
  return now() - start;
}

function now() {
  const used = globalThis.process?.cpuUsage?.();
  return used === undefined ? performance.now() : (used.user + used.system) / 1000;
}
