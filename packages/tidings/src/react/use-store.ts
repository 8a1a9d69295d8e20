"use client";
/**
 * A store in a component: drawn anew when what it looks at has changed, at most once a frame.
 * This module is browser compatible.
 */
import { useMemo, useSyncExternalStore } from "react";
import type { Store } from "../store/store.ts";
import type { View } from "../store/view.ts";

/**
 * What a component sees of a store that others look at too. The connection is open while any of them is there.
 * @param select - What of the view the component needs; it is drawn anew only when that is another value.
 * @param isEqual - When two values are the same one. Default: `Object.is`.
 */
export function useStore<Data>(store: Store<Data>): View<Data>;
export function useStore<Data, Selected>(
  store: Store<Data>,
  select: (view: View<Data>) => Selected,
  isEqual?: (one: Selected, other: Selected) => boolean,
): Selected;
export function useStore<Data, Selected>(
  store: Store<Data>,
  select?: (view: View<Data>) => Selected,
  isEqual: (one: Selected, other: Selected) => boolean = Object.is,
): Selected {
  const last = useMemo<{ selected?: { readonly is: Selected } }>(() => ({}), [store]);
  const [get, getInitial] = useMemo(() => {
    let seen: View<Data> | undefined;
    const selecting = (getView: () => View<Data>) => () => {
      const view = getView();
      if (view !== seen || !last.selected) {
        const is = select ? select(view) : (view as Selected);
        if (!last.selected || !isEqual(last.selected.is, is)) last.selected = { is };
        seen = view;
      }
      return last.selected.is;
    };
    return [selecting(store.get), selecting(store.getInitial)];
  }, [store, select, isEqual]);
  return useSyncExternalStore(store.subscribe, get, getInitial);
}
