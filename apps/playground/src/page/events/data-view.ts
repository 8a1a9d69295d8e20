/**
 * Shows a message's data: JSON in colours, on one line or printed over several; anything else as it came.
 * It builds nodes and never HTML, since data comes from anywhere.
 */

const LONGEST_COLOURED = 50_000;

/** The data as JSON with two spaces, or as it is if it is no JSON object or array. */
export function prettyData(data: string): string {
  const parsed = parse(data);
  return parsed === undefined ? data : JSON.stringify(parsed, undefined, 2);
}

/** At most `most` characters of `text`, coloured if they are JSON. */
export function colourData(text: string, most: number): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const shown = text.length > most ? `${text.slice(0, most)}…` : text;
  if (shown.length > LONGEST_COLOURED || !/^\s*[[{]/.test(shown)) {
    fragment.append(shown);
    return fragment;
  }
  let at = 0;
  for (const match of shown.matchAll(TOKENS)) {
    const [token, string, colon, word] = match;
    fragment.append(shown.slice(at, match.index));
    const span = document.createElement("span");
    span.className =
      string === undefined
        ? word === undefined
          ? "number"
          : "word"
        : colon === undefined
          ? "string"
          : "name";
    span.textContent = string ?? token;
    fragment.append(span, string === undefined ? "" : (colon ?? ""));
    at = match.index + token.length;
  }
  fragment.append(shown.slice(at));
  return fragment;
}

// A string (that a colon makes a name), a word, or a number.
const TOKENS = /("(?:[^"\\]|\\.)*"?)(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function parse(data: string): object | undefined {
  if (!/^\s*[[{]/.test(data)) return undefined;
  try {
    return JSON.parse(data) as object;
  } catch {
    return undefined;
  }
}
