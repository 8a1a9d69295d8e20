/**
 * Finds where a subscription begins, and what it is sent first: with a cursor that is still retained, what was missed; with
 * one that cannot, the gap; without one, or behind a gap, the snapshot. The cursor is read before the snapshot is asked
 * for, so that nothing can fall between the two.
 */
import { encodeComment } from "../../wire/encode.ts";
import { parseCursor } from "../../log/cursor.ts";
import type { Log } from "../../log/log.ts";
import type { PageReader } from "../entries/page-reader.ts";
import type { FanOut } from "../fan-out/fan-out.ts";
import type { GapReason } from "../gaps/gap.ts";
import type { AskState, StreamGroup, StreamStart } from "../streams/hub-stream.ts";
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
  readonly log: Pick<Log, "head">;
  readonly pages: PageReader;
  readonly fanOut: Pick<FanOut, "since">;
  readonly options: SubscribeOptions;
  /** Absent where the subscription has no `snapshot`. */
  readonly askState: AskState | undefined;
  /** Goes out before all else. */
  readonly prologue: Uint8Array | undefined;
  /** Aborts when the peer leaves. */
  readonly signal: AbortSignal | undefined;
}

const COMMENT = Batch.of(encodeComment(""));
/** Bytes that are copied for one stream, behind what each begins with. More is written alone, and is the same for all. */
const MOST_COPIED = 4_096;

/** @returns A promise only where the log or the application has to be asked. */
export function findStart(request: StartRequest): StartPoint | Promise<StartPoint | Refusal> {
  const { epoch } = request.recent;
  const start = find(request);
  if (!(start instanceof Promise)) return start;
  // If the log was replaced in the meantime, the result is useless.
  return start.then((found) => (request.recent.epoch === epoch ? found : findStart(request)));
}

function find(request: StartRequest): StartPoint | Promise<StartPoint | Refusal> {
  const { lastEventId, recent, options } = request;
  if (lastEventId === "" && (options.from ?? "live") === "live") {
    return request.askState === undefined ? beginLive(request) : beginWithState(request);
  }
  const given = lastEventId === "" ? undefined : parseCursor(lastEventId);
  if (given?.epoch === recent.epoch && given.offset <= recent.head) {
    const { offset } = given;
    // Where what is recent reaches back that far, nothing is lost and the log need not be asked.
    const batch = request.fanOut.since(request.group, offset);
    if (batch !== undefined) {
      const goesFirst = batch.length <= MOST_COPIED;
      return {
        first: behindPrologue(request, batch.messages > 0 && goesFirst ? batch : COMMENT),
        startOffset: offset,
        offset: goesFirst ? Math.max(offset, batch.upTo) : offset,
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
  const page = await request.pages.readFirst(request.group, after);
  const reason: GapReason = lastEventId === "" || known ? "retention" : "epoch";
  // A subscriber that begins with the earliest never had what came before it.
  const lossToldUpTo = lastEventId === "" ? page.lostThrough : 0;
  const { onGap = "live" } = options;
  const askState = onGap === "live" ? request.askState : undefined;
  const position = { from: lastEventId, after, lossToldUpTo, onGap, snapshot: askState !== undefined };
  const plan = planResume(position, page, recent, reason);
  if (plan.fails) {
    return {
      code: "gap",
      status: 412,
      detail: `Messages after ${lastEventId.slice(0, 128)} are lost (${reason}); load the state anew, then subscribe without a cursor`,
    };
  }
  const begin = (first: Batch, offset: number): StartPoint => ({
    first: behindPrologue(request, first),
    startOffset: after,
    offset,
    lossToldUpTo: plan.lossToldUpTo,
    told: plan.told,
    gap: plan.gap === undefined ? undefined : reason,
  });
  if (plan.gap === undefined) {
    const { batch } = page;
    if (batch.length === 0) return begin(COMMENT, plan.upTo);
    return batch.length > MOST_COPIED ? { ...begin(COMMENT, after), page } : begin(batch, plan.upTo);
  }
  const parts = [plan.gap];
  if (askState !== undefined) parts.push(...(await askState(plan.upTo, request.signal!)));
  const content = { messages: 0, lastOffset: plan.gapOffset ?? 0, upTo: plan.upTo, toAll: false };
  return begin(new Batch(parts, content), plan.upTo);
}

/** At once a cursor, so that a subscriber that is cut off before its first message misses none. */
function beginLive(request: StartRequest): StartPoint {
  return beginAt(request.recent.head, behindPrologue(request, request.recent.headBatch));
}

async function beginWithState(request: StartRequest): Promise<StartPoint> {
  const offset = request.recent.head;
  const parts = await request.askState!(offset, request.signal!);
  return beginAt(offset, behindPrologue(request, new Batch(parts)));
}

function beginAt(offset: number, first: Batch): StartPoint {
  return { first, startOffset: offset, offset, lossToldUpTo: offset, told: undefined, gap: undefined };
}

/**
 * Each stream begins with the hub's epoch in a comment. By it our client knows that the ids are cursors, which are ordered: of another
 * server's ids it concludes nothing. In band, since a page of another origin cannot read our headers.
 */
function behindPrologue({ prologue, recent }: StartRequest, first: Batch): Batch {
  const announced = first.behind(epochComment(recent.epoch));
  return prologue === undefined ? announced : announced.behind(prologue);
}

let announcement = { epoch: "", bytes: new Uint8Array(0) };

/** Kept for the streams that begin together, all of which have the same. */
function epochComment(epoch: string): Uint8Array {
  if (announcement.epoch !== epoch)
    announcement = { epoch, bytes: new TextEncoder().encode(`:epoch ${epoch}\n`) };
  return announcement.bytes;
}

/** A cursor of this epoch. One beyond what this process has seen may come from another that shares the log. */
async function isOurs(
  given: { epoch: string; offset: number },
  { recent, log }: StartRequest,
): Promise<boolean> {
  if (given.epoch !== recent.epoch) return false;
  return given.offset <= recent.head || given.offset <= (await log.head()).head;
}
