/**
 * Matches a topic against any number of patterns at once, in time that grows with the topic alone: the patterns become one
 * automaton, made with the first topic, and its states when a topic first needs them. What is kept of it is bounded; beyond that
 * it starts anew.
 *
 * Of one pattern, whatever stands before its last `*` that was reached is left out of a state: that `*` takes all that the nodes
 * before it could take. So there are few states, however many wildcards a pattern has.
 * This module is browser compatible.
 */

export type PatternToken = { readonly text: string } | "segment" | "any";

interface State {
  /** What the next character may continue, in order. */
  readonly nodes: readonly number[];
  readonly accepts: boolean;
  /** It accepts whatever follows: a pattern ends with the `*` that was reached. */
  readonly acceptsAll: boolean;
  readonly next: Map<number, State>;
}

const LITERAL = 0;
/** `*`: stays for any character. */
const ANY = 1;
/** `:name`: the first character, which has to be there. */
const SEGMENT = 2;
/** `:name`: stays for any character but `/`. */
const REST_OF_SEGMENT = 3;
const END = 4;

const SLASH = 47;
/** All characters that no pattern names are alike. */
const OTHER = -1;

/** What is kept of one automaton: nodes in all its states, about 16 bytes each; a state counts as 32. */
const MOST_KEPT = 100_000;
/** What is kept of all automata: 32 MB. Beyond that all start anew: there may be one for each stream, made of what a client chose. */
const MOST_KEPT_TOGETHER = 2_000_000;

/** What making a state costs, in characters that are matched by states that are there; and each of its nodes. */
const STATE_STEPS = 100;
const NODE_STEPS = 5;

/** Those that keep something. */
const keeping: WeakRef<PatternAutomaton>[] = [];
let keptTogether = 0;

/** @internal How much all automata keep. */
export function keptByAutomata(): number {
  return keptTogether;
}

function forgetAll(): void {
  for (const automaton of keeping) automaton.deref()?.forget();
  keeping.length = 0;
  keptTogether = 0;
}

export class PatternAutomaton {
  /** What has been done so far: characters, and what it took to make states. */
  steps = 0;
  readonly #patterns: readonly (readonly PatternToken[])[];
  #kinds = new Uint8Array(0);
  #codes = new Uint16Array(0);
  /** The pattern that each node is of. */
  #owners = new Uint32Array(0);
  readonly #starts: number[] = [];
  readonly #alphabet = new Set<number>([SLASH]);
  #marks = new Uint32Array(0);
  #mark = 0;
  #states = new Map<string, State>();
  #kept = 0;
  #first: State | undefined;

  constructor(patterns: readonly (readonly PatternToken[])[]) {
    this.#patterns = patterns;
  }

  /** Whether the whole topic is matched by at least one of the patterns. */
  matches(topic: string): boolean {
    let state = (this.#first ??= this.#makeFirst());
    this.steps += topic.length;
    for (let at = 0; at < topic.length && !state.acceptsAll; at += 1) {
      const code = topic.charCodeAt(at);
      const symbol = this.#alphabet.has(code) ? code : OTHER;
      let next = state.next.get(symbol);
      if (next === undefined) {
        next = this.#follow(state, symbol);
        state.next.set(symbol, next);
      }
      if (next.nodes.length === 0) return false;
      state = next;
    }
    return state.accepts;
  }

  /** Gives back what is kept; a match that is under way goes on with what it has. */
  forget(): void {
    this.#states = new Map();
    this.#first = undefined;
    this.#kept = 0;
  }

  #makeFirst(): State {
    if (this.#kinds.length === 0) this.#build();
    return this.#stateOf((add) => {
      for (const start of this.#starts) add(start);
    });
  }

  #build(): void {
    const kinds: number[] = [];
    const codes: number[] = [];
    const owners: number[] = [];
    for (const [owner, tokens] of this.#patterns.entries()) {
      this.#starts.push(kinds.length);
      const add = (kind: number, code = 0): void => {
        kinds.push(kind);
        codes.push(code);
        owners.push(owner);
      };
      for (const token of tokens) {
        if (token === "any") {
          add(ANY);
        } else if (token === "segment") {
          add(SEGMENT);
          add(REST_OF_SEGMENT);
        } else {
          for (let i = 0; i < token.text.length; i += 1) {
            const code = token.text.charCodeAt(i);
            this.#alphabet.add(code);
            add(LITERAL, code);
          }
        }
      }
      add(END);
    }
    this.#kinds = Uint8Array.from(kinds);
    this.#codes = Uint16Array.from(codes);
    this.#owners = Uint32Array.from(owners);
    this.#marks = new Uint32Array(kinds.length);
  }

  #follow(state: State, symbol: number): State {
    const kinds = this.#kinds;
    return this.#stateOf((add) => {
      for (const node of state.nodes) {
        const kind = kinds[node];
        if (kind === LITERAL) {
          if (this.#codes[node] === symbol) add(node + 1);
        } else if (kind === ANY) {
          add(node);
        } else if (symbol !== SLASH) {
          if (kind === SEGMENT) add(node + 1);
          else if (kind === REST_OF_SEGMENT) add(node);
        }
      }
    });
  }

  /** The state of the nodes that `collect` adds, and of those that can follow them without a character. */
  #stateOf(collect: (add: (node: number) => void) => void): State {
    const nodes: number[] = [];
    this.#mark += 1;
    const mark = this.#mark;
    const add = (first: number): void => {
      for (let node = first; this.#marks[node] !== mark; node += 1) {
        this.#marks[node] = mark;
        nodes.push(node);
        const kind = this.#kinds[node];
        if (kind !== ANY && kind !== REST_OF_SEGMENT) return;
      }
    };
    collect(add);
    this.steps += STATE_STEPS + nodes.length * NODE_STEPS;
    const needed = this.#withoutCovered(nodes);
    const key = needed.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const kinds = this.#kinds;
    const state: State = {
      nodes: needed,
      accepts: needed.some((node) => kinds[node] === END),
      acceptsAll: needed.some((node) => kinds[node] === ANY && kinds[node + 1] === END),
      next: new Map(),
    };
    this.#keep(needed.length + 32);
    this.#states.set(key, state);
    return state;
  }

  /** Makes room for a state. Those that are dropped are held only by the matches that follow them. */
  #keep(size: number): void {
    if (this.#kept + size > MOST_KEPT) this.forget();
    if (keptTogether + size > MOST_KEPT_TOGETHER) forgetAll();
    if (this.#kept === 0) keeping.push(new WeakRef(this));
    this.#kept += size;
    keptTogether += size;
  }

  /** In order, and of each pattern only what follows the last `*` among them. */
  #withoutCovered(nodes: number[]): readonly number[] {
    nodes.sort((one, other) => one - other);
    let covered = -1;
    let at = nodes.length;
    for (let i = nodes.length - 1; i >= 0; i -= 1) {
      const node = nodes[i]!;
      const owner = this.#owners[node]!;
      if (owner === covered) continue;
      at -= 1;
      nodes[at] = node;
      if (this.#kinds[node] === ANY) covered = owner;
    }
    return nodes.slice(at);
  }
}
