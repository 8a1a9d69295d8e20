import { experimental_streamedQuery as streamedQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { connect } from "tidings/client";

/** What the server sends: the data of each event type. */
interface Events {
  message: { token: string };
  done: unknown;
}

/** An answer as a query: kept by its question, asked for once, and as long as it grows. */
export function Answer({ question }: { question: string }) {
  const queryKey = ["answer", question];
  const client = useQueryClient();
  const { data, error, fetchStatus, refetch } = useQuery({
    queryKey,
    queryFn: streamedQuery({
      // A connection is an async iterable, which is all that a streamed query asks for. Whoever cancels the query aborts the signal,
      // and with it the request.
      streamFn: ({ signal }) =>
        connect<Events>("/api/chat", {
          method: "POST",
          body: { q: question },
          json: true,
          until: "done",
          signal,
        }),
      reducer: ({ text }, { event, data }) =>
        event === "done" ? { text, isWhole: true } : { text: text + data.token, isWhole: false },
      initialValue: { text: "", isWhole: false },
    }),
    staleTime: Number.POSITIVE_INFINITY,
    // An answer that broke is shown as broken: asking again costs money, so a person decides.
    retry: false,
  });
  const { text = "", isWhole = false } = data ?? {};
  const isWriting = fetchStatus === "fetching";
  return (
    <article>
      <h2>{question}</h2>
      <p className="text">{text}</p>
      {isWriting && <button onClick={() => void client.cancelQueries({ queryKey })}>Stop</button>}
      {!isWriting && (
        <p className={isWhole ? "status" : "status part"}>
          {isWhole ? "That is all." : `This is a part of the answer: ${error?.message ?? "stopped"}. `}
          {!isWhole && <button onClick={() => void refetch()}>Ask again</button>}
        </p>
      )}
    </article>
  );
}
