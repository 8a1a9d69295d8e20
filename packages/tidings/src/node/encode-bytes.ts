/** Node's own way to write UTF-8. The entries for Node import this file for what it does. */
import { replaceUtf8Writer } from "../wire/encode-bytes.ts";

const { utf8Write } = Buffer.prototype as unknown as {
  readonly utf8Write: (this: Uint8Array, text: string, at: number) => number;
};

replaceUtf8Writer((text, into, at) => utf8Write.call(into, text, at));
