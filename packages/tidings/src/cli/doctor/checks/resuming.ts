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
          "Send ids, and read Last-Event-ID. Without them, what is sent while a client reconnects is lost. A hub does both",
        ],
      };
    },
  },
  {
    id: "R02",
    title: "A client that reconnects does not get what it missed",
    severity: "error",
    find({ resumed, main }) {
      if (resumed === undefined || !isStream(resumed.observation)) return undefined;
      const { from, expected, observation } = resumed;
      const { messages } = observation;
      // Told in band: the reader knows.
      if (messages[0]?.event === "gap") return undefined;
      const first = messages.find(({ id }) => id !== "");
      const fix = [
        "Keep recent messages, and continue after Last-Event-ID. If those are gone, say so in a message. A hub does both",
      ];
      if (first === undefined) {
        // Where messages are held back, nothing can be said of those that are missing.
        if (main.messages[0]!.atMs - main.headAtMs > 1500) return undefined;
        return {
          severity: "warning",
          seen: `there were ${expected.length} messages after ${from}, and none arrived within ${time(observation.endedAtMs)}`,
          sure: "likely",
          fix,
        };
      }
      if (first.id === expected[0]) return undefined;
      const seen =
        first.id === from
          ? `asked for messages after ${from}, and got ${from} again`
          : expected.includes(first.id)
            ? `asked for messages after ${from}, and ${expected.indexOf(first.id)} were missing`
            : `asked for messages after ${from}, and got ${first.id}`;
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
        seen: "the server received the request without it",
        sure: "certain",
        fix: [
          "Let the proxy pass the header (check allow-lists and WAF rules), or send the cursor as a query parameter (cursorVia in connect())",
        ],
      };
    },
  },
  {
    id: "R04",
    title: "The reconnection time is too short, too long or invalid",
    severity: "warning",
    find({ main }) {
      if (!isStream(main)) return undefined;
      const odd = /^(?:\uFEFF)?retry: ?(?!\d+\s*$)(.*)$/m.exec(main.text);
      if (odd !== null && main.retries.length === 0) {
        return {
          seen: `retry: ${odd[1]!.slice(0, 20)}`,
          sure: "certain",
          fix: ["Use digits only, in milliseconds: clients ignore anything else"],
        };
      }
      const ms = main.retries.at(-1);
      if (ms === undefined || (ms >= 500 && ms <= 60_000)) return undefined;
      return {
        seen: `retry: ${ms}`,
        sure: "certain",
        fix: [
          ms < 500
            ? "Send 1000 or more, and a different value to each client: otherwise all of them reconnect at once after a restart"
            : "Send 30000 or less: clients stay away for this long after every disconnect",
        ],
      };
    },
  },
  {
    id: "R05",
    title: "Ids go backwards or come from different logs",
    severity: "warning",
    find({ main, identity, resumed }) {
      const ids = main.messages.map(({ id }) => id).filter((id) => id !== "");
      const numbers = ids.map(numberOf);
      const back = numbers.findIndex((one, at) => at > 0 && isBefore(one, numbers[at - 1]));
      if (back > 0) {
        return {
          seen: `${ids[back]} after ${ids[back - 1]}, in one stream`,
          sure: "certain",
          fix: ["Ids must grow in sending order. Otherwise, reconnecting loses or repeats messages"],
        };
      }
      const epochs = new Set(
        [main, identity, resumed?.observation].flatMap(
          (each) => each?.messages.flatMap(({ id }) => numberOf(id)?.epoch ?? []) ?? [],
        ),
      );
      if (epochs.size < 2) return undefined;
      return {
        seen: `two requests got ids from different logs: ${[...epochs].slice(0, 3).join(", ")}`,
        sure: "likely",
        fix: [
          "Several processes with separate logs answer this URL: share one log (redisLog, postgresLog), or route each client to the same process",
        ],
      };
    },
  },
  {
    id: "R06",
    title: "Some reconnects are refused",
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
          "The browser's EventSource gives up permanently at any status but 200: use a client that retries 429 and 5xx, such as connect()",
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
