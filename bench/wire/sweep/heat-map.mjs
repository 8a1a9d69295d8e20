/** Draws ratios as heat maps, one below the other: red where a cell is below what is wanted of it. */

const CELL = { width: 34, height: 17 };
const LEFT = 220;
const TOP = 46;
const GAP = 40;

/**
 * @param {string} title
 * @param {{ columns: string[], rows: { name: string, ratios: (number | undefined)[] }[], widths?: number }[]} tables - `widths`: how many
 * columns of the others one of these is wide.
 * @param {number} wanted - What is below is red.
 * @returns {string} An SVG.
 */
export function drawHeatMap(title, tables, wanted) {
  const lines = [];
  let top = TOP;
  let right = LEFT + 16 * CELL.width;
  for (const { columns, rows, widths = 1 } of tables) {
    const width = widths * CELL.width;
    right = Math.max(right, LEFT + columns.length * width);
    columns.forEach((column, x) => lines.push(label(LEFT + (x + 0.5) * width, top - 6, column, "middle")));
    rows.forEach(({ name, ratios }, y) => {
      lines.push(label(LEFT - 8, top + (y + 0.75) * CELL.height, name, "end"));
      ratios.forEach((ratio, x) => {
        if (ratio !== undefined)
          lines.push(...box(LEFT + x * width, top + y * CELL.height, width, ratio, wanted));
      });
    });
    top += rows.length * CELL.height + GAP;
  }
  const width = right + 10;
  const height = top - GAP + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10">
<rect width="${width}" height="${height}" fill="#fff"/>
${label(10, 16, title, "start", 13)}
${lines.join("\n")}
</svg>
`;
}

function label(x, y, text, anchor, size) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${size === undefined ? "" : ` font-size="${size}"`}>${text}</text>`;
}

function box(x, y, width, ratio, wanted) {
  return [
    `<rect x="${x}" y="${y}" width="${width - 1}" height="${CELL.height - 1}" fill="${colour(ratio, wanted)}"/>`,
    label(x + (width - 1) / 2, y + 12, ratio.toFixed(2), "middle"),
  ];
}

/** Red below, grey about even, green above; full at half as fast as wanted and at three times as fast. */
function colour(ratio, wanted) {
  const relative = ratio / wanted;
  if (relative < 1)
    return `hsl(8 80% ${Math.round(60 + 30 * Math.max(0, Math.min(1, (relative - 0.5) / 0.5)))}%)`;
  if (relative < 1.1) return "hsl(50 30% 92%)";
  return `hsl(140 45% ${Math.round(88 - 38 * Math.min(1, Math.log(relative) / Math.log(3)))}%)`;
}
