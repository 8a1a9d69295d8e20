"use client";
/**
 * A connection of one component: open while it is mounted, drawn at most once a frame.
 * This module is browser compatible.
 */
import { useEffect, useState } from "react";
import { renewableStore } from "../store/store.ts";
import type { AnyOptions, MessageFor, Newest, OptionsOf, StoreUrl, View } from "../store/view.ts";
import type { EventSchemas } from "../wire/contract.ts";
import { bodyKey } from "./body-key.ts";
import { useStore } from "./use-store.ts";

/** What a component sees of its connection, and what it can do with it. */
export interface EventStreamView<Data> extends View<Data> {
  /** As of this drawing. It causes none itself. */
  readonly lastEventId: string;
  /** Ends the connection, with the verdict `"closed"`. What is in `data` stays. */
  close(this: void): void;
  /** Opens another connection, whatever the verdict: it goes on from the last event ID, or anew from `initial` where there is none. */
  reopen(this: void): void;
}

export interface DrawOptions<Data, Selected> {
  /** What of the data the component needs, as `data`. It is drawn anew only when that is another value. */
  select?(this: void, data: Data): Selected;
  /** When two values are the same one. Default: `Object.is`. */
  isEqual?(this: void, one: Selected, other: Selected): boolean;
  /**
   * What the stream depends on in addition to its URL, method and body: when it differs, as JSON, another connection is opened and `data`
   * begins anew.
   */
  key?: unknown;
}

/**
 * Opens an event stream while the component is mounted, and draws what comes of it.
 * Another connection is opened when `url`, `method`, `body` or `key` differ, compared as JSON; functions do not count as different.
 * Functions, headers and body are always those of the last drawing, so that they may be written in place; the other options are as
 * they were when the connection was opened.
 * @param url - As for `connect`. Nothing is opened while there is none.
 * @throws {TypeError} If `url` or an option makes no sense; an error boundary gets it.
 */
export function useEventStream<
  const Events extends EventSchemas | undefined = undefined,
  const Json extends boolean | undefined = undefined,
  const Keep extends number | undefined = undefined,
  Data = Newest<MessageFor<Events, Json>, Keep>,
  Selected = Data,
>(
  url: StoreUrl,
  options?: OptionsOf<Events, Json, Keep, Data> & DrawOptions<Data, Selected>,
): EventStreamView<Selected> {
  const given = (options ?? {}) as AnyOptions<Data> & DrawOptions<Data, Selected>;
  const { method, body, select, isEqual = Object.is } = given;
  const key = JSON.stringify([
    url && typeof url !== "function" ? String(url) : !!url,
    method,
    bodyKey(body),
    given.key,
  ]);
  const make = () => ({ key, store: renewableStore(url, given) });
  // Not a memo: what it holds outlives a hot reload.
  let [held, hold] = useState(make);
  if (held.key !== key) hold((held = make()));
  const { store } = held;
  const { close, reopen } = store;
  useEffect(() => store.renew(given));
  return useStore(
    store,
    (view) => ({
      ...view,
      data: select ? select(view.data) : (view.data as unknown as Selected),
      close,
      reopen,
    }),
    (one, other) =>
      one.state === other.state &&
      one.error === other.error &&
      one.verdict === other.verdict &&
      isEqual(one.data, other.data),
  );
}
