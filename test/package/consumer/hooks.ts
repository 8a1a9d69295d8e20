/**
 * What components write, compiled by whoever has React or Vue.
 */
import { useEventStream as useInReact, useStore as useStoreInReact } from "tidings/react";
import { createStore } from "tidings/store";
import { useEventStream as useInVue } from "tidings/vue";

const prices = createStore("/prices", {
  json: true,
  initial: { bid: 0 },
  reduce: (price, { data }) => ({ ...price, ...(data as object) }),
});

export function inReact(q: string | undefined): string {
  const { data, verdict } = useInReact(q === undefined ? null : "/api/chat", {
    method: "POST",
    body: { q },
    until: "done",
    initial: "",
    reduce: (text, message) => text + message.data,
    select: (text) => text.length,
  });
  return `${data.toFixed()} ${verdict?.reason} ${useStoreInReact(prices, (view) => view.data.bid).toFixed()}`;
}

export function inVue(): string {
  const { data, state } = useInVue(() => "/prices", { keepLast: 100 });
  return `${state.value} ${data.value.map((message) => message.data).join("")}`;
}
