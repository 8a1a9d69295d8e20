import { useChat } from "@ai-sdk/react";
import type { UIMessage } from "ai";
import { type FormEvent, useState } from "react";

/** How long to wait before an answer that broke off is looked for again. */
const PAUSE_MS = 500;

export function Chat({ id, messages: initial }: { id: string; messages: UIMessage[] }) {
  const [question, setQuestion] = useState("");
  const { messages, status, sendMessage, regenerate, resumeStream, stop } = useChat({
    id,
    messages: initial,
    // Joins the answer that is under way when the page is loaded, or gets 204.
    resume: true,
    onError: () => setTimeout(returnTo, PAUSE_MS),
    // A stream that just ends, without its last part, is no error to the AI SDK, but it is a disconnect.
    onFinish: ({ isDisconnect, isAbort, isError, finishReason }) => {
      if (!isAbort && !isError && (isDisconnect || finishReason === undefined))
        setTimeout(returnTo, PAUSE_MS);
    },
  });

  /** The stream broke off: the answer may live, at another server, or be saved, or be lost with the server that produced it. */
  async function returnTo() {
    const state = await fetch(`/api/chat/${id}/stream`, { method: "HEAD" }).catch(() => undefined);
    if (state === undefined || state.status >= 500) setTimeout(returnTo, PAUSE_MS);
    else if (state.status === 200) await resumeStream();
    else await regenerate();
  }

  function ask(event: FormEvent) {
    event.preventDefault();
    void sendMessage({ text: question });
    setQuestion("");
  }

  async function stopEverywhere() {
    await fetch(`/api/chat/${id}`, { method: "DELETE" });
    await stop();
  }

  return (
    <main>
      {messages.map((message) => (
        <article key={message.id} className={message.role}>
          {message.parts.map((part, index) => (part.type === "text" ? <p key={index}>{part.text}</p> : null))}
        </article>
      ))}
      <p className="status">{status}</p>
      <form onSubmit={ask}>
        <input
          autoFocus
          placeholder="Ask something, then reload this page"
          aria-label="Question"
          value={question}
          onChange={(event) => setQuestion(event.target.value)}
        />
        <button id="ask">Ask</button>
        <button id="stop" type="button" onClick={() => void stopEverywhere()}>
          Stop
        </button>
      </form>
    </main>
  );
}
