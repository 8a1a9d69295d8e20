/** Draws ratios as a heat map: lengths from left to right, kinds of text, forms and sizes of chunks from top to bottom. */
import { FORMS, KINDS, SIZES } from "./cells.mjs";

const CELL = { width: 34, height: 17 };
const LEFT = 190;
const TOP = 46;

/** @returns {string} An SVG. */
export function drawHeatMap(title, results) {
  const lengths = [
    ...new Set(results.filter(({ kind }) => kind !== "real").map(({ column }) => Number(column))),
  ].sort((a, b) => a - b);
  const streams = [
    ...new Set(results.filter(({ kind }) => kind === "real").map(({ column }) => column)),
  ].sort((a, b) => a.localeCompare(b));
  const ratios = new Map(results.map((cell) => [cellKey(cell), cell.ratio]));
  const lines = [];
  const rows = KINDS.flatMap((kind) => FORMS.flatMap((form) => SIZES.map((size) => ({ kind, form, size }))));
  lengths.forEach((length, x) => lines.push(label(LEFT + (x + 0.5) * CELL.width, TOP - 6, length, "middle")));
  rows.forEach((row, y) => {
    lines.push(
      label(LEFT - 8, TOP + (y + 0.75) * CELL.height, `${row.kind}, ${row.form}, ${row.size}`, "end"),
    );
    lengths.forEach((length, x) => {
      lines.push(
        ...box(
          LEFT + x * CELL.width,
          TOP + y * CELL.height,
          ratios.get(cellKey({ ...row, column: String(length) })),
        ),
      );
    });
  });
  const below = TOP + rows.length * CELL.height + 40;
  const columns = FORMS.flatMap((form) => SIZES.map((size) => ({ form, size })));
  columns.forEach(({ form, size }, x) => {
    lines.push(label(LEFT + (x * 2 + 1) * CELL.width, below - 6, `${form} ${size}`, "middle"));
  });
  streams.forEach((column, y) => {
    lines.push(label(LEFT - 8, below + (y + 0.75) * CELL.height, column, "end"));
    columns.forEach((parts, x) => {
      lines.push(
        ...box(
          LEFT + x * 2 * CELL.width,
          below + y * CELL.height,
          ratios.get(cellKey({ kind: "real", column, ...parts })),
          2,
        ),
      );
    });
  });
  const width = LEFT + Math.max(lengths.length, 16) * CELL.width + 10;
  const height = below + streams.length * CELL.height + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10">
<rect width="${width}" height="${height}" fill="#fff"/>
${label(10, 16, `${title}: how many times as fast as the better eventsource-parser`, "start", 13)}
${lines.filter((line) => line !== "").join("\n")}
</svg>
`;
}

function cellKey({ kind, column, form, size }) {
  return `${kind} ${column} ${form} ${size}`;
}

function label(x, y, text, anchor, size) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${size === undefined ? "" : ` font-size="${size}"`}>${text}</text>`;
}

function box(x, y, ratio, widths = 1) {
  if (ratio === undefined) return [];
  return [
    `<rect x="${x}" y="${y}" width="${CELL.width * widths - 1}" height="${CELL.height - 1}" fill="${colour(ratio)}"/>`,
    label(x + (CELL.width * widths - 1) / 2, y + 12, ratio.toFixed(2), "middle"),
  ];
}

/** Red below, grey about even, green above; full at half as fast and at three times as fast. */
function colour(ratio) {
  if (ratio < 0.95)
    return `hsl(8 80% ${Math.round(60 + 30 * Math.max(0, Math.min(1, (ratio - 0.5) / 0.45)))}%)`;
  if (ratio < 1.05) return "hsl(50 30% 92%)";
  return `hsl(140 45% ${Math.round(88 - 38 * Math.min(1, Math.log(ratio) / Math.log(3)))}%)`;
}
