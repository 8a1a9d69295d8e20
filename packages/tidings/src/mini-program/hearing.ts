/**
 * What a host says of a request, heard as a connection can take it: in the order in which it was said, nothing before the request has
 * been made, and with an end where it makes no sense.
 * This module is browser compatible.
 */

export interface Hearing {
  /** A callback as hosts call it: with nothing at times, and some before they have returned. */
  heard<Said extends object>(this: void, run: (said: Said) => void): (said?: Said) => void;
  /** From now on somebody listens. */
  begin(this: void): void;
}

/** @param onNonsense - Told what was thrown at what the host said: whatever it was is missing from now on. */
export function createHearing(onNonsense: (error: unknown) => void): Hearing {
  /** What was said early, and all behind it until that has been heard. */
  let early: (() => void)[] | undefined = [];
  const hear = () => {
    for (let call; (call = early!.shift());) call();
    early = undefined;
  };

  return {
    heard: (run) => (said) => {
      const call = () => {
        try {
          run(Object(said));
        } catch (error) {
          onNonsense(error);
        }
      };
      if (!early) call();
      else if (early.push(call) === 1) setTimeout(hear, 0);
    },
    begin() {
      if (!early!.length) early = undefined;
    },
  };
}
