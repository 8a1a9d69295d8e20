/**
 * Finds where a subscription begins, and what it is sent first: with a cursor that can be honoured, what was missed; with
 * one that cannot, the gap; without one, or behind a gap, the snapshot. The cursor is read before the snapshot is asked
 * for, so that nothing can fall between the two.
 */
import { show } from "../../guard/show.ts";
import { encodeComment } from "../../wire/encode.ts";
import { formatCursor, parseCursor } from "../../log/cursor.ts";
import type { Log, Page } from "../../log/log.ts";
import type { CheckData } from "../message/check-data.ts";
import { EncodedEntry, idBlock } from "../entries/encoded-entry.ts";
import type { FanOut } from "../fan-out/fan-out.ts";
import type { GapReason, ToldGap } from "../gaps/gap.ts";
import type { StreamGroup } from "../streams/hub-stream.ts";
import { encodeOutgoing } from "../message/outgoing-message.ts";
import { type FirstBatch, type SharedBatch, joinBytes, shared } from "../out/batch.ts";
import type { RecentEntries } from "../entries/recent-entries.ts";
import type { Refusal } from "../request/refusal.ts";
import { planResume } from "../gaps/resume-plan.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

export interface StartPoint {
  /** What goes out with the head. */
  readonly first: FirstBatch;
  readonly cursor: number;
  readonly lossToldUpTo: number;
  /** The newest offset that the peer has as its last event ID once it has `first`. */
  readonly sentOffset: number;
  /** Messages of the log in `first`. */
  readonly messages: number;
  readonly gap: GapReason | undefined;
  /** The offset behind which the stream begins, and what it was told to be lost. */
  readonly startOffset: number;
  readonly told: ToldGap | undefined;
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
}

const utf8 = new TextEncoder();
const COMMENT = shared(encodeComment(""));
const PAGE_MESSAGES = 1_000;

/** @returns A promise only where the log or the application has to be asked. */
export function findStart(request: StartRequest): StartPoint | Promise<StartPoint | Refusal> {
  const { lastEventId, recent, options, prologue } = request;
  const parts: Uint8Array[] = prologue === undefined ? [] : [prologue];
  if (lastEventId === "" && (options.from ?? "live") === "live") {
    return options.snapshot === undefined ? beginLive(request, parts) : beginWithSnapshot(request, parts);
  }
  const given = lastEventId === "" ? undefined : parseCursor(lastEventId);
  if (given?.epoch === recent.epoch && given.offset <= recent.head) {
    const { offset } = given;
    // Where what is recent reaches back that far, nothing is lost and the log need not be asked.
    const batch = request.fanOut.since(request.group, offset);
    if (batch !== undefined) {
      return {
        first: firstOf(batch.messages > 0 ? batch : COMMENT, parts),
        cursor: Math.max(offset, batch.through),
        lossToldUpTo: offset,
        sentOffset: Math.max(offset, batch.last),
        messages: batch.messages,
        gap: undefined,
        startOffset: offset,
        told: undefined,
      };
    }
  }
  return openFromLog(request, given, parts);
}

async function openFromLog(
  request: StartRequest,
  given: ReturnType<typeof parseCursor>,
  parts: Uint8Array[],
): Promise<StartPoint | Refusal> {
  const { lastEventId, recent, options, prologue } = request;
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
  const next = planResume(position, page, recent, reason);
  if (next.fails) {
    return {
      code: "gap",
      status: 412,
      detail: `Messages after ${lastEventId.slice(0, 128)} are lost (${reason}); load the state anew, then subscribe without a cursor`,
    };
  }
  if (next.gap !== undefined) parts.push(next.gap);
  const gap = next.gap === undefined ? undefined : reason;
  if (gap !== undefined && snapshot) await pushSnapshot(request, parts, next.cursor);
  const entries = encodeEntries(next.entries, request);
  for (const { bytes } of entries) parts.push(bytes);
  if (parts.length === (prologue === undefined ? 0 : 1)) parts.push(COMMENT.bytes);
  return {
    first: { bytes: joinBytes(parts) },
    cursor: next.cursor,
    lossToldUpTo: next.lossToldUpTo,
    sentOffset: entries.at(-1)?.offset ?? next.gapOffset ?? after,
    messages: entries.length,
    gap,
    startOffset: after,
    told: next.told,
  };
}

/** At once a cursor, so that a subscriber that is cut off before its first message misses none. */
function beginLive({ recent, fanOut }: StartRequest, parts: Uint8Array[]): StartPoint {
  return beginAt(recent.head, firstOf(fanOut.headBlock(), parts));
}

async function beginWithSnapshot(request: StartRequest, parts: Uint8Array[]): Promise<StartPoint> {
  const cursor = request.recent.head;
  await pushSnapshot(request, parts, cursor);
  return beginAt(cursor, { bytes: joinBytes(parts) });
}

function beginAt(cursor: number, first: FirstBatch): StartPoint {
  return {
    first,
    cursor,
    lossToldUpTo: cursor,
    sentOffset: cursor,
    messages: 0,
    gap: undefined,
    startOffset: cursor,
    told: undefined,
  };
}

function firstOf(batch: SharedBatch, parts: Uint8Array[]): FirstBatch {
  return parts.length === 0 ? batch : { bytes: joinBytes([...parts, batch.bytes]) };
}

/** Messages without `id`: whoever is cut off in their midst begins again, rather than in the middle of a state. */
async function pushSnapshot(
  { options, group, recent, checkData }: StartRequest,
  parts: Uint8Array[],
  at: number,
): Promise<void> {
  const cursor = formatCursor(recent.epoch, at);
  for (const topic of group.selection.names) {
    const state = await options.snapshot!(topic, cursor);
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
