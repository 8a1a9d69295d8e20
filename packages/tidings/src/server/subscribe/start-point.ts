/**
 * Finds where a subscription begins, and what it is sent first: with a cursor that can be honoured, what was missed; with
 * one that cannot, the gap; without one, or behind a gap, the snapshot. The cursor is read before the snapshot is asked
 * for, so that nothing can fall between the two.
 */
import { isThenable } from "../../guard/foreign.ts";
import { show } from "../../guard/show.ts";
import { withTimeLimit } from "./time-limit.ts";
import { encodeComment } from "../../wire/encode.ts";
import { formatCursor, parseCursor } from "../../log/cursor.ts";
import type { Log, Page } from "../../log/log.ts";
import type { CheckData } from "../message/check-data.ts";
import { EncodedEntry, idBlock } from "../entries/encoded-entry.ts";
import type { FanOut } from "../fan-out/fan-out.ts";
import type { GapReason } from "../gaps/gap.ts";
import type { StreamGroup, StreamStart } from "../streams/hub-stream.ts";
import { encodeOutgoing } from "../message/outgoing-message.ts";
import { Batch } from "../out/batch.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import type { Refusal } from "../request/refusal.ts";
import { planResume } from "../gaps/resume-plan.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

export interface StartPoint extends StreamStart {
  /** Why there is a gap, if there is one. */
  readonly gap: GapReason | undefined;
}

export interface StartRequest {
  readonly lastEventId: string;
  readonly group: StreamGroup;
  readonly recent: RecentEntries<StreamGroup>;
  readonly log: Log;
  readonly fanOut: Pick<FanOut, "since" | "headBlock">;
  readonly writeBytes: number;
  readonly options: SubscribeOptions;
  /** What holds a snapshot to the contract, if there is one. */
  readonly checkData: CheckData | undefined;
  /** Goes out before all else. */
  readonly prologue: Uint8Array | undefined;
  /** Aborts when the peer leaves. */
  readonly signal: AbortSignal | undefined;
  /** Milliseconds that one snapshot may take. */
  readonly timeoutMs: number;
}

const utf8 = new TextEncoder();
const COMMENT = Batch.of(encodeComment(""));
const PAGE_MESSAGES = 1_000;

/** @returns A promise only where the log or the application has to be asked. */
export function findStart(request: StartRequest): StartPoint | Promise<StartPoint | Refusal> {
  const { epoch } = request.recent;
  const start = find(request);
  if (!(start instanceof Promise)) return start;
  // Where the log was replaced meanwhile, what was found is of no use.
  return start.then((found) => (request.recent.epoch === epoch ? found : findStart(request)));
}

function find(request: StartRequest): StartPoint | Promise<StartPoint | Refusal> {
  const { lastEventId, recent, options } = request;
  if (lastEventId === "" && (options.from ?? "live") === "live") {
    return options.snapshot === undefined ? beginLive(request) : beginWithSnapshot(request);
  }
  const given = lastEventId === "" ? undefined : parseCursor(lastEventId);
  if (given?.epoch === recent.epoch && given.offset <= recent.head) {
    const { offset } = given;
    // Where what is recent reaches back that far, nothing is lost and the log need not be asked.
    const batch = request.fanOut.since(request.group, offset);
    if (batch !== undefined) {
      return {
        first: behindPrologue(request, batch.messages > 0 ? batch : COMMENT),
        startOffset: offset,
        offset: Math.max(offset, batch.upTo),
        lossToldUpTo: offset,
        told: undefined,
        gap: undefined,
      };
    }
  }
  return startFromLog(request, given);
}

