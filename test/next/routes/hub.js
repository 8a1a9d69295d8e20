/**
 * The hub of all routes, as docs/frameworks.md says, and one as nobody should have it: Next loads this module for each kind of route.
 */
import { createHub } from "tidings/server";

const limits = { streams: 4, streamsPerSubscriber: 2 };

export const hub = (globalThis.hub ??= createHub({ limits }));
/** A hub of this copy of the module alone. */
export const ownHub = createHub();
