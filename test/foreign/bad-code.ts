/** Code that is not ours, as nobody should write it. */

export const mistake = new Error("the application's mistake");

/** What is no answer to anything. */
const NONSENSE: readonly unknown[] = [
  null,
  "yes",
  -1,
  [],
  { then: 7 },
  {
    get then(): never {
      throw mistake;
    },
  },
];
/** The last of them throws when it is looked at. */
const THROWS_WHEN_READ = NONSENSE.length - 1;

/** Values that foreign code may throw instead of an Error. Reporting one must not throw again. */
const cyclic = new Error("one");
cyclic.cause = new Error("other", { cause: cyclic });
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const ODD: readonly unknown[] = [
  undefined,
  null,
  "text",
  Symbol("odd"),
  Object.create(null),
  { message: Object.create(null), toString: null },
  Object.freeze(new Error("frozen")),
  cyclic,
  revoked.proxy,
  {
    get message(): never {
      throw mistake;
    },
    get code(): never {
      throw mistake;
    },
    get cause(): never {
      throw mistake;
    },
  },
];

const foreign = new Set<unknown>([mistake, ...ODD]);
export const isForeign = (error: unknown): boolean => foreign.has(error);

/** Some of them cannot be shown by the test runner. */
export function shown(error: unknown): string {
  if (isForeign(error)) return `foreign (${ODD.indexOf(error)})`;
  return error instanceof Error ? String(error.stack) : typeof error;
}

type Code = (...values: never[]) => unknown;

export interface Bad {
  readonly name: string;
  /** `"unreadable"`: what it gives throws when it is looked at. */
  readonly kind: "throws" | "rejects" | "nonsense" | "unreadable" | "never" | "calls back";
  /** What it throws, rejects with, or throws when it is read. */
  readonly thrown: unknown;
  /** What it gives, where that is nonsense. */
  readonly given?: unknown;
  /** @param back - Calls into us, where the case has something to call. */
  readonly make: (back: () => unknown) => Code;
}

const throwing = (name: string, thrown: unknown): Bad => ({
  name,
  kind: "throws",
  thrown,
  make: () => () => {
    throw thrown;
  },
});
const rejecting = (name: string, thrown: unknown): Bad => ({
  name,
  kind: "rejects",
  thrown,
  make: () => () => Promise.reject(thrown),
});

export const bads: readonly Bad[] = [
  throwing("throws", mistake),
  rejecting("rejects", mistake),
  ...ODD.flatMap((odd, i) => [throwing(`throws odd (${i})`, odd), rejecting(`rejects with odd (${i})`, odd)]),
  ...NONSENSE.map((given, i): Bad => ({
    name: `gives nonsense (${i})`,
    kind: i === THROWS_WHEN_READ ? "unreadable" : "nonsense",
    thrown: mistake,
    given,
    make: () => () => given,
  })),
  { name: "never settles", kind: "never", thrown: undefined, make: () => () => new Promise(() => undefined) },
  { name: "calls back", kind: "calls back", thrown: undefined, make: (back) => back },
];

/** Whether it fails on every call, so that a report of what it threw is due. */
export const fails = ({ kind }: Bad): boolean =>
  kind === "throws" || kind === "rejects" || kind === "unreadable";
