/**
 * Tells a connection of the page it lives in: on the screen or not, online or not, put away by the browser and taken out again.
 * This module is browser compatible; where there is no page it tells nothing.
 */
import type { PlatformSignals } from "./transports/transport.ts";

export function watchPage(signals: PlatformSignals): () => void {
  const target = globalThis as Partial<Window & typeof globalThis>;
  const { document } = target;
  if (!target.addEventListener || !target.navigator || !("onLine" in target.navigator)) return () => {};
  // A machine without a network still reaches itself.
  const isLocal = /^(localhost$|127\.|\[::1\]$)/.test(target.location?.hostname ?? "");

  const listeners: [EventTarget | undefined, string, (event: Event) => void][] = [
    [
      document,
      "visibilitychange",
      () => (document!.visibilityState === "hidden" ? signals.onHide() : signals.onShow(false)),
    ],
    [target as EventTarget, "online", () => isLocal || signals.onNetwork(true)],
    [target as EventTarget, "offline", () => isLocal || signals.onNetwork(false)],
    // The back/forward cache takes no page with an open stream, and gives back none whose stream lived.
    [
      target as EventTarget,
      "pagehide",
      (event) => (event as PageTransitionEvent).persisted && signals.onNetwork(false),
    ],
    [
      target as EventTarget,
      "pageshow",
      (event) => (event as PageTransitionEvent).persisted && signals.onNetwork(true),
    ],
  ];
  for (const [on, type, listener] of listeners) on?.addEventListener(type, listener);
  return () => {
    for (const [on, type, listener] of listeners) on?.removeEventListener(type, listener);
  };
}
