/**
 * A connection of one component: open while it is mounted, its refs set at most once a frame.
 * This module is browser compatible.
 */
import { type MaybeRefOrGetter, toValue, watch } from "vue";
import { renewableStore } from "../store/store.ts";
import type { AnyOptions, MessageFor, Newest, OptionsOf } from "../store/view.ts";
import type { EventSchemas } from "../wire/contract.ts";
import { lookAt, type ViewRefs } from "./use-store.ts";

/** What a component sees of its connection, and what it can do with it. */
export interface EventStreamRefs<Data> extends ViewRefs<Data> {
  /** Ends the connection, with the verdict `"closed"`. What is in `data` stays. */
  close(this: void): void;
  /** Opens another connection, whatever the verdict: it goes on from the last event ID, or anew from `initial` where there is none. */
  reopen(this: void): void;
}

export interface KeyOptions {
  /** What the stream depends on in addition to its URL: when it differs, as JSON, another connection is opened and `data` begins anew. */
  key?: MaybeRefOrGetter<unknown>;
}

/**
 * Opens an event stream while the component is mounted and, in `KeepAlive`, active.
 * Another connection is opened when `url` or `key` changes. What else depends on refs is given as a function, which is asked at each
 * attempt: `body: () => ({ q: q.value })`.
 * @param url - A value, a ref or a getter. Nothing is opened while there is none.
 * @throws {TypeError} If `url` or an option makes no sense; `onErrorCaptured` gets it.
 */
export function useEventStream<
  const Events extends EventSchemas | undefined = undefined,
  const Json extends boolean | undefined = undefined,
  const Keep extends number | undefined = undefined,
  Data = Newest<MessageFor<Events, Json>, Keep>,
>(
  url: MaybeRefOrGetter<string | URL | null | undefined>,
  options?: OptionsOf<Events, Json, Keep, Data> & KeyOptions,
): EventStreamRefs<Data> {
  const given = (options ?? {}) as AnyOptions<Data> & KeyOptions;
  const make = () => renewableStore(toValue(url), given);
  let store = make();
  const { refs, turnTo } = lookAt(store);
  watch(
    () => JSON.stringify([toValue(url), toValue(given.key)]),
    () => turnTo((store = make())),
  );
  return { ...refs, close: () => store.close(), reopen: () => store.reopen() };
}
