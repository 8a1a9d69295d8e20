"use client";
/**
 * A connection of one component: open while it is mounted, rendered at most once per frame.
 * This module is browser compatible.
 */
import { useEffect, useState } from "react";
import { renewableStore } from "../store/store.ts";
import type { AnyOptions, MessageFor, Newest, OptionsOf, StoreUrl, View } from "../store/view.ts";
import type { EventSchemas } from "../wire/contract.ts";
import { bodyKey } from "./body-key.ts";
import { useStore } from "./use-store.ts";

/** The connection of a component. */
export interface EventStreamView<Data> extends View<Data> {
  /** Its value at this render. A change causes no render. */
  readonly lastEventId: string;
  /** Closes the connection, with the verdict `"closed"`. `data` stays. */
  close(this: void): void;
  /** Opens another connection, after any verdict: it continues from the last event ID, or starts again from `initial` if there is none. */
  reopen(this: void): void;
}

export interface DrawOptions<Data, Selected> {
  /** Returns the part of the data that the component needs, as `data`. It renders again only if this value changes. Default: all data. */
  select?: ((this: void, data: Data) => Selected) | undefined;
  /** Returns whether two values are equal. Default: `Object.is`. */
  isEqual?: ((this: void, one: Selected, other: Selected) => boolean) | undefined;
  /**
   * What the stream depends on in addition to its URL, method and body: when it differs, as JSON, another connection is opened and `data`
   * begins anew.
   */
  key?: unknown;
}

/**
 * Opens an event stream while the component is mounted, and renders its data.
 * Another connection is opened when `url`, `method`, `body` or `key` differ, compared as JSON; functions do not count as different.
 * Functions, headers and body are always those of the last render, so you can write them inline. The other options are those of the
 * render in which the connection was opened.
 * @param url - As for `connect`. Without a URL, no connection is opened.
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
