/**
 * Frames: when what is new is drawn next.
 * This module is browser compatible.
 */

/** Calls a function once, later. @returns How to call that off. */
export type Frame = (tell: () => void) => () => void;

const STILL_MS = 250;
const FRAME_MS = 16;

/** The next animation frame, or 250 ms from now where frames stand still, as in a hidden page. */
export const nextFrame: Frame = (tell) => {
  // What stands in for frames in a test may lack the way to call them off, or be at once.
  const hasFrames = typeof requestAnimationFrame === "function" && typeof cancelAnimationFrame === "function";
  const timer = setTimeout(run, hasFrames ? STILL_MS : FRAME_MS);
  let frame: number | false = false;
  frame = hasFrames && requestAnimationFrame(run);
  return callOff;

  function run(): void {
    callOff();
    tell();
  }

  function callOff(): void {
    if (frame) cancelAnimationFrame(frame);
    clearTimeout(timer);
  }
};
