/**
 * Servers as nobody should write them: for each case what the first attempt is answered with, and the second, and the third. Made by
 * chance from a seed, so that a case can be made again.
 */

export interface Answer {
  readonly status: number;
  /** In their order; a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The body, in the chunks in which it is written. */
  readonly chunks: readonly Uint8Array[];
  /** How it ends: as HTTP ends a response, by a cut, by a cut of the headers, or not at all. */
  readonly ending: "end" | "cut" | "no answer" | "stay";
  readonly gzip: boolean;
  /** What leads to it. */
  readonly redirect?: Redirect;
}

export interface Redirect {
  readonly status: number;
  /** Where the `Location` of each leads, or what else it is. */
  readonly to:
    | "here"
    | "another origin"
    | "another origin and back"
    | "itself"
    | "nowhere"
    | "no URL"
    | "no HTTP";
  /** How many there are, one after the other. */
  readonly count: number;
  /** Whether the `Location` is a whole URL within an origin too. */
  readonly absolute: boolean;
  /** Whether another origin may be read: by all without credentials, by this page with them too, or not at all. */
  readonly cors: "*" | "credentials" | "none";
}

export interface Case {
  readonly number: number;
  readonly answers: readonly Answer[];
  /** Of an EventSource. */
  readonly withCredentials: boolean;
}

/** Repeatable chance: a whole number from 0 up to `below`. */
type Chance = (below: number) => number;

