/**
 * Settings of the stream that somebody changed with other tools, and with which the log breaks its promise: it takes them back. What
 * nobody can take back, and what is a limit of the server's owner, is said where it stands in the way.
 */

/** As the server has it. */
export type StreamSettings = Readonly<Record<string, unknown>>;

interface Setting {
  /** What the server does with it. */
  readonly effect: string;
  readonly isWrong: (value: unknown) => boolean;
  /** Undefined: it is left out. */
  readonly right: unknown;
  /** What was appended meanwhile cannot be found, and nothing says what that is. */
  readonly loses: boolean;
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  max_msgs_per_subject: {
    effect: "NATS discards messages between others",
    isWrong: (value) => Number(value ?? -1) > 0,
    right: -1,
    loses: true,
  },
  subject_transform: {
    effect: "NATS stores messages where no reader finds them",
    isWrong: isPresent,
    right: undefined,
    loses: true,
  },
  retention: {
    effect: "NATS discards what its consumers were given",
    isWrong: (value) => value !== "limits",
    right: "limits",
    loses: true,
  },
  no_ack: {
    effect: "NATS acknowledges nothing",
    isWrong: (value) => value === true,
    right: false,
    loses: false,
  },
  discard: {
    effect: "NATS refuses new messages instead of discarding old ones",
    isWrong: (value) => value === "new",
    right: "old",
    loses: false,
  },
  discard_new_per_subject: {
    effect: "NATS refuses new messages instead of discarding old ones",
    isWrong: (value) => value === true,
    right: undefined,
    loses: false,
  },
  consumer_limits: {
    effect: "NATS refuses the consumer that the log reads with",
    isWrong: (value) => isPresent(value) && Object.keys(value as object).length > 0,
    right: undefined,
    loses: false,
  },
};

/** What is wrong with the settings of a stream, and what they have to be. */
export interface WrongSettings {
  /** Of each, what the server does with it. */
  readonly said: string;
  readonly right: StreamSettings;
  readonly loses: boolean;
}

/** @param keyAgeNs - For how long ids are to be remembered, in nanoseconds. */
export function wrongIn(settings: StreamSettings, keyAgeNs: number): WrongSettings | undefined {
  // Nobody can change it, and it can be read.
  if (settings.sealed === true) return undefined;
  const all = { ...SETTINGS, duplicate_window: windowOf(settings, keyAgeNs) };
  const wrong = Object.entries(all).filter(([name, { isWrong }]) => isWrong(settings[name]));
  if (wrong.length === 0) return undefined;
  return {
    said: wrong
      .map(([name, { effect }]) => `${name}: ${JSON.stringify(settings[name])}, with which ${effect}`)
      .join("; "),
    right: Object.fromEntries(wrong.map(([name, { right }]) => [name, right])),
    loses: wrong.some(([, { loses }]) => loses),
  };
}

/** JetStream knows no id for longer than the message may be there, which others may have made shorter. */
function windowOf({ max_age }: StreamSettings, keyAgeNs: number): Setting {
  const right = Math.min(keyAgeNs, Number(max_age ?? 0) || Infinity);
  return {
    effect: "NATS forgets ids early, and stores what is published again twice",
    isWrong: (value) => Number(value ?? 0) < right,
    right,
    loses: false,
  };
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
