/**
 * The event streams that are timed: four shapes, each in ASCII and in Chinese, about 1 MiB each, the same at every run.
 * Each comes with the messages it holds, built apart from the text, so that every parser can be checked before it is timed.
 */

const TARGET_BYTES = 2 ** 20;
const ASCII_WORDS =
  "the quick brown fox jumps over a lazy dog while streams of events keep coming in order".split(" ");
const CHINESE_WORDS =
  "信息 流动 服务器 推送 事件 顺序 到达 客户端 重新 连接 之后 继续 阅读 你好 世界 价格".split(" ");

/** @returns {{ name: string, text: string, bytes: Uint8Array, messages: { event: string, data: string, id: string }[] }[]} */
export function corpora() {
  return [false, true].flatMap((chinese) =>
    Object.entries({ llm, tick, big, multi }).map(([shape, make]) =>
      build(chinese ? `${shape}-cjk` : shape, make, chinese),
    ),
  );
}

function build(name, make, chinese) {
  const random = seeded(name.length * 7919 + name.charCodeAt(0));
  const word = () => {
    const words = chinese ? CHINESE_WORDS : ASCII_WORDS;
    return words[Math.floor(random() * words.length)];
  };
  const messages = [];
  let text = "";
  let bytes = 0;
  let id = "";
  for (let n = 1; bytes < TARGET_BYTES; n++) {
    const { block, message } = make(n, word, random);
    if (message.id !== undefined) id = message.id;
    messages.push({ event: message.event ?? "message", data: message.data, id });
    text += block;
    bytes += byteLength(block);
  }
  return { name, text, bytes: new TextEncoder().encode(text), messages };
}

/** What a chat completion sends: some 270 bytes of JSON around a word. */
function llm(n, word) {
  const data = `{"id":"chatcmpl-9xQ2mB7nKpLr4TzWcVdYhGfJ","object":"chat.completion.chunk","created":1763800000,"model":"large-2026-09-01","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" ${word()}"},"logprobs":null,"finish_reason":null}]}`;
  return { block: `data: ${data}\n\n`, message: { data } };
}

/** The smallest useful messages: a price. */
function tick(n, word, random) {
  const data =
    word().length > 0 && /[^\x00-\x7f]/.test(word())
      ? `${word()} ${(random() * 1000).toFixed(2)}`
      : (random() * 10000).toFixed(2);
  return { block: `data: ${data}\n\n`, message: { data } };
}

/** State pushed whole: 16 KiB of JSON with an event type and an id. */
function big(n, word, random) {
  const rows = [];
  let length = 0;
  while (length < 16_384) {
    const row = {
      key: `${word()} ${word()}`,
      value: Math.floor(random() * 1e9),
      text: `${word()} ${word()} ${word()} ${word()}`,
    };
    length += byteLength(JSON.stringify(row)) + 1;
    rows.push(row);
  }
  const data = JSON.stringify({ rows });
  return {
    block: `event: state\nid: ${n}\ndata: ${data}\n\n`,
    message: { event: "state", data, id: String(n) },
  };
}

/** Everything at once: CRLF, a comment now and then, an id, an event type, several lines of data. */
function multi(n, word) {
  const lines = Array.from({ length: 3 + (n % 4) }, () => Array.from({ length: 8 }, word).join(" "));
  const comment = n % 3 === 0 ? `: ${word()} ${word()}\r\n` : "";
  const block = `${comment}id: ${n}\r\nevent: update\r\n${lines.map((line) => `data: ${line}\r\n`).join("")}\r\n`;
  return { block, message: { event: "update", data: lines.join("\n"), id: String(n) } };
}

/** Cuts bytes or text into chunks of a size, each with memory of its own, as a socket or a decoder gives it. */
export function cut(source, size) {
  const chunks = [];
  for (let at = 0; at < source.length; at += size) {
    chunks.push(
      typeof source === "string" ? ownText(source.slice(at, at + size)) : source.slice(at, at + size),
    );
  }
  return chunks;
}

/** By way of bytes: a slice of a string would stay tied to the whole. */
function ownText(text) {
  const encoding = /[^\x00-\xff]/.test(text) ? "utf16le" : "latin1";
  return Buffer.from(text, encoding).toString(encoding);
}

function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