export function chanceFrom(seed: number): Chance {
  let state = (seed * 2_654_435_761) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** After its last answer a case says 204, so that every client comes to an end. */
export function caseOf(number: number): Case {
  const chance = chanceFrom(number + 1);
  const count = 1 + chance(3);
  const answers = Array.from({ length: count }, (_, at) => answerOf(chance, at === 0));
  return { number, answers, withCredentials: chance(4) === 0 };
}

/** The most redirects that Fetch follows. */
export const MOST_REDIRECTS = 20;
const REDIRECTS = [301, 302, 303, 307, 308];

/** What becomes of the request of an attempt: it comes to the answer, to a redirect that is none, or to nothing. */
export function reached({ redirect, ending }: Answer): "answer" | "redirect" | "nothing" {
  if (redirect !== undefined) {
    const { status, to, count } = redirect;
    if (!REDIRECTS.includes(status) || to === "nowhere") return "redirect";
    if (["itself", "no URL", "no HTTP"].includes(to) || count > MOST_REDIRECTS) return "nothing";
  }
  return ending === "no answer" ? "nothing" : "answer";
}

/** Whether a page may not read what the redirect leads to. */
export function isDenied(answer: Answer, withCredentials: boolean): boolean {
  const { redirect } = answer;
  return (
    redirect !== undefined &&
    redirect.to.startsWith("another") &&
    REDIRECTS.includes(redirect.status) &&
    (redirect.cors === "none" || (withCredentials && redirect.cors === "*"))
  );
}

function redirectOf(chance: Chance, isFirst: boolean): Redirect {
  return {
    status: chance(12) === 0 ? pick(chance, [300, 304, 305]) : pick(chance, REDIRECTS),
    to: pick(chance, [
      "here",
      "here",
      "here",
      "another origin",
      "another origin",
      "another origin",
      "another origin and back",
      "itself",
      "nowhere",
      "no URL",
      "no HTTP",
    ] as const),
    // Chromium begins where it was led to before, which may be one more.
    count: pick(chance, [1, 1, 1, 1, 2, 3, isFirst ? MOST_REDIRECTS : 2, MOST_REDIRECTS + 1]),
    absolute: chance(2) === 0,
    cors: pick(chance, ["*", "credentials", "credentials", "none"] as const),
  };
}

const TYPES = [
  "text/event-stream",
  "text/event-stream;charset=utf-8",
  "Text/Event-Stream ; charset=UTF-8",
  "text/event-stream, text/event-stream",
  "text/html, text/event-stream",
  "text/event-stream, text/html",
  "text/event-streams",
  "text/html",
  "application/json",
  "x",
  "",
];
// Not 408 and 425: Chromium's network makes the request again by itself, before any EventSource hears of it.
const BAD_STATUSES = [
  201, 202, 203, 205, 206, 299, 304, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503, 504,
];

function answerOf(chance: Chance, isFirst: boolean): Answer {
  const headers: [string, string][] = [];
  const odd = chance(8);
  if (odd > 0) headers.push(["content-type", TYPES[0]!]);
  else headers.push(["content-type", pick(chance, TYPES)]);
  if (chance(40) === 0) headers.push(["content-type", pick(chance, TYPES)]);
  if (chance(4) === 0)
    headers.push(["cache-control", pick(chance, ["max-age=3600", "public, max-age=60", "no-store"])]);
  if (chance(8) === 0) headers.push(["retry-after", pick(chance, ["0", "1", "nonsense", "-5"])]);
  const status = chance(7) === 0 ? pick(chance, BAD_STATUSES) : 200;
  const body = bodyOf(chance, isFirst);
  const gzip = chance(10) === 0;
  const endings = [
    "end",
    "end",
    "end",
    "end",
    "cut",
    "cut",
    "no answer",
    chance(3) === 0 ? "stay" : "end",
  ] as const;
  const drawn = gzip ? "end" : pick(chance, endings);
  // A browser that was told no reconnection time yet waits for three seconds, so that this is rare at first.
  const isStream = headers.every(([name, value]) => name !== "content-type" || value === TYPES[0]);
  // Chromium reads on to find out the type of what is no event stream, so that it has to end.
  const ending =
    (drawn === "stay" && !isStream) || (drawn === "no answer" && isFirst && chance(8) > 0) ? "end" : drawn;
  const chunks = cut(chance, body);
  if (ending === "stay") chunks.push(new TextEncoder().encode(`\n\nevent: price\ndata: ${STAYS}\n\n`));
  // It stops in the middle, and is cut later; with a length that it promised, or without.
  if (ending === "cut" && chance(2) === 0) {
    const promised = chunks.reduce((sum, { length }) => sum + length, 1);
    if (status === 200 && chance(2) === 0) headers.push(["content-length", String(promised)]);
    chunks.length = chance(chunks.length + 1);
  }
  const answer = { status, headers, chunks, gzip, ending };
  return chance(12) === 0 ? { ...answer, redirect: redirectOf(chance, isFirst) } : answer;
}

/** The data of the last message of a stream that stays open. The client leaves then. */
export const STAYS = "and now I stay";

const EVENTS = ["a", "price", "message", "", "error", "open", "好"];
const IDS = [
  "1",
  "2",
  "a",
  "a",
  "",
  "response-1.7",
  "response-1.6",
  "invoice_2024.17",
  "k3Jd_93ms-Xq.5",
  "k3Jd_93ms-Xq.4",
  "信 1",
  "x\0y",
  "é",
];
const TEXTS = [
  "x",
  "",
  " two  spaces",
  "你好😀",
  "a:b",
  ":",
  "\u0000",
  "{}",
  "[DONE]",
  "data: x",
  "tab\tbed",
  "\ufeff",
];
const LINE_ENDS = ["\n", "\n", "\r\n", "\r"];

function bodyOf(chance: Chance, isFirst: boolean): Uint8Array {
  // Not a line of its own: Chromium then loses the next one, against the standard.
  let text = chance(12) === 0 ? "\ufeffdata: behind a BOM\n\n" : "";
  // Ours waits for a second at least, whatever is said here; the browser's for as long as it is told.
  if (isFirst || chance(2) === 0) text += "retry:1\n\n";
  if (chance(10) === 0) text += ":epoch k3Jd_93ms-Xq\n";
  for (let lines = chance(24); lines > 0; lines--) text += lineOf(chance) + pick(chance, LINE_ENDS);
  if (chance(3) > 0) text += "\n\n";
  const bytes = new TextEncoder().encode(text);
  // Broken UTF-8 is text with U+FFFD in it.
  for (let broken = chance(8) === 0 ? 1 + chance(3) : 0; broken > 0 && bytes.length > 20; broken--) {
    bytes[20 + chance(bytes.length - 20)] = pick(chance, [0x80, 0xc3, 0xff, 0xf0]);
  }
  return bytes;
}

function lineOf(chance: Chance): string {
  const space = chance(2) === 0 ? " " : "";
  switch (chance(10)) {
    case 0:
    case 1:
    case 2:
      return `data:${space}${pick(chance, TEXTS)}`;
    case 3:
      return `event:${space}${pick(chance, EVENTS)}`;
    case 4:
      return `id:${space}${pick(chance, IDS)}`;
    case 5:
      return `retry:${space}${pick(chance, ["1", "2", "x", "", "1.5", "-1", "3 "])}`;
    case 6:
      return `:${pick(chance, TEXTS)}`;
    case 7:
      return pick(chance, ["data", "id", "event", "retry", "unknown: x", "Data: x", " data: x", "data : x"]);
    default:
      return "";
  }
}

function cut(chance: Chance, bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = chance(3) === 0 ? 1 + chance(4) : 1 + chance(200);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function pick<T>(chance: Chance, from: readonly T[]): T {
  return from[chance(from.length)]!;
}
