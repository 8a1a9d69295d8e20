/**
 * Reads an HTTP/1.1 response off a socket: its head, then its body without chunk framing. Small and quick: ten thousand of them
 * run in one process.
 */

export interface ResponseHandlers {
  onHead(status: number): void;
  onBody(bytes: Uint8Array): void;
  /** The response ended as HTTP ends one. */
  onEnd(): void;
  /** What came is not HTTP. */
  onNonsense(): void;
}

const LONGEST_HEAD = 65_536;
const CR = 13;
const LF = 10;

/** @returns What takes the bytes of the socket. */
export function responseReader(handlers: ResponseHandlers): (bytes: Buffer) => void {
  let head: Buffer | undefined = Buffer.alloc(0);
  let chunked = false;
  /** Bytes of body that are left of the chunk. */
  let left = 0;
  /** What is read of a chunk's size line; `undefined` within a chunk. */
  let line: string | undefined = "";
  let over = false;

  return (bytes) => {
    if (over) return;
    if (head === undefined) return body(bytes, 0);
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) {
      if (head.length > LONGEST_HEAD) nonsense();
      return;
    }
    const text = head.toString("latin1", 0, end);
    const rest = head;
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
    if (status === undefined) return nonsense();
    // 100 and the like stand before the answer.
    if (status.startsWith("1")) {
      head = Buffer.from(rest.subarray(end + 4));
      return;
    }
    head = undefined;
    chunked = /\r\ntransfer-encoding:[^\r\n]*chunked/i.test(text);
    handlers.onHead(Number(status));
    body(rest, end + 4);
  };

  function body(bytes: Buffer, from: number): void {
    let at = from;
    if (!chunked) {
      if (at < bytes.length) handlers.onBody(at === 0 ? bytes : bytes.subarray(at));
      return;
    }
    while (at < bytes.length && !over) {
      if (line !== undefined) {
        const byte = bytes[at++]!;
        if (byte === CR) continue;
        if (byte !== LF) {
          line += String.fromCharCode(byte);
          if (line.length > 256) return nonsense();
          continue;
        }
        // The line end that closes the chunk before.
        if (line === "") continue;
        left = Number.parseInt(line, 16);
        if (Number.isNaN(left)) return nonsense();
        line = undefined;
        if (left === 0) {
          over = true;
          return handlers.onEnd();
        }
      }
      const take = Math.min(left, bytes.length - at);
      if (take > 0) handlers.onBody(bytes.subarray(at, at + take));
      at += take;
      left -= take;
      if (left === 0) line = "";
    }
  }

  function nonsense(): void {
    over = true;
    handlers.onNonsense();
  }
}
