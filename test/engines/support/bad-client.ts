/**
 * A real client of an engine whose methods misbehave while one is broken: its own, those of what it returns, and those of what it calls
 * back with, such as a connection that a pool lends.
 */

export interface BadClient<Client> {
  readonly client: Client;
  /** The methods that were called, by name. */
  readonly called: Set<string>;
  /** From now on, every call of these methods is one of `code`. */
  breaks(name: string, code: (...values: never[]) => unknown): void;
  mend(): void;
  /** Has everything that emits say something that did not happen. */
  emit(name: string, ...values: unknown[]): void;
}

type Code = (...values: never[]) => unknown;

/** What has methods of its own, and is no value. */
function isOfClient(value: unknown): value is object {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof Error) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype !== null && prototype !== Object.prototype && !(value instanceof Map) && !(value instanceof Set)
  );
}

export function badClient<Client extends object>(real: Client): BadClient<Client> {
  const called = new Set<string>();
  const proxies = new WeakMap<object, object>();
  const emitters = new Set<{
    emit(name: string, ...values: unknown[]): unknown;
    listenerCount(name: string): number;
  }>();
  let broken: { readonly name: string; readonly code: Code } | undefined;

  const ofClient = (value: unknown): unknown => {
    if (!isOfClient(value)) return value;
    let proxy = proxies.get(value);
    if (proxy === undefined) {
      proxy = wrap(value);
      proxies.set(value, proxy);
      proxies.set(proxy, proxy);
    }
    return proxy;
  };
  const given = (value: unknown): unknown =>
    typeof value !== "function"
      ? value
      : (...values: unknown[]) => (value as (...values: unknown[]) => unknown)(...values.map(ofClient));
  // A listener is known by what it was first made: it is taken away by that.
  const listeners = new WeakMap<object, unknown>();
  const givenOnce = (value: unknown): unknown => {
    if (typeof value !== "function") return value;
    if (!listeners.has(value)) listeners.set(value, given(value));
    return listeners.get(value);
  };

  function wrap(target: object): object {
    if ("emit" in target && "listenerCount" in target) emitters.add(target as never);
    return new Proxy(target, {
      get(_, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== "function" || typeof key === "symbol" || key === "constructor") {
          return typeof value === "function" ? (value.bind(target) as unknown) : ofClient(value);
        }
        // A promise is waited for, and what it gives is of the client too.
        if (key === "then" || key === "catch" || key === "finally") {
          return (...values: unknown[]) => Reflect.apply(value, target, values.map(given));
        }
        return (...values: unknown[]) => {
          called.add(key);
          if (broken?.name === key) return broken.code(...(values as never[]));
          return ofClient(Reflect.apply(value, target, values.map(givenOnce)));
        };
      },
    });
  }

  return {
    client: ofClient(real) as Client,
    called,
    breaks: (name, code) => (broken = { name, code }),
    mend: () => (broken = undefined),
    emit(name, ...values) {
      for (const emitter of emitters) {
        try {
          if (emitter.listenerCount(name) > 0) emitter.emit(name, ...values);
        } catch (error) {
          // What the client's own listeners make of it is theirs.
          if (!/node_modules/.test(String((error as Error).stack).split("\n")[1]!)) throw error;
        }
      }
    },
  };
}
