/**
 * Says how the stream stands: the state in a word and a sentence, the counts, and what went wrong in words.
 */
import { element } from "../element.ts";
import type { EventLog } from "./event-log.ts";
import { formatBytes, formatCount, formatDuration } from "../events/format.ts";
import { isRunning, type Session } from "./session.ts";
import { onLanguage, words } from "../words/words.ts";

export interface StatusView {
  update(): void;
}

export function createStatusView(session: Session, log: EventLog): StatusView {
  const state = element("state", HTMLElement);
  const sentence = element("sentence", HTMLElement);
  const notice = element("notice", HTMLElement);
  const duration = element("duration", HTMLElement);

  // Ten times a second is as fast as anybody reads the tenth.
  setInterval(() => {
    if (isRunning(session.status.state)) showDuration();
  }, 100);
  onLanguage(update);
  return { update };

  function update(): void {
    const { status } = session;
    setText(state, words().states[status.state]);
    state.dataset["state"] = status.state;
    const said = words().sentences[status.state];
    setText(sentence, typeof said === "string" ? said : said(status.attempt));

    setText(element("messages", HTMLElement), formatCount(log.messages));
    setText(element("size", HTMLElement), formatBytes(log.bytes));
    setText(element("attempts", HTMLElement), formatCount(status.attempt));
    setText(element("cursor", HTMLElement), status.lastEventId || "–");
    showDuration();

    const { failure } = status;
    const show = failure !== undefined && status.state !== "complete" && status.state !== "stopped";
    notice.hidden = !show;
    notice.classList.toggle("passing", failure?.willRetry === true);
    if (!show) return;
    const { what, why } = words().explain(failure);
    setText(element("notice-what", HTMLElement), what);
    setText(element("notice-why", HTMLElement), why);
  }

  function showDuration(): void {
    const { startedAt, endedAt } = session.status;
    setText(
      duration,
      startedAt === undefined ? "–" : formatDuration((endedAt ?? performance.now()) - startedAt),
    );
  }
}

/** Only a change is written, since a screen reader reads what is written. */
function setText(to: HTMLElement, text: string): void {
  if (to.textContent !== text) to.textContent = text;
}
