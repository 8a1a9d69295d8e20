/** A plot with logarithmic axes as SVG: on it, what grows linearly is a straight line along the dashed one. */

const WIDTH = 720;
const HEIGHT = 420;
const LEFT = 72;
const RIGHT = 24;
const TOP = 48;
const BOTTOM = 96;
const COLOURS = ["#0b6e99", "#c2410c", "#6d28d9", "#15803d", "#a16207", "#be185d"];

/** @param {{ title: string, x: string, y: string, series: { name: string, points: [number, number][] }[] }} plot */
export function drawPlot({ title, x, y, series }) {
  const all = series.flatMap(({ points }) => points);
  const scaleX = createScale(
    all.map(([at]) => at),
    LEFT,
    WIDTH - RIGHT,
  );
  const scaleY = createScale(
    all.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  );
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(WIDTH / 2, 26, title, `text-anchor="middle" font-size="16" font-weight="600"`),
  ];
  for (const tick of scaleX.ticks) {
    const at = scaleX.place(tick);
    parts.push(line(at, TOP, at, HEIGHT - BOTTOM, "#e5e7eb"));
    parts.push(text(at, HEIGHT - BOTTOM + 18, label(tick), `text-anchor="middle" fill="#374151"`));
  }
  for (const tick of scaleY.ticks) {
    const at = scaleY.place(tick);
    parts.push(line(LEFT, at, WIDTH - RIGHT, at, "#e5e7eb"));
    parts.push(text(LEFT - 8, at + 4, label(tick), `text-anchor="end" fill="#374151"`));
  }
  parts.push(
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 40, x, `text-anchor="middle" fill="#111827"`),
  );
  parts.push(
    text(
      0,
      0,
      y,
      `text-anchor="middle" fill="#111827" transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"`,
    ),
  );
  for (const [index, { name, points }] of series.entries()) {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(
      ([at, value]) => `${scaleX.place(at).toFixed(1)},${scaleY.place(value).toFixed(1)}`,
    );
    if (index === 0) parts.push(linearFrom(points.at(-1), scaleX, scaleY));
    parts.push(`<polyline points="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const pair of path) {
      const [cx, cy] = pair.split(",");
      parts.push(`<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`);
    }
    const legendX = LEFT + (index % 3) * 200;
    const legendY = HEIGHT - 30 + Math.floor(index / 3) * 18;
    parts.push(`<rect x="${legendX}" y="${legendY - 10}" width="12" height="12" fill="${colour}"/>`);
    parts.push(text(legendX + 18, legendY, name, `fill="#111827"`));
  }
  parts.push("</svg>");
  return `${parts.join("\n")}\n`;
}

/** The slope of the points on logarithmic axes: 1 when the value grows linearly. */
export function exponent(points) {
  const logs = points.map(([at, value]) => [Math.log(at), Math.log(value)]);
  const mean = (pick) => logs.reduce((sum, pair) => sum + pick(pair), 0) / logs.length;
  const meanX = mean(([at]) => at);
  const meanY = mean(([, value]) => value);
  const covariance = mean(([at, value]) => (at - meanX) * (value - meanY));
  return covariance / mean(([at]) => (at - meanX) ** 2);
}

function createScale(values, from, to) {
  const least = Math.log10(Math.min(...values));
  const most = Math.log10(Math.max(...values));
  const room = Math.max(0.05, (most - least) * 0.04);
  const low = least - room;
  const high = most + room;
  const ticks = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const factor of high - low > 4 ? [1] : [1, 3]) {
      const tick = factor * 10 ** power;
      if (Math.log10(tick) >= low && Math.log10(tick) <= high) ticks.push(tick);
    }
  }
  return { ticks, place: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from) };
}

/** Where the last point of the first series would have come from, were its cost linear. */
function linearFrom([x, y], scaleX, scaleY) {
  const leastX = scaleX.ticks[0];
  const leastY = scaleY.ticks[0];
  const from = Math.max(leastX, (x * leastY) / y);
  return `<line x1="${scaleX.place(from).toFixed(1)}" y1="${scaleY.place((y * from) / x).toFixed(1)}" x2="${scaleX.place(x).toFixed(1)}" y2="${scaleY.place(y).toFixed(1)}" stroke="#9ca3af" stroke-dasharray="6 5" stroke-width="1.5"/>`;
}

function line(x1, y1, x2, y2, stroke) {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${stroke}"/>`;
}

function text(x, y, content, attributes) {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeText(content)}</text>`;
}

function label(value) {
  return value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(2)));
}

function escapeText(content) {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
