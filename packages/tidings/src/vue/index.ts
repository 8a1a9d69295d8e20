/**
 * Event streams in Vue 3.3 and later.
 * This module is browser compatible.
 */
export { type EventStreamRefs, type KeyOptions, useEventStream } from "./use-event-stream.ts";
export { useStore, type ViewRefs } from "./use-store.ts";
export { createStore, type Store } from "../store/store.ts";
export type { View } from "../store/view.ts";