async function startFromLog(
  request: StartRequest,
  given: ReturnType<typeof parseCursor>,
): Promise<StartPoint | Refusal> {
  const { lastEventId, recent, options } = request;
  const known = given !== undefined && (await isOurs(given, request));
  const after = known ? given.offset : 0;
  const page = await request.log.read({
    topics: request.group.selection,
    after,
    maxMessages: PAGE_MESSAGES,
    maxBytes: request.writeBytes,
  });
  const reason: GapReason = lastEventId === "" || known ? "retention" : "epoch";
  // Whoever begins with the earliest has never had what came before it.
  const lossToldUpTo = lastEventId === "" ? page.lostThrough : 0;
  const { onGap = "live" } = options;
  const snapshot = onGap === "live" && options.snapshot !== undefined;
  const position = { from: lastEventId, after, lossToldUpTo, onGap, snapshot };
  const plan = planResume(position, page, recent, reason);
  if (plan.fails) {
    return {
      code: "gap",
      status: 412,
      detail: `Messages after ${lastEventId.slice(0, 128)} are lost (${reason}); load the state anew, then subscribe without a cursor`,
    };
  }
  const parts = plan.gap === undefined ? [] : [plan.gap];
  if (plan.gap !== undefined && snapshot) await pushSnapshot(request, parts, plan.upTo);
  const entries = encodeEntries(plan.entries, request);
  for (const { bytes } of entries) parts.push(bytes);
  const first = new Batch(parts, {
    messages: entries.length,
    lastOffset: entries.at(-1)?.offset ?? plan.gapOffset ?? 0,
    upTo: plan.upTo,
    toAll: false,
  });
  return {
    first: behindPrologue(request, first.length === 0 ? COMMENT : first),
    startOffset: after,
    offset: plan.upTo,
    lossToldUpTo: plan.lossToldUpTo,
    told: plan.told,
    gap: plan.gap === undefined ? undefined : reason,
  };
}

/** At once a cursor, so that a subscriber that is cut off before its first message misses none. */
function beginLive(request: StartRequest): StartPoint {
  return beginAt(request.recent.head, behindPrologue(request, request.fanOut.headBlock()));
}

async function beginWithSnapshot(request: StartRequest): Promise<StartPoint> {
  const offset = request.recent.head;
  const parts: Uint8Array[] = [];
  await pushSnapshot(request, parts, offset);
  return beginAt(offset, behindPrologue(request, new Batch(parts)));
}

function beginAt(offset: number, first: Batch): StartPoint {
  return { first, startOffset: offset, offset, lossToldUpTo: offset, told: undefined, gap: undefined };
}

function behindPrologue({ prologue }: StartRequest, first: Batch): Batch {
  return prologue === undefined ? first : first.behind(prologue);
}

/** Messages without `id`: whoever is cut off in their midst begins again, rather than in the middle of a state. */
async function pushSnapshot(
  { options, group, recent, checkData, signal, timeoutMs }: StartRequest,
  parts: Uint8Array[],
  at: number,
): Promise<void> {
  const cursor = formatCursor(recent.epoch, at);
  for (const topic of group.selection.names) {
    if (signal!.aborted) return;
    const asked = options.snapshot!(topic, cursor, { signal: signal! });
    const state = isThenable(asked) ? await withTimeLimit(asked, timeoutMs, "snapshot") : asked;
    if (state === undefined) continue;
    for (const message of Array.isArray(state) ? state : [state]) {
      if (typeof message !== "object" || message === null) {
        throw new TypeError(
          `Cannot subscribe: snapshot gave ${show(message)} for ${show(topic)}, expected a message such as { data }, a list of messages, or undefined`,
        );
      }
      const { id: _, ...withoutId } = message;
      parts.push(utf8.encode(encodeOutgoing(withoutId, checkData)));
    }
  }
  parts.push(utf8.encode(idBlock(recent.epoch, at)));
}

/** A cursor of this epoch. One beyond what this process has seen may come from another that shares the log. */
async function isOurs(
  given: { epoch: string; offset: number },
  { recent, log }: StartRequest,
): Promise<boolean> {
  if (given.epoch !== recent.epoch) return false;
  return given.offset <= recent.head || given.offset <= (await log.head()).head;
}

function encodeEntries(
  entries: Page["entries"],
  { recent, group: { filter } }: StartRequest,
): EncodedEntry[] {
  const encoded = entries.map((entry) => new EncodedEntry(recent.epoch, entry));
  return filter === undefined ? encoded : encoded.filter(({ message, topic }) => filter(message, topic));
}
