/** Hears of an outlet's events by functions, where a test has no stream to own it. */
import type { Outlet, OutletOwner } from "../../packages/tidings/src/server/out/outlet.ts";

export function hear(outlet: Outlet, { onDrain = ignore, onClose = ignore }: Partial<OutletOwner>): void {
  outlet.owner = { onDrain, onClose };
}

function ignore(): void {}
