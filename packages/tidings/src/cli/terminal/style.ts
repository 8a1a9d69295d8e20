/**
 * Colours by their meaning, and text of others made safe to show.
 */
import * as util from "node:util";

export type Style = (text: string) => string;

export interface Styles {
  readonly strong: Style;
  readonly dim: Style;
  readonly good: Style;
  readonly warn: Style;
  readonly bad: Style;
  readonly event: Style;
  readonly value: Style;
}

/** @param color - Whether the output takes colours; text stays as it is where not. */
export function stylesFor(color: boolean): Styles {
  return color ? COLORED : PLAIN;
}

const as =
  (format: Parameters<typeof util.styleText>[0]): Style =>
  (text) =>
    // Node 20.19 asks nothing; later versions would look at stdout, and this may be for stderr.
    (util.styleText as (f: typeof format, t: string, o: object) => string)(format, text, {
      validateStream: false,
    });

const COLORED: Styles = {
  strong: as("bold"),
  dim: as("gray"),
  good: as("green"),
  warn: as("yellow"),
  bad: as("red"),
  event: as("cyan"),
  value: as("green"),
};

const same: Style = (text) => text;
const PLAIN: Styles = {
  strong: same,
  dim: same,
  good: same,
  warn: same,
  bad: same,
  event: same,
  value: same,
};

/**
 * Text of a server's as a terminal may show it: control characters, which could move the cursor or write the clipboard, are
 * made visible. Line ends and tabs stay.
 */
export function harmless(text: string): string {
  return text.replaceAll(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) =>
      character < " "
        ? String.fromCodePoint(0x2400 + character.codePointAt(0)!)
        : `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}
