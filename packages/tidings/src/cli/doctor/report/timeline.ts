/**
 * A picture of one stream: when each message was sent, where that is known, and when it came. A line that leans is a delay.
 */
import { plural } from "../../arguments/units.ts";
import { escapeHtml } from "../../report/page.ts";
import { timed } from "../checks/arrivals.ts";
import type { Observation } from "../examine/observation.ts";

const WIDTH = 900;
const LEFT = 84;
const RIGHT = 16;
/** What is later than this is drawn as late. */
const LATE_MS = 150;
/** More would be a grey bar. */
const MOST_MARKS = 1500;

/** @param baseMs - When the server began to send, since the request. */
export function timeline(title: string, observation: Observation, baseMs?: number): string {
  const { chunks, comments, headAtMs, endedAtMs, ending, messages } = observation;
  const times = timed(observation);
  const origin =
    baseMs ?? (times.length === 0 ? 0 : Math.min(...times.map(({ atMs, sentMs }) => atMs - sentMs)));
  const end = Math.max(endedAtMs, 1);
  const x = (ms: number): string => (LEFT + (Math.max(0, ms) / end) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const rows = times.length > 0 ? { sent: 30, came: 92, bytes: 118 } : { sent: 0, came: 34, bytes: 60 };
  const height = rows.bytes + 42;
  const mark = (ms: number, y: number, title: string): string =>
    `<circle class="dot" cx="${x(ms)}" cy="${y}" r="3"><title>${escapeHtml(title)}</title></circle>`;
  const lines = times.slice(0, MOST_MARKS).map(({ sentMs, atMs }) => {
    const sentAt = origin + sentMs;
    const late = atMs - sentAt > LATE_MS;
    return `<line class="${late ? "late" : "live"}" stroke-width="1.3" x1="${x(sentAt)}" y1="${rows.sent}" x2="${x(atMs)}" y2="${rows.came}"/>`;
  });
  const most = Math.max(1, ...chunks.map(({ bytes }) => bytes));
  const bars = chunks.slice(0, MOST_MARKS).map(({ atMs, bytes }) => {
    const size = 2 + (Math.log2(bytes + 1) / Math.log2(most + 1)) * 16;
    return `<line class="blue" stroke-width="2" x1="${x(atMs)}" x2="${x(atMs)}" y1="${rows.bytes + 10}" y2="${(rows.bytes + 10 - size).toFixed(1)}"><title>${Math.round(atMs)} ms: ${bytes} B</title></line>`;
  });
  const label = (y: number, text: string): string => `<text x="0" y="${y + 4}">${text}</text>`;
  const axis = [0, 0.25, 0.5, 0.75, 1].map(
    (share, at) =>
      `<text x="${x(end * share)}" y="${height - 6}" text-anchor="${at === 0 ? "start" : at === 4 ? "end" : "middle"}">${((end * share) / 1000).toFixed(1)} s</text>`,
  );
  const endings = { end: "ended", cut: "cut", open: "closed by the doctor", none: "no answer" };
  return `<figure><figcaption>${escapeHtml(title)} <span class="dim">${plural(messages.length, "message")}, ${plural(chunks.length, "chunk")}, ${endings[ending]}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">
${times.length > 0 ? label(rows.sent, "sent") : ""}${label(rows.came, "received")}${label(rows.bytes + 4, "bytes")}
<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${rows.came}" y2="${rows.came}"/>
${Number.isNaN(headAtMs) ? "" : `<line class="orange" stroke-width="1.5" x1="${x(headAtMs)}" x2="${x(headAtMs)}" y1="14" y2="${rows.bytes + 12}"/><text class="orange" x="${x(headAtMs)}" y="11" text-anchor="${headAtMs > end * 0.9 ? "end" : "start"}">headers</text>`}
${lines.join("")}
${times
  .slice(0, MOST_MARKS)
  .map(({ sentMs }) => mark(origin + sentMs, rows.sent, `sent at ${Math.round(sentMs)} ms`))
  .join("")}
${messages
  .slice(0, MOST_MARKS)
  .map(({ atMs, event, id }) => mark(atMs, rows.came, `${event} ${id} at ${Math.round(atMs)} ms`))
  .join("")}
${comments
  .slice(0, MOST_MARKS)
  .map(
    ({ atMs }) =>
      `<circle class="blue" cx="${x(atMs)}" cy="${rows.came}" r="2.4"><title>comment at ${Math.round(atMs)} ms</title></circle>`,
  )
  .join("")}
${bars.join("")}${axis.join("")}
</svg></figure>`;
}
