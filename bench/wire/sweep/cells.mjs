/**
 * What the sweep measures: streams of one length after the other, and streams as real servers send them, each cut into chunks of
 * four sizes, as bytes and as strings. A cell is one stream in one size and one form. The same at every run.
 */

/** Lengths of `data`, in UTF-16 units. Close together where parsers change their ways: at 13 engines stop to copy slices. */
export const LENGTHS = [
  1, 2, 4, 8, 12, 13, 16, 20, 24, 32, 40, 48, 63, 64, 80, 100, 128, 200, 270, 400, 512, 800, 1024, 1400, 2048,
  3000, 4096,
];
export const SIZES = [64, 1400, 16_384, 65_536];
export const FORMS = ["bytes", "strings"];

/** What one stream holds at least: four of the largest chunks. */
const STREAM_BYTES = 2 ** 18;

const TEXTS = {
  ascii:
    '{"id":"chatcmpl-9xQ2mB7nKpLr4TzWcVdYhGfJ","object":"chat.completion.chunk","created":1763800000,"model":"large"}',
  chinese: "信息流动服务器推送事件顺序到达客户端重新连接之后继续阅读你好世界价格",
  mixed: '{"t":"héllo wörld 😀 \\n\\"quoted\\" 你好, prices: 12.50 € and more text in between"}',
};
export const KINDS = Object.keys(TEXTS);

/** One message each: its text, and what a parser must make of it. */
const REAL = {
  "OpenAI deltas": (n) =>
    message({
      data: `{"id":"chatcmpl-9xQ2mB7nKpLr4TzWcVdYhGfJ","object":"chat.completion.chunk","created":1763800000,"model":"large-2026-09-01","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" word${n % 100}"},"logprobs":null,"finish_reason":null}]}`,
    }),
  "OpenAI deltas, Chinese": (n) =>
    message({
      data: `{"id":"chatcmpl-9xQ2mB7nKpLr4TzWcVdYhGfJ","object":"chat.completion.chunk","created":1763800000,"model":"large-2026-09-01","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":"信息${n % 100}"},"logprobs":null,"finish_reason":null}]}`,
    }),
  "Anthropic deltas": (n) =>
    message({
      event: "content_block_delta",
      data: `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word${n % 100}"}}`,
    }),
  "ticks with event and id": (n) =>
    message({
      event: "price",
      id: `k3j9x2.${n}`,
      data: `{"s":"AAPL","p":${n % 1000}.25,"t":${1_763_800_000 + n}}`,
    }),
  "JSON with id": (n) =>
    message({
      id: `k3j9x2.${n}`,
      data: `{"symbol":"ABCDEF","price":1234.56,"side":"buy","at":1763800000000,"note":"${"hello ".repeat(5)}","n":${n}}`,
    }),
  "state of 16 kB": (n) =>
    message({
      event: "state",
      id: String(n),
      data: JSON.stringify(
        Array.from({ length: 256 }, (_, row) => ({ key: `row ${row}`, text: "some text of the row", n })),
      ),
    }),
  "ticks with CRLF": (n) =>
    message({ event: "price", id: String(n), data: `{"s":"AAPL","p":${n % 1000}.25}` }, "\r\n"),
  "ticks and comments": (n) => message({ comment: "keep-alive", data: `{"s":"AAPL","p":${n % 1000}.25}` }),
  "several lines": (n) =>
    message({
      id: String(n),
      event: "update",
      data: "the quick brown fox\njumps over a lazy dog\nwhile streams of events keep coming",
    }),
};
export const REAL_NAMES = Object.keys(REAL);

/**
 * @param lengths - Those to measure. Default: all.
 * @returns {{ name: string, column: string, form: string, size: number, messages(): object[], cut(): (Uint8Array | string)[] }[]}
 */
export function cells(lengths = LENGTHS) {
  const streams = [
    ...KINDS.flatMap((kind) =>
      lengths.map((length) => {
        const data = textOf(kind, length);
        return stream(kind, String(length), () => message({ data }));
      }),
    ),
    ...REAL_NAMES.map((name) => stream("real", name, REAL[name])),
  ];
  return streams.flatMap((stream) =>
    FORMS.flatMap((form) =>
      SIZES.map((size) => ({
        name: `${stream.kind} ${stream.column}, ${form}, ${size}`,
        column: stream.column,
        kind: stream.kind,
        form,
        size,
        messages: () => stream.make().messages,
        cut: () => cut(form === "bytes" ? stream.make().encoded : stream.make().text, size),
      })),
    ),
  );
}

function stream(kind, column, make) {
  let made;
  return { kind, column, make: () => (made ??= build(make)) };
}

function build(make) {
  const encoder = new TextEncoder();
  const messages = [];
  let text = "";
  let id = "";
  for (let n = 0, bytes = 0; bytes < STREAM_BYTES; n++) {
    const { block, expected } = make(n);
    id = expected.id ?? id;
    messages.push({ event: expected.event ?? "message", data: expected.data, id });
    text += block;
    bytes += encoder.encode(block).length;
  }
  return { text, encoded: encoder.encode(text), messages };
}

function message({ comment, event, id, data }, end = "\n") {
  const lines = [
    ...(comment === undefined ? [] : [`: ${comment}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...data.split("\n").map((line) => `data: ${line}`),
    "",
    "",
  ];
  return { block: lines.join(end), expected: { event, id, data } };
}

export function textOf(kind, length) {
  const characters = Array.from(TEXTS[kind]);
  let text = "";
  for (let n = 0; text.length < length; n++) {
    const next = characters[n % characters.length];
    text += text.length + next.length > length ? "x" : next;
  }
  return text;
}

/** Chunks with memory of their own, as a socket or a decoder gives them. */
function cut(source, size) {
  const chunks = [];
  for (let at = 0; at < source.length; at += size) {
    const chunk = source.slice(at, at + size);
    chunks.push(typeof chunk === "string" ? ownText(chunk) : chunk);
  }
  return chunks;
}

/** By way of bytes, since a slice of a string would stay tied to the whole. What a cut left of a pair is joined to its neighbour's half. */
function ownText(text) {
  const units = Uint16Array.from(text, (_, at) => text.charCodeAt(at));
  let copy = "";
  if (units.every((unit) => unit < 0x100)) {
    for (let at = 0; at < units.length; at += 8192)
      copy += String.fromCharCode(...units.subarray(at, at + 8192));
  } else {
    const wide = [];
    for (let at = 0; at < text.length; at += 8192)
      wide.push(
        String.fromCharCode(
          ...Array.from({ length: Math.min(8192, text.length - at) }, (_, n) => text.charCodeAt(at + n)),
        ),
      );
    copy = wide.join("");
  }
  // Flat, and not a rope of its parts.
  return [copy.slice(0, 1), copy.slice(1)].join("");
}
