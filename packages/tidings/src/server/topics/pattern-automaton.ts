/**
 * Matches a topic against any number of patterns at once, in time that grows with the topic alone: the patterns become one
 * automaton whose states are made when a topic first needs them. What is kept of it is bounded; beyond that it starts anew.
 * This module is browser compatible.
 */

export type PatternToken = { readonly text: string } | "segment" | "any";

interface State {
  /** What the next character may continue, in order. */
  readonly nodes: readonly number[];
  readonly accepts: boolean;
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

/** Nodes in all states that are kept, about 16 bytes each; a state counts as 32. */
const MOST_KEPT = 100_000;

export class PatternAutomaton {
  readonly #kinds: number[] = [];
  readonly #codes: number[] = [];
  readonly #starts: number[] = [];
  readonly #alphabet = new Set<number>([SLASH]);
  readonly #marks: Uint32Array;
  #mark = 0;
  #states = new Map<string, State>();
  #kept = 0;
  #first: State | undefined;

  constructor(patterns: readonly (readonly PatternToken[])[]) {
    for (const tokens of patterns) this.#addPattern(tokens);
    this.#marks = new Uint32Array(this.#kinds.length);
  }

  /** Whether the whole topic is matched by at least one of the patterns. */
  matches(topic: string): boolean {
    let state = (this.#first ??= this.#stateOf((add) => {
      for (const start of this.#starts) add(start);
    }));
    for (let at = 0; at < topic.length; at += 1) {
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

  #addPattern(tokens: readonly PatternToken[]): void {
    this.#starts.push(this.#kinds.length);
    const add = (kind: number, code = 0): void => {
      this.#kinds.push(kind);
      this.#codes.push(code);
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
    nodes.sort((one, other) => one - other);
    const key = nodes.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state: State = {
      nodes,
      accepts: nodes.some((node) => this.#kinds[node] === END),
      next: new Map(),
    };
    this.#kept += nodes.length + 32;
    if (this.#kept > MOST_KEPT) {
      // The states in use are held only by the matches that follow them.
      this.#states = new Map();
      this.#first = undefined;
      this.#kept = nodes.length + 32;
    }
    this.#states.set(key, state);
    return state;
  }
}
