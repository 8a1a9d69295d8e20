/**
 * A store in a component, as refs: set when it has another view, at most once a frame.
 * This module is browser compatible.
 */
import {
  computed,
  type ComputedRef,
  getCurrentInstance,
  getCurrentScope,
  onActivated,
  onDeactivated,
  onMounted,
  onScopeDispose,
  shallowRef,
} from "vue";
import type { Store } from "../store/store.ts";
import type { View } from "../store/view.ts";

/** The fields of a view, each a ref that changes when it does. */
export type ViewRefs<Data> = { readonly [Field in keyof View<Data>]: ComputedRef<View<Data>[Field]> };

/**
 * What a component sees of a store that others look at too. The connection is open while any of them is mounted, and active where
 * there is `KeepAlive`.
 */
export function useStore<Data>(store: Store<Data>): ViewRefs<Data> {
  return lookAt(store).refs;
}

/** Looks at a store from when the component is mounted, so that a server opens nothing, and at once where there is no component. */
export function lookAt<Data>(store: Store<Data>): {
  readonly refs: ViewRefs<Data>;
  /** From now on at another. */
  turnTo(this: void, other: Store<Data>): void;
} {
  const view = shallowRef(store.getInitial());
  let isLooking = false;
  let stop: (() => void) | undefined;

  if (getCurrentInstance()) {
    onMounted(look);
    onActivated(look);
    onDeactivated(leave);
  } else if (typeof document === "object") look();
  if (getCurrentScope()) onScopeDispose(leave);

  const field = <Name extends keyof View<Data>>(name: Name) => computed(() => view.value[name]);
  return {
    refs: {
      data: field("data"),
      state: field("state"),
      error: field("error"),
      verdict: field("verdict"),
      lastEventId: field("lastEventId"),
    },
    turnTo(other) {
      const wasLooking = isLooking;
      leave();
      store = other;
      view.value = store.get();
      if (wasLooking) look();
    },
  };

  function look(): void {
    if (isLooking) return;
    isLooking = true;
    stop = store.subscribe(see);
    see();
  }

  function see(): void {
    view.value = store.get();
  }

  function leave(): void {
    isLooking = false;
    stop?.();
    stop = undefined;
  }
}
