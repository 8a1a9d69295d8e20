/**
 * Warns, in development, when a hub is made again where one was made before that still has streams. Tools that reload modules do
 * that at each edit, and Next.js for each kind of route: what is then published to the new hub reaches none of those streams.
 * This module is browser compatible.
 */

interface MadeHub {
  stats(): { readonly streams: number };
}

const KEY = Symbol.for("tidings.hubs");
const MOST_PLACES = 100;

/** Remembers where a hub was made, as long as it lives. */
export function rememberHub(hub: MadeHub): void {
  if (!isDevelopment()) return;
  const place = placeOfCall();
  if (place === undefined) return;
  // Shared by all copies of this module: the one that is loaded again is another.
  const shared = globalThis as { [KEY]?: Map<string, WeakRef<MadeHub>> };
  const hubs = (shared[KEY] ??= new Map<string, WeakRef<MadeHub>>());
  const open = hubs.get(place)?.deref()?.stats().streams ?? 0;
  if (open > 0) {
    // oxlint-disable-next-line no-console -- a warning of development
    console.warn(
      `Tidings: a hub was made again at ${place}, while the one before has ${open} open streams, which get nothing that is published to the new one. Keep one hub for all copies of the module: globalThis.hub ??= createHub()`,
    );
  }
  if (hubs.size >= MOST_PLACES) hubs.clear();
  hubs.set(place, new WeakRef(hub));
}

interface Host {
  readonly process?: { readonly env?: { readonly NODE_ENV?: string } };
  readonly Deno?: {
    readonly permissions?: { querySync(what: { name: "env"; variable: string }): { readonly state: string } };
  };
}

function isDevelopment(): boolean {
  const { process, Deno } = globalThis as Host;
  // Where a program may not read its environment, Deno throws, or asks whoever sits at the terminal.
  const permission = Deno?.permissions?.querySync({ name: "env", variable: "NODE_ENV" });
  if (permission !== undefined && permission.state !== "granted") return false;
  return process?.env?.NODE_ENV === "development";
}

/** The line that called `createHub`, without what loaders add to tell copies of a module apart. */
function placeOfCall(): string | undefined {
  const lines = (new Error("place").stack ?? "").split("\n");
  const at = lines.findIndex((line) => line.includes("createHub"));
  return lines[at + 1]?.trim().replace(/\?[^:)]*/, "");
}
