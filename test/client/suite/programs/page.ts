/**
 * The suite in a page, which also starts the workers that run it.
 */
import { runSuite } from "../run.ts";
import type { Outcome, Setting } from "../world.ts";

export type Place = "page" | "dedicated worker" | "shared worker" | "service worker";

declare global {
  /** Starts it; the outcomes are in `suiteOutcomes` when there are any. */
  var runSuiteIn: (place: Place, setting: Setting, skipped: string[]) => void;
  var suiteOutcomes: Outcome[] | undefined;
}

globalThis.runSuiteIn = (place, setting, skipped) => {
  void run(place, setting, skipped).then((outcomes) => {
    globalThis.suiteOutcomes = outcomes;
  });
};

async function run(place: Place, setting: Setting, skipped: string[]): Promise<Outcome[]> {
  if (place === "page") return runSuite(setting, skipped);
  const { port1, port2 } = new MessageChannel();
  const outcomes = new Promise<Outcome[]>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<Outcome[]>) => resolve(data);
  });
  const order = { setting, skipped };
  if (place === "dedicated worker") new Worker("/worker.js").postMessage(order, [port2]);
  else if (place === "shared worker") new SharedWorker("/worker.js").port.postMessage(order, [port2]);
  else {
    await navigator.serviceWorker.register("/worker.js");
    (await navigator.serviceWorker.ready).active!.postMessage(order, [port2]);
  }
  return outcomes;
}
