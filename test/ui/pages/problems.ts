/** What a page complains of, for a test to ask: this has to be imported before all else. */
declare global {
  var problems: string[];
  /** How often each component was drawn, and how many frames there were. */
  var drawn: Record<string, number>;
  var framesSeen: number;
}

globalThis.problems = [];
globalThis.drawn = {};
globalThis.framesSeen = 0;
for (const level of ["error", "warn"] as const) {
  const tell = console[level];
  console[level] = (...args: unknown[]) => {
    globalThis.problems.push(args.map(String).join(" "));
    tell(...args);
  };
}
addEventListener("unhandledrejection", ({ reason }) => globalThis.problems.push(`unhandled ${reason}`));

if (new URLSearchParams(location.search).has("still")) {
  // As in a hidden page.
  globalThis.requestAnimationFrame = () => 1;
} else {
  requestAnimationFrame(function frame() {
    globalThis.framesSeen += 1;
    requestAnimationFrame(frame);
  });
}

export function draw(name: string): void {
  globalThis.drawn[name] = (globalThis.drawn[name] ?? 0) + 1;
}
