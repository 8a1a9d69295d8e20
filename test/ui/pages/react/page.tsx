import { useEventStream } from "tidings/react";

/** What the server knows when it renders: the state, and the cursor that it is of. */
export const loaded = { lines: ["loaded"], lastEventId: "1" };

export function Page() {
  const { data, state } = useEventStream("/events/pushed?name=react", {
    initial: loaded.lines,
    lastEventId: loaded.lastEventId,
    reduce: (lines, { data }) => [...lines, data],
  });
  return (
    <p id="seen">
      {state}: {data.join()}
    </p>
  );
}
