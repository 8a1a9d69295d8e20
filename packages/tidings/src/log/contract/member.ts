/**
 * One process of several that share a log, in their tests: appends as fast as it can, and says what was acknowledged and what
 * its tail handed on. It is told what to do, and killed, by its parent.
 */
import type { Draft, Entry, Log, Page, Retention } from "../log.ts";

/** How a member is started, as JSON in its first argument. */
export interface MemberOptions {
  /** URL of a module that exports `createLog(argument): Log`. */
  readonly module: string;
  readonly argument: string;
  readonly name: string;
  readonly topics: readonly string[];
  readonly retention: Omit<Retention, "forTopic">;
}

export type MemberCommand =
  | { readonly do: "append"; readonly messages: number }
  | { readonly do: "read"; readonly after: number }
  | { readonly do: "close" };

/** `[offset, topic, text]` */
export type Told = readonly [offset: number, topic: string, text: string];

export type MemberReport =
  | { readonly kind: "opened"; readonly head: number; readonly followed: number; readonly epoch: string }
  | { readonly kind: "acknowledged"; readonly entry: Told }
  | { readonly kind: "rejected"; readonly text: string; readonly message: string }
  | { readonly kind: "done" }
  | {
      readonly kind: "tail";
      readonly after: number;
      readonly through: number;
      readonly entries: readonly Told[];
    }
  | { readonly kind: "read"; readonly entries: readonly Told[]; readonly lostThrough: number }
  | { readonly kind: "error"; readonly message: string };

const AT_ONCE = 8;

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2]!) as MemberOptions;
  const { module, argument, topics, retention } = options;
  const { createLog } = (await import(module)) as { createLog: (argument: string) => Log | Promise<Log> };
  const log = await createLog(argument);
  const position = await log.open({
    retention,
    onTail: ({ after, through, entries }) =>
      say({
        kind: "tail",
        after,
        through,
        entries: entries.map(told).filter(([, topic]) => topics.includes(topic)),
      }),
    onError: (error) => say({ kind: "error", message: String(error) }),
  });
  const followed = (await log.follow?.(topics)) ?? position.head;
  let appended = 0;
  const obey = async (command: MemberCommand): Promise<void> => {
    if (command.do === "append") {
      const first = appended;
      appended += command.messages;
      const appendSome = async (offset: number): Promise<void> => {
        for (let n = first + offset; n < first + command.messages; n += AT_ONCE)
          await append(log, options, n);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, (_, offset) => appendSome(offset)));
      say({ kind: "done" });
    } else if (command.do === "read") {
      say(await readAll(log, topics, command.after));
    } else {
      await log.close();
      process.disconnect();
      process.exit(0);
    }
  };
  process.on("message", (command: MemberCommand) => void obey(command));
  // Its parent is gone.
  process.on("disconnect", () => process.exit(1));
  say({ kind: "opened", head: position.head, epoch: position.epoch, followed });
}

async function append(log: Log, { name, topics }: MemberOptions, n: number): Promise<void> {
  const topic = topics[n % topics.length]!;
  const text = `${name}-${n}`;
  const drafts: Draft[] = [{ topic, body: new TextEncoder().encode(text) }];
  try {
    const { first } = await log.append(drafts);
    say({ kind: "acknowledged", entry: [first, topic, text] });
  } catch (error) {
    say({ kind: "rejected", text, message: String(error) });
  }
}

async function readAll(log: Log, topics: readonly string[], after: number): Promise<MemberReport> {
  const entries: Told[] = [];
  let lostThrough = 0;
  const { head } = await log.head();
  for (let at = after; at < head;) {
    const page: Page = await log.read({
      topics: { exact: topics, matches: (topic) => topics.includes(topic) },
      after: at,
      maxMessages: 500,
      maxBytes: 2 ** 20,
    });
    if (page.lostThrough > at) lostThrough = Math.max(lostThrough, page.lostThrough);
    entries.push(...page.entries.map(told));
    at = page.through;
  }
  return { kind: "read", entries, lostThrough };
}

function told({ offset, topic, body }: Entry): Told {
  return [offset, topic, new TextDecoder().decode(body)];
}

function say(report: MemberReport): void {
  process.send!(report);
}

if (process.send !== undefined) void main();
