/**
 * What `connect` does with a case, written down as rules: its messages, its errors and its verdict. It knows nothing of how the client is
 * made, and reads streams with the plain parser.
 */
import { createPlainParser } from "../../../packages/tidings/src/wire/plain-parser.oracle.ts";
import { type Answer, type Case, isDenied, reached } from "./cases.ts";

/** What a client tells of a case, one line each. */
export interface Told {
  readonly lines: readonly string[];
  /** What each attempt asked for, and once more where a redirect led it, if a page may read that. */
  readonly asked: readonly (string | null)[];
}

export function expected({ answers }: Case): Told {
  const lines: string[] = [];
  const asked: (string | null)[] = [];
  let lastEventId = "";
  let epoch: string | undefined;
  let wasOpen = false;

  for (const answer of answers) {
    asked.push(lastEventId === "" ? null : lastEventId.trim());
    const result = reached(answer);
    if (result === "redirect") {
      // As any other status.
      lines.push("error status final");
      return { lines: [...lines, "gave-up"], asked };
    }
    if (answer.redirect !== undefined && leadsOn(answer) && !isDenied(answer, false))
      asked.push(asked.at(-1)!);
    if (result === "nothing") {
      lines.push("error network again");
      continue;
    }
    const refusal = refusalOf(answer, wasOpen);
    if (refusal) {
      lines.push(`error ${refusal.code} ${refusal.again ? "again" : "final"}`);
      if (refusal.again) continue;
      return { lines: [...lines, "gave-up"], asked };
    }
    wasOpen = true;
    lines.push("open");
    let isDuplicate = false;
    const parser = createPlainParser({
      onComment(text) {
        // A hub says its epoch in a comment, and then numbers its messages.
        if (text.startsWith("epoch ")) epoch = text.slice("epoch ".length);
      },
      onId(id) {
        isDuplicate = isAtOrBefore(id, lastEventId, epoch);
        if (!isDuplicate) lastEventId = id;
      },
      onMessage({ event, data, id }) {
        if (!isDuplicate) lines.push(`message ${JSON.stringify([event, data, id])}`);
        isDuplicate = false;
      },
    });
    parser.lastEventId = lastEventId;
    for (const chunk of answer.chunks) parser.push(chunk);
    // The client leaves at the last message.
    if (answer.ending === "stay") return { lines: [...lines, "closed"], asked };
    lines.push(`error ${answer.ending === "end" ? "ended" : "network"} again`);
  }
  asked.push(lastEventId === "" ? null : lastEventId.trim());
  return { lines: [...lines, "complete"], asked };
}

/** Whether its redirects come to an end, whatever is there. */
function leadsOn(answer: Answer): boolean {
  return reached({ ...answer, ending: "end" }) === "answer";
}

/** Of one epoch, a message is known by a number that is no higher than that of the last. What is not of the epoch tells no order. */
function isAtOrBefore(id: string, last: string, epoch: string | undefined): boolean {
  const [number, lastNumber] = [id, last].map((text) => {
    const [its, digits = "", ...more] = text.split(".");
    return its === epoch &&
      more.length === 0 &&
      digits !== "" &&
      digits.split("").every((one) => "0123456789".includes(one))
      ? BigInt(digits)
      : undefined;
  });
  return number !== undefined && lastNumber !== undefined && number <= lastNumber;
}

function refusalOf(
  { status, headers }: Answer,
  wasOpen: boolean,
): { code: string; again: boolean } | undefined {
  if (status < 200 || status > 299 || status === 204 || status === 205) {
    return { code: "status", again: [408, 425, 429].includes(status) || status >= 500 };
  }
  const types = headers.filter(([name]) => name === "content-type").flatMap(([, value]) => value.split(","));
  const last = types
    .map((type) => type.split(";")[0]!.trim().toLowerCase())
    .filter((type) => /^[^/]+\/[^/]+$/.test(type));
  if (last.at(-1) !== "text/event-stream") return { code: "content-type", again: wasOpen };
  return undefined;
}
