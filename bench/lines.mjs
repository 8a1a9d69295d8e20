/** A plot with linear axes as SVG: lines or steps over time, and spans in which something happened. */

const WIDTH = 720;
const HEIGHT = 380;
const LEFT = 72;
const RIGHT = 24;
const TOP = 48;
const BOTTOM = 92;
const COLOURS = ["#0b6e99", "#c2410c", "#6d28d9", "#15803d", "#a16207", "#be185d"];

/**
 * @param {{
 *   title: string,
 *   x: string,
 *   y: string,
 *   series: { name: string, points: [number, number][], dashed?: boolean }[],
 *   spans?: { from: number, to: number, name: string }[],
 * }} plot - At most six series; both axes begin at 0.
 */
export function drawLines({ title, x, y, series, spans = [] }) {
  const all = series.flatMap(({ points }) => points);
  const scaleX = createScale(Math.max(...all.map(([at]) => at)), LEFT, WIDTH - RIGHT, 8);
  const scaleY = createScale(Math.max(...all.map(([, value]) => value)) * 1.08, HEIGHT - BOTTOM, TOP, 6);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(WIDTH / 2, 26, title, `text-anchor="middle" font-size="16" font-weight="600"`),
  ];
  for (const { from, to, name } of spans) {
    const [left, right] = [scaleX.place(from), scaleX.place(to)];
    parts.push(
      `<rect x="${left.toFixed(1)}" y="${TOP}" width="${Math.max(1, right - left).toFixed(1)}" height="${HEIGHT - BOTTOM - TOP}" fill="#fef3c7"/>`,
      text((left + right) / 2, TOP + 14, name, `text-anchor="middle" fill="#92400e" font-size="11"`),
    );
  }
  for (const tick of scaleX.ticks) {
    const at = scaleX.place(tick);
    parts.push(line(at, TOP, at, HEIGHT - BOTTOM));
    parts.push(text(at, HEIGHT - BOTTOM + 18, label(tick), `text-anchor="middle" fill="#374151"`));
  }
  for (const tick of scaleY.ticks) {
    const at = scaleY.place(tick);
    parts.push(line(LEFT, at, WIDTH - RIGHT, at));
    parts.push(text(LEFT - 8, at + 4, label(tick), `text-anchor="end" fill="#374151"`));
  }
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  parts.push(
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 38, x, `text-anchor="middle" fill="#111827"`),
    text(0, 0, y, `text-anchor="middle" fill="#111827" transform="translate(18 ${middle}) rotate(-90)"`),
  );
  for (const [index, { name, points, dashed }] of series.entries()) {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(
      ([at, value]) => `${scaleX.place(at).toFixed(1)},${scaleY.place(value).toFixed(1)}`,
    );
    const dashes = dashed ? ` stroke-dasharray="6 4"` : "";
    parts.push(
      `<polyline points="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
    );
    const legendX = LEFT + (index % 3) * 206;
    const legendY = HEIGHT - 30 + Math.floor(index / 3) * 18;
    parts.push(`<rect x="${legendX}" y="${legendY - 10}" width="12" height="12" fill="${colour}"/>`);
    parts.push(text(legendX + 18, legendY, name, `fill="#111827"`));
  }
  parts.push("</svg>");
  return `${parts.join("\n")}\n`;
}

/** A line that stays at a value for the whole of its step. */
export function steps(values, width) {
  return values.flatMap((value, i) => [
    [i * width, value],
    [(i + 1) * width, value],
  ]);
}

/** How many fall into each step. @returns {number[]} */
export function countPer(times, width) {
  const counts = [];
  for (const at of times) {
    const slot = Math.floor(at / width);
    while (counts.length <= slot) counts.push(0);
    counts[slot] += 1;
  }
  return counts;
}

function createScale(most, from, to, wanted) {
  const power = 10 ** Math.floor(Math.log10(most / wanted));
  const step = power * [1, 2, 5, 10].find((factor) => most / (factor * power) <= wanted);
  const ticks = [];
  for (let n = 0; n * step <= most; n += 1) ticks.push(n * step);
  return { ticks, place: (value) => from + (value / most) * (to - from) };
}

function line(x1, y1, x2, y2) {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#e5e7eb"/>`;
}

function text(x, y, content, attributes) {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeText(content)}</text>`;
}

function label(value) {
  return Number(value.toPrecision(6)).toLocaleString("en");
}

function escapeText(content) {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
