import { useEventStream } from "tidings/react";

/** What is live needs no query: the hook keeps the connection while the component is there. */
export function Running() {
  const { data, state } = useEventStream("/api/running", {
    initial: 0,
    reduce: (running, { event, data }) => (event === "running" ? Number(data) : running),
  });
  return <span className="running">{state === "open" ? `${data} being answered` : `${state}…`}</span>;
}
