/**
 * Tells a connection of the page it lives in: on the screen or not, online or not, left, frozen, put away by the browser and taken out again.
 * This module is browser compatible; where there is no page it tells nothing.
 */
import type { PlatformSignals } from "../transports/transport.ts";

/** As much of a page as is used here: types without the DOM know none. */
interface Page extends Partial<Listened> {
  readonly document?: Listened & { readonly visibilityState: string };
  readonly location?: { readonly hostname?: string };
  readonly navigator?: object;
}

interface Listened {
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  removeEventListener(type: string, listener: (event: PageEvent) => void): void;
}

interface PageEvent {
  readonly type: string;
  readonly persisted?: boolean;
}

export function watchPage(signals: PlatformSignals): () => void {
  const page = globalThis as Page;
  const { document, location, navigator } = page;
  if (!page.addEventListener || !navigator || !("onLine" in navigator)) return () => {};
  // A machine without a network still reaches itself.
  const isLocal = /^(localhost$|127\.|\[::1\]$)/.test(location?.hostname ?? "");

  const listen = ({ type, persisted }: PageEvent) => {
    if (type === "visibilitychange") {
      if (document!.visibilityState === "hidden") signals.onHide();
      else signals.onShow(false);
    } else if (type === "resume") signals.onThaw?.();
    else if (type === "beforeunload") signals.onLeave?.();
    else {
      const isCache = type.startsWith("page");
      if (isCache ? persisted : !isLocal) signals.onNetwork(/^(online|pageshow)$/.test(type), isCache);
    }
  };
  const each = (how: "addEventListener" | "removeEventListener") => {
    for (const type of ["visibilitychange", "resume"]) document?.[how](type, listen);
    for (const type of ["online", "offline", "pagehide", "pageshow", "beforeunload"])
      page[how]!(type, listen);
  };
  each("addEventListener");
  return () => each("removeEventListener");
}
