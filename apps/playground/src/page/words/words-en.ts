/**
 * What the page says, in English. words-zh.ts says the same; the compiler sees that nothing is missing there.
 */
import type { Failure } from "../stream/stream-client.ts";

export const english = {
  // The frame.
  playground: "Playground",
  language: "Language",
  theme: "Theme",
  themeAuto: "As the system has it",
  themeLight: "Light",
  themeDark: "Dark",
  shortcuts: "Shortcuts",
  done: "Done",

  // The request.
  request: "Request",
  presets: "Presets",
  presetClock: "Clock",
  presetTopic: "Topic",
  presetChat: "Chat",
  client: "Client",
  browsersOwn: "Browser’s own",
  clientNotes: {
    connect: "Tidings: any method, header and body; resumes, and says how the stream ended.",
    "event-source":
      "Tidings’ EventSource: the standard’s class, plus method, headers and body. It says why it fails.",
    browser: "What the browser brings. It sends GET, takes no headers, and hides why it fails.",
  },
  method: "Method",
  headers: "Headers",
  headersHint: "one a line",
  body: "Body",
  bodyJson: "JSON",
  bodyBroken: "not valid JSON",
  bodyText: "text",
  more: "More",
  stopOn: "Stop on",
  stopOnHint: "event types that end the stream",
  listenTo: "Listen for",
  listenToHint: "more event types",
  lastEventId: "Last event ID",
  lastEventIdHint: "where to resume",
  replay: "Send the request again when its stream breaks",
  start: "Start",
  stop: "Stop",
  code: "Code",
  copy: "Copy",
  copied: "Copied",
  notCopied: "The browser refused to copy",

  // Why a field is off.
  onlyGet: "The browser’s EventSource always sends GET.",
  noHeaders: "The browser’s EventSource cannot send headers.",
  noBody: "The browser’s EventSource cannot send a body.",
  noBodyGet: "GET sends no body.",
  hearsAll: "connect() hears every type.",
  startsAfresh: "EventSource always starts afresh; it resumes by itself after that.",
  getReturns: "GET always returns by itself.",
  noReplay: "Only connect() can: it is for answers that may be asked for twice.",

  // What is wrong with a field.
  urlMissing: "Enter a URL, such as /api/sse?tick=10",
  urlBroken: (url: string) =>
    `“${url}” is not a URL, expected something like /api/sse or https://example.com/events`,
  urlScheme: (scheme: string) => `A stream cannot come over ${scheme} Expected http: or https:`,
  headerBroken: (line: string) =>
    `“${line}” is not a header, expected a line like Authorization: Bearer demo`,
  jsonBroken: (why: string) => `This is not valid JSON: ${why}. Press again to send it as it is.`,

  // The state.
  states: {
    idle: "Ready",
    connecting: "Connecting",
    open: "Open",
    waiting: "Reconnecting",
    paused: "Paused",
    complete: "Complete",
    stopped: "Stopped",
    truncated: "Cut short",
    failed: "Failed",
  },
  sentences: {
    idle: "Choose a stream and start it.",
    connecting: (attempt: number) =>
      attempt > 1 ? `Attempt ${attempt} is under way.` : "Waiting for the response.",
    open: (attempt: number) =>
      attempt > 1 ? `Back at attempt ${attempt}; messages go on.` : "Messages show as they arrive.",
    waiting: (attempt: number) => `Attempt ${attempt} ended; the next one starts by itself.`,
    paused: "It resumes when the network is back.",
    complete: "The stream ended as it should.",
    stopped: "You stopped it.",
    truncated: "The stream ended before it was complete.",
    failed: "It will not return by itself.",
  },
  messages: "Messages",
  size: "Size",
  attempts: "Attempts",
  duration: "Duration",
  pulseFrom: "30 s ago",
  pulseTo: "now",

  resumeHere: "Resume",

  // What is published.
  publish: "Publish",
  publishEvent: "Event type",
  publishData: "Text or JSON, for everyone who is subscribed",
  published: (id: string) => `Accepted as ${id}`,
  notPublished: (why: string) => `Not published: ${why}`,

  // The events.
  events: "Events",
  time: "Time",
  type: "Type",
  data: "Data",
  filter: "Filter by type, id or data",
  pause: "Pause",
  resume: "Resume",
  clear: "Clear",
  emptyTitle: "No events yet",
  emptyText: "Press Start, and each event shows here the moment it arrives.",
  nothingMatches: "Nothing matches the filter.",
  rowOpen: (status: number | undefined, attempt: number) =>
    `${status === undefined ? "The response came" : `Response ${status}`}, attempt ${attempt}`,
  rowEnd: {
    complete: "The stream is complete",
    stopped: "Stopped by you",
    truncated: "The stream ended too early",
    failed: "Given up",
  },
  again: "Another attempt follows.",
  kinds: { open: "open", error: "error", end: "end" },
  attempt: "Attempt",
  since: "After",
  copyData: "Copy data",
  dataCut: (shown: string, all: string) => `The first ${shown} of ${all} are shown; copying copies all.`,
  latest: (count: number) => `${count} new below`,
  pausedCount: (count: number) => `Paused: ${count} more since`,
  foot: (shown: string, most: string) => `${shown} events. The list keeps the last ${most}.`,
  footDropped: (shown: string, dropped: string) =>
    `${shown} events. ${dropped} older ones were dropped; counts include them.`,
  footFiltered: (matching: number, shown: number) => `${matching} of ${shown} events match.`,

  shortcutNames: {
    start: "Start, or start again",
    stop: "Stop",
    filter: "Filter",
    pause: "Pause the list, or resume",
    copy: "Copy the events as JSON",
    clear: "Clear the list",
    move: "From event to event",
    expand: "Show the whole event",
    help: "These shortcuts",
  },

  explain: explainInEnglish,
};

