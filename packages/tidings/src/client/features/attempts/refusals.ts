/**
 * What a server says when it refuses: the start of the body, for an error that helps.
 * This module is browser compatible.
 */
import type { Core, Hooks } from "../../core/feature.ts";

/** Turns the next bytes into text, wherever characters are cut. */
export type Decode = (bytes: Uint8Array) => string;

/** How long the body of a refusal may take, so that a server which never ends it holds nobody. */
const LONGEST_MS = 2000;
/** As much of a body as an error is worth. */
const MOST_CHARACTERS = 65_536;

/**
 * Adds the start of the body to the error of a refusal: at most 64 Ki characters, and what comes within two seconds.
 * @param createDecode - For a platform without `TextDecoder`.
 */
export function refusals(
  createDecode: () => Decode = platformDecode,
): (core: Pick<Core, "clock" | "lose">) => Hooks {
  return ({ clock, lose }) => {
    let timer: unknown;
    return {
      refused(refusal) {
        const { message } = refusal;
        const decode = createDecode();
        let body = "";
        timer = clock.setTimeout(() => lose(refusal), LONGEST_MS);
        return (chunk) => {
          body = (body + (typeof chunk === "string" ? chunk : decode(chunk))).slice(0, MOST_CHARACTERS);
          const start = body.length > 200 ? `${body.slice(0, 200)}…` : body;
          Object.assign(refusal, { body, message: `${message}: ${start}` });
          if (body.length === MOST_CHARACTERS) lose(refusal);
        };
      },
      state: () => clock.clearTimeout(timer),
    };
  };
}

function platformDecode(): Decode {
  const decoder = new TextDecoder();
  return (bytes) => decoder.decode(bytes, { stream: true });
}
