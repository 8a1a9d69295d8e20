/**
 * The suite in a worker of a browser: dedicated, shared, or a service worker.
 */
import { runSuite } from "../run.ts";
import type { Setting } from "../world.ts";

const scope = globalThis as unknown as {
  onmessage: unknown;
  onconnect: unknown;
  oninstall: unknown;
  skipWaiting?(): void;
};

function run({ data, ports }: MessageEvent<{ setting: Setting; skipped: string[] }>): Promise<void> {
  return runSuite(data.setting, data.skipped).then((outcomes) => ports[0]!.postMessage(outcomes));
}

scope.oninstall = () => scope.skipWaiting?.();
scope.onmessage = (event: MessageEvent & { waitUntil?(promise: Promise<void>): void }) => {
  const done = run(event);
  // A service worker may be ended when its events are done.
  event.waitUntil?.(done);
};
scope.onconnect = ({ ports }: MessageEvent) => {
  ports[0]!.onmessage = (event) => void run(event);
};