/** What went wrong, and what to do about it. */
function explainInEnglish(failure: Failure): { what: string; why: string } {
  const { code, status, reason } = failure;
  const said = reason === undefined ? "" : ` The server says: ${reason}`;
  switch (code) {
    case "status":
      return {
        what: `The server answered ${status}`,
        why: (STATUS_HELP[status ?? 0] ?? otherStatus(status)) + said,
      };
    case "content-type":
      return {
        what: "This is not an event stream",
        why: "The server answered, but its Content-Type is not text/event-stream. Is the URL right?",
      };
    case "network":
      return failure.crossOrigin
        ? {
            what: "No connection, or no permission",
            why: "The server is on another origin: either it cannot be reached, or it does not allow this page (CORS). Browsers do not say which.",
          }
        : {
            what: "The connection failed",
            why: "The server cannot be reached, or it broke the connection off.",
          };
    case "ended":
      return {
        what: "The server ended the stream",
        why: "It sent no event that was to end it. If that is how it ends, name its last event type under “Stop on”.",
      };
    case "idle":
      return {
        what: "Nothing came for too long",
        why: "Not even a comment arrived, so the connection counts as dead.",
      };
    case "timeout":
      return { what: "It took too long", why: "No response came in time." };
    case "too-large":
      return {
        what: "A message was too large",
        why: "It passed the limit that protects this page’s memory.",
      };
    case "exhausted":
      return { what: "Given up", why: "The attempts that were allowed are used up." };
    case "browser-retries":
      return {
        what: "The connection was lost",
        why: "The browser does not say why. It tries again by itself in a few seconds.",
      };
    case "browser-gave-up":
      return {
        what: "The browser gave up",
        why: "Another status than 200, another Content-Type than text/event-stream, or no permission for this page (CORS): EventSource does not say which. connect() does; try that.",
      };
    default:
      return { what: "The stream failed", why: failure.message };
  }
}

const STATUS_HELP: Record<number, string> = {
  204: "204 means: there is nothing, do not come back.",
  400: "The server does not understand the request.",
  401: "It wants to know who asks: add an Authorization header.",
  403: "It knows who asks, and does not allow it.",
  404: "There is nothing at this URL.",
  405: "There is something at this URL, but not for this method.",
  413: "The body is too long.",
  415: "It does not take this kind of body: add a Content-Type header.",
  429: "Too many requests: it wants you to wait.",
};

function otherStatus(status: number | undefined): string {
  return (status ?? 0) >= 500
    ? "The server, or a proxy before it, is in trouble."
    : "An event stream needs 200.";
}
