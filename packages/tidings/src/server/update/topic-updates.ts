/**
 * Adds topics to streams that are open, and removes others: checks what is wanted, asks the application, and hands it to the
 * fan-out, which changes the stream between two messages. The updates of one stream are made in turn.
 */
import { checkOptionNames } from "../../guard/option-names.ts";
import { show } from "../../guard/show.ts";
import type { FanOut } from "../fan-out/fan-out.ts";
import { channels } from "../observe/diagnostics.ts";
import { HubError } from "../publish/hub-error.ts";
import type { HubStream } from "../streams/hub-stream.ts";
import type { SubscriberGroups } from "../streams/subscriber-groups.ts";
import type { TopicsUpdate, UpdateResult } from "../streams/subscription.ts";
import {
  checkPresenceKept,
  selectorKey,
  selectorsOf,
  selectTopics,
  type TopicSelection,
  type TopicSelector,
} from "../topics/topic-selection.ts";

export interface TopicUpdatesOptions {
  readonly fanOut: Pick<FanOut, "change">;
  readonly topicsPerStream: number;
  readonly groups: Pick<SubscriberGroups, "hasRoomFor" | "acquire">;
  readonly keepsPresence: boolean;
  readonly onError: (error: unknown) => void;
  /** A stream has changed. @param before - What it selected. */
  readonly onMoved: (stream: HubStream, before: TopicSelection) => void;
}

/** Updates of one stream that wait. */
const MOST_WAITING = 100;

interface Turn {
  last: Promise<unknown>;
  waiting: number;
  /** Ends what is under way, when the stream is over. */
  readonly controller: AbortController;
  readonly over: Promise<"ended">;
}

export class TopicUpdates {
  readonly #options: TopicUpdatesOptions;
  /** Of streams that have updates under way. */
  readonly #turns = new Map<HubStream, Turn>();

  constructor(options: TopicUpdatesOptions) {
    this.#options = options;
  }

  async update(stream: HubStream, update: TopicsUpdate): Promise<UpdateResult> {
    checkUpdate(update);
    if (stream.closed) return "ended";
    let turn = this.#turns.get(stream);
    if (turn === undefined) this.#turns.set(stream, (turn = newTurn()));
    if (turn.waiting >= MOST_WAITING) {
      throw new HubError(
        "too-fast",
        `Cannot update subscription: ${MOST_WAITING} updates of it wait, expected fewer: await each`,
      );
    }
    turn.waiting += 1;
    // Copied: the application may use its lists for something else until it is this one's turn.
    const wanted = { add: [...(update.add ?? [])], remove: [...(update.remove ?? [])] };
    const made = turn.last.then(() => this.#make(stream, wanted, turn));
    // The next does not depend on how this one ended.
    turn.last = made.catch(() => undefined);
    try {
      return await made;
    } finally {
      turn.waiting -= 1;
      if (turn.waiting === 0 && this.#turns.get(stream) === turn) this.#turns.delete(stream);
    }
  }

  /** The stream is over. */
  left(stream: HubStream): void {
    if (this.#turns.size === 0) return;
    this.#turns.get(stream)?.controller.abort();
    this.#turns.delete(stream);
  }

  async #make(
    stream: HubStream,
    { add, remove }: { readonly add: readonly TopicSelector[]; readonly remove: readonly TopicSelector[] },
    { controller: { signal }, over }: Turn,
  ): Promise<UpdateResult> {
    if (stream.closed) return "ended";
    const before = stream.group.selection;
    const selectors = changed(before, add, remove);
    const { topicsPerStream, keepsPresence } = this.#options;
    const selection = checkPresenceKept(selectTopics(selectors, topicsPerStream), keepsPresence);
    if (selection.key === before.key) return "updated";
    const { agreement } = stream;
    const had = new Set(selectorsOf(before).map(selectorKey));
    const added = selectorsOf(selection).filter((selector) => !had.has(selectorKey(selector)));
    // What only leaves topics out is never refused: it may take access away.
    const hasRoom = (): boolean =>
      added.length === 0 || this.#options.groups.hasRoomFor(selection, stream.group);
    if (!hasRoom()) return "refused";
    if (agreement !== undefined && added.length > 0) {
      const allowed = await Promise.race([over, this.#isAllowed(agreement.allows(selectors, signal))]);
      if (allowed === "ended" || stream.closed) return "ended";
      // Others may have come meanwhile.
      if (!allowed || !hasRoom()) return "refused";
    }
    const isMade = new Promise<"updated">((resolve) => {
      this.#options.fanOut.change(stream, {
        addedState: agreement?.stateOf(added.filter((selector) => typeof selector === "string")),
        askState: agreement?.stateOf(selection.names),
        // From now on: what is agreed takes its room, though the stream may change later.
        group: this.#options.groups.acquire(selection, stream.group),
        onChanged: () => {
          agreement?.agreed(selectors);
          this.#options.onMoved(stream, before);
          const channel = channels["tidings:stream:update"];
          if (channel.hasSubscribers) channel.publish({ subscription: stream, topics: selectors });
          resolve("updated");
        },
      });
    });
    return Promise.race([over, isMade]);
  }

  /** Silence means no, as an error does. */
  async #isAllowed(asked: Promise<boolean>): Promise<boolean> {
    try {
      return await asked;
    } catch (error) {
      this.#options.onError(error);
      return false;
    }
  }
}

function newTurn(): Turn {
  const controller = new AbortController();
  const over = new Promise<"ended">((resolve) => {
    controller.signal.addEventListener("abort", () => resolve("ended"));
  });
  return { last: Promise.resolve(), waiting: 0, controller, over };
}

/** @throws {TypeError} If none would be left. */
function changed(
  before: TopicSelection,
  add: readonly TopicSelector[],
  remove: readonly TopicSelector[],
): TopicSelector[] {
  const selectors = new Map(selectorsOf(before).map((selector) => [selectorKey(selector), selector]));
  for (const selector of remove) selectors.delete(selectorKey(selector));
  for (const selector of add) selectors.set(selectorKey(selector), selector);
  if (selectors.size > 0) return [...selectors.values()];
  throw new TypeError(
    "Cannot update subscription: no topics would be left, expected 1 or more (see close() to end the stream)",
  );
}

/** @throws {TypeError} If it is no update. */
function checkUpdate(update: TopicsUpdate): void {
  if (typeof update !== "object" || update === null) {
    throw new TypeError(
      `Cannot update subscription: update is ${show(update)}, expected an object such as { add: ["prices"] }`,
    );
  }
  checkOptionNames("update subscription", update, { known: ["add", "remove"] });
  for (const name of ["add", "remove"] as const) {
    const selectors: unknown = update[name];
    if (selectors === undefined) continue;
    if (!Array.isArray(selectors)) {
      throw new TypeError(
        `Cannot update subscription: ${name} is ${show(selectors)}, expected a list such as ["prices"]`,
      );
    }
    for (const selector of selectors as unknown[]) {
      const { pattern, presence } = (typeof selector === "object" && selector !== null ? selector : {}) as {
        pattern?: unknown;
        presence?: unknown;
      };
      if ([selector, pattern, presence].some((one) => typeof one === "string")) continue;
      throw new TypeError(
        `Cannot update subscription: ${name} has ${show(selector)}, expected a topic, { pattern } or { presence }`,
      );
    }
  }
}
