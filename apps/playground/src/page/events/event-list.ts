/**
 * Shows the log as rows, newest last, with a line between the runs: adds what is new once a frame, follows the end unless the reader
 * scrolled away, and unfolds one event after the other.
 */
import { colourData, prettyData } from "./data-view.ts";
import { element } from "../element.ts";
import { type EventLog, type LoggedEvent, MOST_EVENTS } from "../stream/event-log.ts";
import { formatBytes, formatCount, formatDuration, formatTime } from "./format.ts";
import { onLanguage, words } from "../words/words.ts";

export interface EventList {
  /** The log has changed: show it with the next frame. */
  update(): void;
  /** While paused the rows stand still; the log goes on. */
  paused: boolean;
  /** The events that match the filter, oldest first. */
  matching(): LoggedEvent[];
  /** Moves the focus by so many rows. */
  move(by: number): void;
}

const LINE_CHARACTERS = 400;
const DETAIL_CHARACTERS = 200_000;

export function createEventList(log: EventLog, onCopy: (text: string) => void): EventList {
  const list = element("events", HTMLOListElement);
  const scroll = element("scroll", HTMLDivElement);
  const latest = element("latest", HTMLButtonElement);
  const filter = element("filter", HTMLInputElement);
  const empty = element("empty", HTMLDivElement);
  const stream = list.closest(".stream")!;
  const foot = element("foot", HTMLParagraphElement);

  const rows = new Map<number, HTMLLIElement>();
  const unfolded = new Set<number>();
  let shownUpTo = 0;
  let paused = false;
  let framed = false;
  let unseen = 0;
  /** The run of the last row. */
  let shownRun: number | undefined;
  /** Whether the end stays in view. Only the reader changes that: a banner that takes room, or a row that turns out taller, does not. */
  let following = true;
  let lastTop = 0;

  filter.addEventListener("input", redraw);
  onLanguage(redraw);
  latest.addEventListener("click", () => {
    follow(true);
    toEnd();
  });
  scroll.addEventListener("scroll", noteScrolled);
  const resized = new ResizeObserver(() => {
    noteScrolled();
    if (following) toEnd();
  });
  resized.observe(scroll);
  resized.observe(list);
  list.addEventListener("click", (click) => {
    const button = (click.target as Element).closest<HTMLButtonElement>("button");
    const row = button?.closest("li");
    const event = log.events.find(({ number }) => number === Number(row?.dataset["number"]));
    if (!button || !row || !event) return;
    if (button.matches(".copy-data")) onCopy(event.kind === "message" ? event.data : "");
    else fold(row, event);
  });

  return {
    update,
    get paused() {
      return paused;
    },
    set paused(value) {
      paused = value;
      update();
    },
    matching: () => log.events.filter(matches),
    move(by) {
      const lines = [...list.querySelectorAll<HTMLButtonElement>(".line")];
      const at = lines.indexOf(document.activeElement as HTMLButtonElement);
      const next =
        at === -1 ? (by > 0 ? 0 : lines.length - 1) : Math.min(Math.max(at + by, 0), lines.length - 1);
      lines[next]?.focus();
    },
  };

  function update(): void {
    if (framed) return;
    framed = true;
    requestAnimationFrame(() => {
      noteScrolled();
      draw();
    });
  }

  function redraw(): void {
    rows.clear();
    stream.classList.remove("has-ids");
    list.replaceChildren();
    shownUpTo = 0;
    shownRun = undefined;
    draw();
  }

  function draw(): void {
    framed = false;
    const { events } = log;
    if (!paused || shownUpTo === 0 || events.length === 0) {
      const oldest = events[0]?.number ?? Infinity;
      for (const [number, row] of rows) {
        if (number >= oldest) break;
        row.remove();
        rows.delete(number);
        unfolded.delete(number);
      }
      while (list.firstElementChild?.matches(".divider")) list.firstElementChild.remove();
      if (events.length === 0) shownRun = undefined;
      const fresh = events.filter((event) => event.number > shownUpTo && matches(event));
      if (fresh.some((event) => idOf(event) !== "")) stream.classList.add("has-ids");
      const added: HTMLLIElement[] = [];
      for (const event of fresh) {
        const row = rowOf(event);
        rows.set(event.number, row);
        if (shownRun !== undefined && event.run !== shownRun) added.push(dividerOf(event.run));
        shownRun = event.run;
        added.push(row);
      }
      list.append(...added);
      shownUpTo = events.at(-1)?.number ?? shownUpTo;
      unseen = following ? 0 : unseen + fresh.length;
    }
    const hasRows = rows.size > 0;
    empty.hidden = hasRows;
    empty.classList.toggle("unmatched", events.length > 0);
    empty.dataset["nothing"] = words().nothingMatches;
    foot.textContent = footText();
    latest.textContent = `↓ ${words().latest(unseen)}`;
    latest.hidden = unseen === 0 || !hasRows;
    // Where all of it is in view there is nowhere to scroll away to.
    if (scroll.scrollHeight <= scroll.clientHeight) follow(true);
    if (following) toEnd();
  }

  function follow(value: boolean): void {
    following = value;
    // While the end is followed the browser must not hold on to the rows in view.
    scroll.style.overflowAnchor = value ? "none" : "";
    if (!value) return;
    unseen = 0;
    latest.hidden = true;
  }

  function footText(): string {
    const { events, dropped } = log;
    const waiting = events.filter(({ number }) => number > shownUpTo).length;
    if (paused && waiting > 0) return words().pausedCount(waiting);
    if (filter.value !== "") return words().footFiltered(rows.size, events.length);
    if (dropped > 0) return words().footDropped(formatCount(events.length), formatCount(dropped));
    return words().foot(formatCount(events.length), formatCount(MOST_EVENTS));
  }

  /** Also called before the list moves by itself: the event of a reader who scrolled may be still to come. */
  function noteScrolled(): void {
    const top = scroll.scrollTop;
    if (atEnd()) follow(true);
    // What the browser moves by itself, for want of room, it moves to the end.
    else if (top < lastTop - 1) follow(false);
    lastTop = top;
  }

  function atEnd(): boolean {
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 24;
  }

  function toEnd(): void {
    scroll.scrollTop = scroll.scrollHeight;
    lastTop = scroll.scrollTop;
  }

  /** The line before the first row of another run: what was asked for, and when. */
  function dividerOf(number: number): HTMLLIElement {
    const { method, url, at } = log.run(number);
    const line = make("li", "divider");
    line.append(make("span", "", `${method} ${url}`), make("time", "", formatTime(at)));
    return line;
  }

  function matches(event: LoggedEvent): boolean {
    const wanted = filter.value.trim().toLowerCase();
    return (
      wanted === "" || `${typeOf(event)}\n${idOf(event)}\n${textOf(event)}`.toLowerCase().includes(wanted)
    );
  }

  function rowOf(event: LoggedEvent): HTMLLIElement {
    const row = document.createElement("li");
    row.dataset["number"] = String(event.number);
    row.dataset["kind"] = event.kind;
    const named = event.kind === "message" && event.event !== "message";
    row.className = `row ${event.kind}${named ? " named" : ""}`;

    const line = make("button", "line");
    line.type = "button";
    line.setAttribute("aria-expanded", "false");
    const type = make("span", "type");
    type.append(make("span", "badge", typeOf(event)));
    const data = make("span", "data");
    data.append(event.kind === "message" ? colourData(event.data, LINE_CHARACTERS) : textOf(event));
    line.append(
      make("time", "time", formatTime(event.at)),
      make("span", "since", event.sinceMs === undefined ? "" : `+${formatDuration(event.sinceMs)}`),
      type,
      make("span", "id", idOf(event)),
      data,
      make("span", "size", event.kind === "message" ? formatBytes(event.bytes) : ""),
    );
    row.append(line);
    if (unfolded.has(event.number)) unfold(row, event);
    return row;
  }

  function fold(row: HTMLLIElement, event: LoggedEvent): void {
    if (unfolded.delete(event.number)) {
      row.querySelector(".detail")?.remove();
      row.querySelector(".line")?.setAttribute("aria-expanded", "false");
    } else {
      unfolded.add(event.number);
      unfold(row, event);
      row.scrollIntoView({ block: "nearest" });
      // Whoever unfolds a row wants to read it, which they cannot while it is pushed away.
      if (!atEnd()) follow(false);
    }
  }

  function unfold(row: HTMLLIElement, event: LoggedEvent): void {
    row.querySelector(".line")?.setAttribute("aria-expanded", "true");
    const detail = make("div", "detail");
    const facts = make("dl", "detail-facts");
    const fact = (name: string, value: string) => {
      const pair = make("div", "");
      pair.append(make("dt", "", name), make("dd", "", value));
      facts.append(pair);
    };
    fact(words().attempt, String(event.attempt));
    if (event.kind === "message") {
      fact(words().size, formatBytes(event.bytes));
      if (event.id !== "") fact(words().lastEventId, event.id);
      const pretty = prettyData(event.data);
      const text = make("pre", "");
      text.tabIndex = 0;
      text.append(colourData(pretty, DETAIL_CHARACTERS));
      const copy = make("button", "quiet copy-data", words().copyData);
      copy.type = "button";
      facts.append(copy);
      detail.append(text, facts);
      if (pretty.length > DETAIL_CHARACTERS) {
        const [shown, all] = [DETAIL_CHARACTERS, pretty.length].map(formatCount);
        detail.append(make("p", "why", words().dataCut(shown!, all!)));
      }
    } else {
      if (event.kind === "error") {
        const { what, why } = words().explain(event.failure);
        detail.append(make("p", "", `${what}. ${why}`.replace("。.", "。")));
        if (event.failure.message) detail.append(make("pre", "", event.failure.message));
      }
      detail.append(facts);
    }
    row.append(detail);
  }
}

/** What the row's badge says: the event type of a message, or what happened in the reader's language. */
function typeOf(event: LoggedEvent): string {
  return event.kind === "message" ? event.event : words().kinds[event.kind];
}

function idOf(event: LoggedEvent): string {
  return event.kind === "message" ? event.id : "";
}

function textOf(event: LoggedEvent): string {
  if (event.kind === "message") return event.data;
  if (event.kind === "open") return words().rowOpen(event.status, event.attempt);
  if (event.kind === "end") return words().rowEnd[event.ending];
  const { what } = words().explain(event.failure);
  return event.failure.willRetry ? `${what} · ${words().again}` : what;
}

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  text = "",
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}
