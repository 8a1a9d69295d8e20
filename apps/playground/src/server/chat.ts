/**
 * `POST /api/chat`: an answer that comes a token at a time, as a language model's does, to whoever brings
 * `Authorization: Bearer demo` and a question, `{"q": "…"}`. Messages are `{"token": "…"}`; the last is of type `done`.
 */
import type { RequestHandler } from "express";
import { refuse } from "./refuse.ts";
import type { Open } from "./streams.ts";

export const requireDemoToken: RequestHandler = (request, response, next) => {
  const { authorization } = request.headers;
  if (authorization !== undefined && /^bearer +demo *$/i.test(authorization)) return next();
  response.setHeader("WWW-Authenticate", 'Bearer realm="playground"');
  const given = authorization === undefined ? "missing" : "not the demo's";
  refuse(response, 401, `Cannot chat: the Authorization header is ${given}, expected "Bearer demo"`);
};

export function chat(open: Open, tokenMs: number): RequestHandler {
  return (request, response) => {
    const q = (request.body as { q?: unknown } | null | undefined)?.q;
    if (typeof q !== "string" || q.trim() === "") {
      const given = q === undefined ? "missing" : JSON.stringify(q);
      refuse(response, 400, `Cannot chat: q is ${given}, expected a question, as in {"q": "你好"}`);
      return;
    }

    const stream = open(request, response);
    const tokens = tokensOf(answerTo(q.trim()));
    let told = 0;
    const timer = setInterval(tell, tokenMs);
    stream.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    tell();

    function tell(): void {
      stream.send({ data: { token: tokens[told++] } });
      if (told < tokens.length) return;
      clearInterval(timer);
      stream.send({ event: "done", data: { tokens: told } });
      stream.end();
    }
  };
}

function answerTo(q: string): string {
  const characters = Array.from(q);
  const short = characters.length > 80 ? `${characters.slice(0, 80).join("")}…` : q;
  return `你好 👋 你问的是「${short}」。这段回答一个词一个词地到达，每个词都是一条消息 ✨ Tokens may be cut anywhere on the way, even inside a character 🙂 — they still arrive whole. 完 🎉`;
}

const segmenter = new Intl.Segmenter("zh", { granularity: "word" });

/** Words, each with the space before it, as language models cut them. Joined, they are the text again. */
function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  let space = "";
  for (const { segment } of segmenter.segment(text)) {
    if (segment.trim() === "") space += segment;
    else {
      tokens.push(space + segment);
      space = "";
    }
  }
  return tokens;
}
