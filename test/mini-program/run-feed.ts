/**
 * The feed page of a built program over a server of the test, and what the page shows of it.
 */
import { launch, type OpenPage, type Program } from "./host/program.ts";
import type { Knobs } from "./host/knobs.ts";

export interface Feed {
  readonly program: Program;
  readonly page: OpenPage;
  messages(): { event: string; data: string; id: string }[];
  data(): string[];
  /** `code: message`. */
  errors(): string[];
  states(): string[];
  verdict(): string;
}

export interface FeedOptions {
  knobs?: Partial<Knobs>;
  /** For `connect`. Returns within milliseconds unless told otherwise. */
  connect?: object;
  /** For `fromTaro`. */
  wx?: object;
  /** In a program that runs already. */
  program?: Program;
}

/** Opens the feed page of the program in `folder`. */
export function runFeed(folder: string, url: string, options: FeedOptions = {}): Feed {
  const program = options.program ?? launch(folder, options.knobs);
  const page = program.open("pages/feed/index", {
    url: encodeURIComponent(url),
    options: encodeURIComponent(JSON.stringify({ retry: { baseMs: 100, capMs: 100 }, ...options.connect })),
    wx: encodeURIComponent(JSON.stringify(options.wx ?? {})),
  });
  const shown = (id: string) => JSON.parse(page.text(id) || "[]") as never;
  return {
    program,
    page,
    messages: () => shown("messages"),
    data: () => (shown("messages") as { data: string }[]).map(({ data }) => data),
    errors: () => shown("errors"),
    states: () => shown("states"),
    verdict: () => page.text("verdict"),
  };
}
