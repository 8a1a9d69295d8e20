/**
 * What looks like JSON and is not: most likely a slip, and worth a word before it is sent.
 */

/** @returns What is wrong, in the browser's words; `undefined` for valid JSON, and for text that does not look like JSON. */
export function jsonProblem(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Lets a text pass that was objected to once: whoever sends it again means it. */
export function createObjection(): (text: string) => string | undefined {
  let objected: string | undefined;
  return (text) => {
    const problem = jsonProblem(text);
    if (problem === undefined || objected === text) return undefined;
    objected = text;
    return problem;
  };
}
