"use client";
/**
 * Event streams in React 18 and later.
 * This module is browser compatible.
 */
export { type DrawOptions, type EventStreamView, useEventStream } from "./use-event-stream.ts";
export { useStore } from "./use-store.ts";
export { createStore, type Store } from "../store/store.ts";
export type { View } from "../store/view.ts";
