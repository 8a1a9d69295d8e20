/**
 * Whether a reader that returns gets what it missed.
 */
import type { Check } from "../finding.ts";
import { header, isStream, time } from "./look.ts";

export const resuming: readonly Check[] = [
  {
    id: "R01",
    title: "Messages have no ids",
    severity: "warning",
    find({ main, profile, runs }) {
      if (runs !== undefined || profile.finite || !isStream(main)) return undefined;
      const { messages } = main;
      // An id with a NUL is ignored, and is F01.
      if (messages.length < 3 || messages.some(({ id }) => id !== "") || /^id:.*\0/m.test(main.text))
        return undefined;
      return {
        seen: `${messages.length} messages, none with an id`,
        sure: "certain",
        fix: [
          "Send ids, and read Last-Event-ID: without them, what is sent while a reader reconnects is lost. A hub does both",
        ],
      };
    },
  },
  {
    id: "R02",
    title: "A reader that returns does not get what it missed",
    severity: "error",
    find({ resumed, main }) {
      if (resumed === undefined || !isStream(resumed.observation)) return undefined;
      const { from, expected, observation } = resumed;
      const { messages } = observation;
      // Told in band: the reader knows.
      if (messages[0]?.event === "gap") return undefined;
      const first = messages.find(({ id }) => id !== "");
      const fix = [
        "Keep what was sent for a while, and begin after Last-Event-ID; where that is gone, say so in a message. A hub does both",
      ];
      if (first === undefined) {
        // Where messages are held back, nothing can be said of those that are missing.
        if (main.messages[0]!.atMs - main.headAtMs > 1500) return undefined;
        return {
          severity: "warning",
          seen: `after ${from} there were ${expected.length} more, and none came in ${time(observation.endedAtMs)}`,
          sure: "likely",
          fix,
        };
      }
      if (first.id === expected[0]) return undefined;
      const seen =
        first.id === from
          ? `asked for what follows ${from}, and got it again`
          : expected.includes(first.id)
            ? `asked for what follows ${from}, and ${expected.indexOf(first.id)} messages were missing`
            : `asked for what follows ${from}, and got ${first.id}`;
      return { seen, sure: "likely", fix };
    },
  },
  {
    id: "R03",
    title: "Last-Event-ID does not reach the server",
    severity: "error",
    find({ runs }) {
      if (runs?.echo === undefined || runs.echo.headers["last-event-id"] !== undefined) return undefined;
      return {
        seen: "the server saw the request without it",
        sure: "certain",
        fix: [
          "Let the proxy pass the header (allow-lists, WAF rules); or send the cursor as a query parameter: cursorVia in connect()",
        ],
      };
    },
  },
  {
    id: "R04",
    title: "The reconnection time makes a storm, or a long absence",
    severity: "warning",
    find({ main }) {
      if (!isStream(main)) return undefined;
      const odd = /^(?:\uFEFF)?retry: ?(?!\d+\s*$)(.*)$/m.exec(main.text);
      if (odd !== null && main.retries.length === 0) {
        return {
          seen: `retry: ${odd[1]!.slice(0, 20)}`,
          sure: "certain",
          fix: ["retry takes digits alone, in milliseconds: clients ignore anything else"],
        };
      }
      const ms = main.retries.at(-1);
      if (ms === undefined || (ms >= 500 && ms <= 60_000)) return undefined;
      return {
        seen: `retry: ${ms}`,
        sure: "certain",
        fix: [
          ms < 500
            ? "After a restart, all readers return at once and again and again: 1000 or more, different for each reader"
            : "Readers stay away for this long after any break: 30000 or less",
        ],
      };
    },
  },
  {
    id: "R05",
    title: "Ids go backwards, or come from another log",
    severity: "warning",
    find({ main, identity, resumed }) {
      const ids = main.messages.map(({ id }) => id).filter((id) => id !== "");
      const numbers = ids.map(numberOf);
      const back = numbers.findIndex((one, at) => at > 0 && isBefore(one, numbers[at - 1]));
      if (back > 0) {
        return {
          seen: `${ids[back]} after ${ids[back - 1]}, in one stream`,
          sure: "certain",
          fix: ["Ids must grow in the order of sending, or returning by them loses or doubles messages"],
        };
      }
      const epochs = new Set(
        [main, identity, resumed?.observation].flatMap(
          (each) => each?.messages.flatMap(({ id }) => numberOf(id)?.epoch ?? []) ?? [],
        ),
      );
      if (epochs.size < 2) return undefined;
      return {
        seen: `two requests got ids of different logs: ${[...epochs].slice(0, 3).join(", ")}`,
        sure: "likely",
        fix: [
          "Several processes with a log each stand behind this URL: share one log (redisLog, postgresLog), or keep readers on one process",
        ],
      };
    },
  },
  {
    id: "R06",
    title: "Returning is refused now and then",
    severity: "warning",
    find({ main, identity, resumed }) {
      if (!isStream(main)) return undefined;
      const refused = [identity, resumed?.observation].find(
        (each) => each?.head !== undefined && each.head.status >= 400,
      );
      if (refused === undefined) return undefined;
      const html = /html/i.test(header(refused, "content-type") ?? "");
      return {
        seen: `one request got 200, another ${refused.head!.status}${html ? " with an HTML page" : ""}`,
        sure: "certain",
        fix: [
          "The browser's EventSource gives up for good at any status but 200: use a client that retries 429 and 5xx, such as connect()",
        ],
      };
    },
  },
];

interface NumberedId {
  readonly epoch: string;
  readonly offset: number;
}

/** `epoch.offset`, or a whole number. */
function numberOf(id: string): NumberedId | undefined {
  const match = /^(?:([\w-]{8,64})\.)?(\d{1,15})$/.exec(id);
  return match === null ? undefined : { epoch: match[1] ?? "", offset: Number(match[2]) };
}

function isBefore(one: NumberedId | undefined, other: NumberedId | undefined): boolean {
  return one !== undefined && other !== undefined && one.epoch === other.epoch && one.offset < other.offset;
}
