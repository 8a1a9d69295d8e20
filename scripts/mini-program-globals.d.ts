/**
 * What every mini program's realm has beside ES2015, and so all that our code may use of it.
 */
declare function setTimeout(callback: () => void, delayMs: number): number;
declare function clearTimeout(timer: number | undefined): void;
declare const console: { error(...values: unknown[]): void };
/** Asked for by `typeof` alone: few hosts have it. */
declare const reportError: ((error: unknown) => void) | undefined;
/**
 * No mini program's device has these two: a module of the wire names them that is reached for its types alone. That no code
 * does is seen by the test that reads the built file (test/mini-program/es2015.test.ts).
 */
declare class TextDecoder {
  constructor(label?: string, options?: object);
  decode(chunk?: Uint8Array, options?: object): string;
}
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
/** Nor a URL, nor a page: modules of the client name them that are reached for their types, or that ask whether they are there. */
declare class URL {
  readonly href: string;
}
interface Window {
  readonly document: {
    readonly visibilityState: string;
    addEventListener(name: string, listener: (event: Event) => void): void;
    removeEventListener(name: string, listener: (event: Event) => void): void;
  };
  readonly location: { readonly hostname: string };
  readonly navigator: { readonly onLine: boolean };
  addEventListener(name: string, listener: (event: Event) => void): void;
  removeEventListener(name: string, listener: (event: Event) => void): void;
}
interface Event {
  readonly type: string;
}
