import { computed, defineComponent, effectScope, h, KeepAlive, onUpdated, ref } from "vue";
import { createStore, useEventStream, useStore } from "tidings/vue";
import { draw } from "../problems.ts";

const query = new URLSearchParams(location.search);
const pushed = (name: string): string =>
  `/events/pushed?name=${encodeURIComponent(`${name} ${query.get("run")}`)}`;
const texts = (messages: readonly { data: string }[]): string => messages.map(({ data }) => data).join();

const Plain = defineComponent(() => {
  const { data, state } = useEventStream(pushed("plain"), { keepLast: 3 });
  return () => h("p", { id: "seen" }, `${state.value} ${texts(data.value)}`);
});

const Flood = defineComponent(() => {
  const { data, verdict } = useEventStream(`/events/flood?name=flood&messages=${query.get("messages")}`, {
    initial: { last: 0, inOrder: true },
    reduce: (all, { event, data }) =>
      event === "done" ? all : { last: Number(data), inOrder: all.inOrder && Number(data) === all.last + 1 },
    until: "done",
  });
  onUpdated(() => draw("flood"));
  return () => h("p", { id: "seen" }, `${data.value.last} ${data.value.inOrder} ${verdict.value?.reason}`);
});

const shared = createStore(pushed("shared"), {
  json: true,
  initial: { bid: 0, ask: 0 },
  reduce: (prices, { data }) => ({ ...prices, ...(data as { bid?: number; ask?: number }) }),
});

const Bid = defineComponent(() => {
  const { data } = useStore(shared);
  const bid = computed(() => data.value.bid);
  onUpdated(() => draw("bid"));
  return () => h("b", { id: "bid" }, bid.value);
});

const Ask = defineComponent(() => {
  const { data } = useStore(shared);
  return () => h("b", { id: "ask" }, data.value.ask);
});

const Shared = defineComponent(() => () => [h(Bid), h(Ask)]);

const Turning = defineComponent(() => {
  const name = ref("one");
  const day = ref(1);
  const { data, state } = useEventStream(() => (name.value ? pushed(name.value) : null), {
    keepLast: 9,
    key: day,
  });
  return () => [
    h("button", { id: "two", onClick: () => (name.value = "two") }, "two"),
    h("button", { id: "none", onClick: () => (name.value = "") }, "none"),
    h("button", { id: "day", onClick: () => (day.value += 1) }, "day"),
    h("p", { id: "seen" }, `${name.value} ${state.value} ${texts(data.value)}`),
  ];
});

const Answer = defineComponent(() => {
  const q = ref("once");
  const { data, verdict, error, reopen } = useEventStream(
    `/events/answer?name=answer ${query.get("run")}${query.has("cut") ? "&cut" : ""}`,
    {
      method: "POST",
      body: () => ({ q: q.value }),
      key: q,
      until: "done",
      initial: "",
      reduce: (text, { event, data }) => (event === "message" ? text + data : text),
    },
  );
  return () => [
    h("button", { id: "reopen", onClick: reopen }, "reopen"),
    h("button", { id: "ask", onClick: () => (q.value = "twice") }, "ask"),
    h("p", { id: "seen" }, `${data.value} [${verdict.value?.reason}] ${error.value?.code ?? ""}`),
  ];
});

const Kept = defineComponent(() => {
  const isActive = ref(true);
  return () => [
    h("button", { id: "deactivate", onClick: () => (isActive.value = !isActive.value) }, "deactivate"),
    h(KeepAlive, null, { default: () => (isActive.value ? h(Plain) : undefined) }),
  ];
});

/** Outside of any component, as in a store of Pinia's. */
const Scoped = defineComponent({
  render: () => [
    h("button", { id: "stop", onClick: () => scope.stop() }, "stop"),
    h("p", { id: "seen" }, texts(scoped.data.value)),
  ],
});
const scope = effectScope(true);
const scoped = scope.run(() =>
  useEventStream(query.get("scenario") === "Scoped" ? pushed("scoped") : null, { keepLast: 3 }),
)!;

const Mistaken = defineComponent(() => {
  useEventStream("http://[");
  return () => undefined;
});

export const scenarios = { Plain, Flood, Shared, Turning, Answer, Kept, Scoped, Mistaken };
