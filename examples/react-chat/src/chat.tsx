import { type FormEvent, useState } from "react";
import { Answer } from "./answer.tsx";
import { Running } from "./running.tsx";

export function Chat() {
  const [questions, setQuestions] = useState<string[]>([]);
  const ask = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const question = new FormData(event.currentTarget).get("question") as string;
    if (question && !questions.includes(question)) setQuestions([question, ...questions]);
    event.currentTarget.reset();
  };
  return (
    <>
      <header>
        <h1>Chat</h1>
        <Running />
      </header>
      <form onSubmit={ask}>
        <input
          name="question"
          placeholder="Ask something, something long, or for a crash"
          autoComplete="off"
        />
        <button id="ask">Ask</button>
      </form>
      {questions.map((question) => (
        <Answer key={question} question={question} />
      ))}
    </>
  );
}
