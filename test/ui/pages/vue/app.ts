import { defineComponent, h } from "vue";
import { useEventStream } from "tidings/vue";

/** What the server knows when it renders: the state, and the cursor that it is of. */
export const loaded = { lines: ["loaded"], lastEventId: "1" };

export const App = defineComponent(() => {
  const { data, state } = useEventStream("/events/pushed?name=vue", {
    initial: loaded.lines,
    lastEventId: loaded.lastEventId,
    reduce: (lines, { data }) => [...lines, data],
  });
  return () => h("p", { id: "seen" }, `${state.value}: ${data.value.join()}`);
});
