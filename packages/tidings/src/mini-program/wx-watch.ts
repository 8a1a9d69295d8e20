/**
 * What a host says of the screen and the network, as a connection wants to hear it.
 * This module is browser compatible.
 */
import type { PlatformSignals } from "../client/transports/transport.ts";
import { tell } from "../guard/foreign.ts";
import type { Doubt } from "./doubt.ts";
import type { WxEvents, WxNetwork } from "./wx-host.ts";

/** @returns How to stop. */
export function watchHost(
  host: WxEvents,
  interruptedAfterMs: number,
  doubt: Doubt,
  signals: PlatformSignals,
): () => void {
  let watching = true;
  let hiddenAtMs: number | undefined;
  /** The kind of network, where it is known. */
  let network: string | undefined;

  const hide = () => {
    if (!watching) return;
    hiddenAtMs = Date.now();
    doubt.lower();
    signals.onHide();
  };
  const show = () => {
    // Hosts call it at the launch too.
    if (!watching || hiddenAtMs === undefined) return;
    // By the clock, since timers stand still in the background. A picker or music can keep JavaScript running, so what
    // was heard of late is alive.
    const nowMs = Date.now();
    if (nowMs - hiddenAtMs >= interruptedAfterMs && !isDesktop(host)) {
      doubt.raise("the program was in the background", nowMs - interruptedAfterMs / 2);
    }
    hiddenAtMs = undefined;
    signals.onShow(false);
  };
  const change = (result: WxNetwork) => {
    const kind = kindOf(result);
    const before = network;
    network = kind;
    if (!watching || kind === before) return;
    // Without knowing what the network was, nobody can say that it changed.
    if (before === undefined && kind !== OFFLINE) return doubt.raise("the network may have changed");
    doubt.raise(kind === OFFLINE ? "the network went" : "the network changed");
    signals.onNetwork(kind !== OFFLINE);
  };

  tell(nothing, () => {
    if (!host.getNetworkType) return;
    return host.getNetworkType({
      success(result) {
        if (network === undefined) network = kindOf(result);
      },
    });
  });
  const events: [string, string | undefined, () => void][] = [
    ["AppShow", "Show", show],
    ["AppHide", "Hide", hide],
    ["NetworkStatusChange", undefined, change as () => void],
  ];
  const each = (what: "on" | "off") =>
    events.forEach(([name, inGames, listener]) => {
      const methods = host as { [name: string]: ((listener: () => void) => void) | undefined };
      const own = methods[`on${name}`] ? name : inGames;
      tell(nothing, () => {
        if (methods[what + own]) methods[what + own]!(listener);
      });
    });
  each("on");
  return () => {
    // Older hosts can be told to call, not to stop.
    watching = false;
    each("off");
  };
}

const OFFLINE = "offline";

/** Mobile networks hand a connection over from one to the other: they are one kind. */
function kindOf(result: WxNetwork | undefined): string {
  const { isConnected, networkType = "" } = Object(result) as WxNetwork;
  if (isConnected === false || /^(none|offline)$/.test(networkType)) return OFFLINE;
  return /^\dg$/.test(networkType) ? "mobile" : networkType;
}

/** On computers WeChat goes on while its window is hidden. */
function isDesktop(host: WxEvents): boolean {
  let platform: string | undefined;
  tell(nothing, () => {
    const info = host.getDeviceInfo
      ? host.getDeviceInfo()
      : host.getSystemInfoSync && host.getSystemInfoSync();
    platform = info && info.platform;
  });
  return /^(windows|mac|ohos_pc)$/.test(platform!);
}

function nothing(): void {}
