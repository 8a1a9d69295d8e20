import { expect, it } from "vitest";
import { tidings } from "../../../dialects/tidings.ts";
import type { Answer } from "../answer.ts";
import { AnswerTopic } from "./answer-topic.ts";

const EPOCH = "run";

/** A topic with these messages, each with its number, and what became of them. */
function topicOf(): {
  topic: AnswerTopic;
  apply: (kind: string, ...numbers: number[]) => void;
  text: () => string;
  dropped: Answer[];
} {
  const dropped: Answer[] = [];
  const topic = new AnswerTopic("a", "answer/a", tidings(), {
    onStart: () => undefined,
    onEnd: () => undefined,
    onDropped: (answer) => void dropped.push(answer),
  });
  let offset = 0;
  const apply = (kind: string, ...numbers: number[]): void => {
    const [name, ...details] = kind.split(":");
    const key = [name, EPOCH, ...details].join(":");
    const body = new TextEncoder().encode(numbers.map((n) => `id: ${EPOCH}.${n}\ndata: ${n}\n\n`).join(""));
    offset += 1;
    topic.apply({ topic: topic.topic, offset, key, body, atMs: offset }, 0);
  };
  apply("start");
  const { answer } = topic;
  const text = (): string => new TextDecoder().decode(answer!.buffer.read(0, 1_000).bytes);
  return { topic, apply, text, dropped };
}

it("takes messages once that are in the log twice", () => {
  const { apply, text, topic } = topicOf();
  apply("data", 1, 2);
  apply("data", 1, 2);
  apply("data", 3);
  apply("data", 1, 2);
  apply("end:complete");
  expect(text().match(/^data: .*$/gm)).toEqual(["data: 1", "data: 2", "data: 3"]);
  expect(topic.answer?.verdict).toEqual({ complete: true });
});

it("drops an answer of which the log has lost a part", () => {
  for (const kind of ["data", "end:complete"]) {
    const { apply, topic, dropped } = topicOf();
    const { answer } = topic;
    apply("data", 1, 2);
    apply(kind, 4);
    expect(topic.answer).toBeUndefined();
    expect(answer).toMatchObject({ dropped: true, verdict: undefined });
    expect(dropped).toEqual([answer]);
  }
});

it("numbers the end on, where who ended it had not seen the last messages", () => {
  const { apply, text } = topicOf();
  apply("data", 1, 2, 3);
  apply("end:lost", 2);
  expect(text()).toMatch(/id: run\.4\ndata: 2\n\n$/);
});

it("is not ended by who has not seen that its producer lives", () => {
  const { apply, text, topic } = topicOf();
  apply("data", 1);
  apply("lease");
  apply("end:lost:2", 2);
  apply("data", 2);
  expect(topic.answer?.verdict).toBeUndefined();
  apply("read");
  apply("end:lost:5", 3);
  expect(topic.answer?.verdict).toEqual({ complete: false, reason: "lost" });
  apply("data", 3);
  expect(text().match(/^id: .*$/gm)).toEqual(["id: run.1", "id: run.2", "id: run.3"]);
});
