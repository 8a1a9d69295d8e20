/**
 * The page: puts its parts together. The form makes a request, the session runs it and writes the log, the views show both.
 */
import { choose } from "./choose.ts";
import { toCurl, toJavaScript } from "./request/code.ts";
import { element } from "./element.ts";
import { createEventList } from "./events/event-list.ts";
import { createEventLog, type LoggedEvent } from "./stream/event-log.ts";
import { createPulse } from "./stream/pulse.ts";
import { createPublishForm } from "./request/publish-form.ts";
import { remembered } from "./remembered.ts";
import { createRequestForm, type PresetName, type Problem } from "./request/request-form.ts";
import { createSession, isRunning } from "./stream/session.ts";
import { listenToShortcuts, START_KEY } from "./shortcuts.ts";
import { createStatusView } from "./stream/status-view.ts";
import { setUpTheme } from "./theme.ts";
import { currentLanguage, fillTexts, type Language, onLanguage, setLanguage, words } from "./words/words.ts";

const startButton = element("start", HTMLButtonElement);
const stopButton = element("stop", HTMLButtonElement);
const resumeButton = element("resume", HTMLButtonElement);
const pauseButton = element("pause", HTMLButtonElement);
const problem = element("problem", HTMLElement);
const code = element("code", HTMLElement);

const log = createEventLog();
const session = createSession(log, onSession);
const status = createStatusView(session, log);
const list = createEventList(log, (text) => void copy(text));
const pulse = createPulse();
let marked = 0;
let shownProblem: Problem | undefined;

let codeKind = remembered.get("code") ?? "javascript";
const form = createRequestForm(onForm);
const publishForm = createPublishForm();

function onForm(): void {
  showProblem(undefined);
  showRequest();
}

function showProblem(shown: Problem | undefined): void {
  shownProblem = shown;
  problem.textContent = shown?.problem() ?? "";
}

function onSession(): void {
  const { state } = session.status;
  const running = isRunning(state);
  stopButton.disabled = !running;
  showResume();
  pulse.running = running;
  for (const event of newest(log.events)) pulse.mark(event);
  status.update();
  list.update();
}

/** What came since the last time. */
function newest(events: readonly LoggedEvent[]): LoggedEvent[] {
  const fresh = [];
  for (let at = events.length - 1; at >= 0 && events[at]!.number > marked; at--) fresh.unshift(events[at]!);
  marked = events.at(-1)?.number ?? marked;
  return fresh;
}

function showResume(): void {
  const { state, lastEventId } = session.status;
  resumeButton.hidden = isRunning(state) || lastEventId === "" || !form.canResume;
}

/** @param resumeAfter - Begins there instead of where the form says. */
function start(resumeAfter?: string): void {
  const request = form.read();
  const wrong = "problem" in request ? request : form.objection();
  showProblem(wrong);
  if (wrong) wrong.field.focus();
  if (wrong || "problem" in request) return;
  pulse.clear();
  session.start(resumeAfter === undefined ? request : { ...request, lastEventId: resumeAfter });
  // On a narrow screen the stream is below the form that was just sent.
  if (matchMedia("(max-width: 860px)").matches) element("stream", HTMLElement).scrollIntoView();
}

function setPaused(paused: boolean): void {
  list.paused = paused;
  pauseButton.setAttribute("aria-pressed", String(paused));
  pauseButton.querySelector("span")!.textContent = paused ? words().resume : words().pause;
}

function clear(): void {
  log.clear();
  pulse.clear();
  onSession();
}

/** Follows the form: the code that does the same, and whether there is a topic to publish to. */
function showRequest(): void {
  const request = form.read();
  if ("problem" in request) return;
  publishForm.url = request.url;
  showResume();
  code.textContent = codeKind === "curl" ? toCurl(request, location.href) : toJavaScript(request);
}

async function copy(text: string, button?: HTMLElement): Promise<void> {
  let said = words().copied;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = words().notCopied;
  }
  const label = button?.querySelector("span") ?? button;
  if (!label) return;
  label.textContent = said;
  setTimeout(() => (label.textContent = words().copy), 1500);
}

/** The events as a list, for a bug report or a test. */
function asJson(events: readonly LoggedEvent[]): string {
  const plain = events.map(({ number: _number, sinceMs: _sinceMs, ...event }) => event);
  return JSON.stringify(plain, undefined, 2);
}

const copyButton = element("copy", HTMLButtonElement);
const copyEvents = () => void copy(asJson(list.matching()), copyButton);

element("request", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
element("presets", HTMLElement).addEventListener("click", ({ target }) => {
  const preset = (target as Element).closest("button");
  if (preset) form.usePreset(preset.value as PresetName);
});
resumeButton.addEventListener("click", () => start(session.status.lastEventId));
stopButton.addEventListener("click", () => session.stop());
pauseButton.addEventListener("click", () => setPaused(!list.paused));
copyButton.addEventListener("click", copyEvents);
element("clear", HTMLButtonElement).addEventListener("click", clear);
const copyCode = element("copy-code", HTMLButtonElement);
copyCode.addEventListener("click", () => void copy(code.textContent ?? "", copyCode));
choose("code-kind", codeKind, (kind) => {
  codeKind = kind;
  remembered.set("code", kind);
  showRequest();
});

listenToShortcuts({
  start: () => startButton.click(),
  stop: () => session.stop(),
  filter: () => element("filter", HTMLInputElement).focus(),
  pause: () => setPaused(!list.paused),
  copy: copyEvents,
  clear,
  move: (by) => list.move(by),
});

element("start-key", HTMLElement).textContent = START_KEY;
setUpTheme();
onLanguage(() => {
  setPaused(list.paused);
  showProblem(shownProblem);
});
fillTexts();
// Until here a click would send the form itself, and reload the page.
startButton.disabled = false;
choose("language", currentLanguage(), (language) => setLanguage(language as Language));
