/**
 * Line plots as SVG.
 */
import { escapeHtml } from "./page.ts";

export interface Line {
  readonly name: string;
  readonly color: "blue" | "orange";
  /** `undefined` breaks the line. */
  readonly points: readonly { readonly x: number; readonly y: number | undefined }[];
}

export interface PlotOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly xLabel: (x: number) => string;
  readonly yLabel: (y: number) => string;
  /** Each step of the y axis is ten times the one before. */
  readonly logarithmic?: boolean;
  /** Names of the places on the x axis, where it is not a scale. */
  readonly xNames?: readonly string[];
}

const WIDTH = 480;
const HEIGHT = 220;
const LEFT = 58;
const RIGHT = 12;
const TOP = 22;
const BOTTOM = 24;
/** As many points as the plot is wide are enough. */
const MOST_POINTS = 600;

export function plot({ title, lines, xLabel, yLabel, logarithmic = false, xNames }: PlotOptions): string {
  const points = lines.flatMap((line) => line.points).filter((point) => point.y !== undefined);
  const caption = `<figcaption>${escapeHtml(title)}</figcaption>`;
  if (points.length < 2) return `<figure>${caption}<p class="dim">too little to plot</p></figure>`;
  const xMax = Math.max(...points.map(({ x }) => x), 1e-9);
  const yTop = Math.max(...points.map(({ y }) => y!), 1e-3);
  const ticks = logarithmic
    ? logTicks(Math.min(...points.map(({ y }) => Math.max(y!, 1e-2))), yTop)
    : linearTicks(yTop);
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const scale = (y: number): number =>
    logarithmic ? Math.log10(Math.max(y, low) / low) / Math.log10(high / low) : y / high;
  const px = (x: number): number => LEFT + (x / xMax) * (WIDTH - LEFT - RIGHT);
  const py = (y: number): number => HEIGHT - BOTTOM - scale(y) * (HEIGHT - TOP - BOTTOM);

  const grid = ticks.map(
    (y) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${one(py(y))}" y2="${one(py(y))}"/><text x="${LEFT - 6}" y="${one(py(y) + 4)}" text-anchor="end">${escapeHtml(yLabel(y))}</text>`,
  );
  const xTicks =
    xNames === undefined
      ? [0, 0.25, 0.5, 0.75, 1].map((share) => [share * xMax, xLabel(share * xMax)] as const)
      : xNames.map((name, x) => [x, name] as const);
  const xTexts = xTicks.map(
    ([x, text], at) =>
      `<text x="${one(px(x))}" y="${HEIGHT - 7}" text-anchor="${at === 0 ? "start" : at === xTicks.length - 1 ? "end" : "middle"}">${escapeHtml(text)}</text>`,
  );
  const legend = lines.map(
    ({ name, color }, at) => `<text class="${color}" x="${LEFT + at * 90}" y="13">${escapeHtml(name)}</text>`,
  );
  return `<figure>${caption}<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">
${grid.join("")}${xTexts.join("")}${lines.length > 1 ? legend.join("") : ""}
${lines.map((line) => path(thinned(line), px, py)).join("\n")}
</svg></figure>`;
}

function path({ color, points }: Line, px: (x: number) => number, py: (y: number) => number): string {
  let d = "";
  let pen = "M";
  for (const { x, y } of points) {
    if (y === undefined) pen = "M";
    else {
      d += `${pen}${one(px(x))} ${one(py(y))}`;
      pen = "L";
    }
  }
  return `<path class="${color}" stroke-width="1.6" d="${d}"/>`;
}

/** The highest of each group, so that no peak is lost. */
function thinned(line: Line): Line {
  const size = Math.ceil(line.points.length / MOST_POINTS);
  if (size <= 1) return line;
  const points: Line["points"][number][] = [];
  for (let at = 0; at < line.points.length; at += size) {
    const group = line.points.slice(at, at + size);
    points.push(group.reduce((best, point) => ((point.y ?? -1) > (best.y ?? -1) ? point : best)));
  }
  return { ...line, points };
}

/** From 0 to above `top`, in four or five round steps. */
function linearTicks(top: number): number[] {
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((each) => each >= rough)!;
  const ticks = [0];
  while (ticks.at(-1)! < top) ticks.push(ticks.length * step);
  return ticks;
}

function logTicks(low: number, high: number): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  return Array.from({ length: Math.max(2, to - from + 1) }, (_, at) => 10 ** (from + at));
}

function one(value: number): string {
  return String(Math.round(value * 10) / 10);
}
