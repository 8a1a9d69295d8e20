/**
 * A connection as something to draw: for any framework, or none.
 * This module is browser compatible.
 */
export { createStore, type Store } from "./store.ts";
export { type Frame, nextFrame } from "./frame.ts";
export type { MessageFor, Newest, Opened, OptionsOf, StoreUrl, View } from "./view.ts";
