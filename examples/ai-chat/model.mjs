/**
 * A language model, as far as this example is concerned: it speaks the form of OpenAI's chat completions, a word at a time, and says
 * the same to the same question.
 */
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";

const server = createServer((request, response) => void complete(request, response));

async function complete(request, response) {
  const { messages } = await json(request);
  const question = [messages.at(-1).content]
    .flat()
    .map((part) => part.text ?? part)
    .join("");
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (delta, finish_reason = null) => {
    const choices = [{ index: 0, delta, finish_reason }];
    const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "fake", choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  for (const word of answer(question)) {
    if (response.destroyed) return;
    send({ role: "assistant", content: word });
    await wait(50);
  }
  send({}, "stop");
  response.end("data: [DONE]\n\n");
}

function answer(question) {
  const thought = "I have thought about it, one word after the other. ".repeat(
    question.includes("long") ? 20 : 4,
  );
  return `You asked: ${question}. ${thought}That is what I can say. 谢谢你的问题。`.match(/\S+\s*/g);
}

server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(server.address().port));
