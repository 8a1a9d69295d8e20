import { useState } from "react";
import { share } from "tidings/client/share";
import { createStore, useEventStream, useStore } from "tidings/react";
import { draw } from "../problems.ts";
import { Boundary } from "./boundary.tsx";

const pushed = (name: string): string =>
  `/events/pushed?name=${encodeURIComponent(`${name} ${query.get("run")}`)}`;
const query = new URLSearchParams(location.search);

function Plain() {
  const { data, state } = useEventStream(pushed("plain"), { keepLast: 3 });
  return (
    <p id="seen">
      {state} {data.map(({ data }) => data).join()}
    </p>
  );
}

function Inline() {
  const [times, setTimes] = useState(0);
  const [noted, note] = useState("");
  const { data } = useEventStream(new URL(pushed("inline"), location.href), {
    initial: "",
    reduce: (text, message) => `${text}${message.data}${times} `,
    headers: { "x-times": `${times}` },
    onMessage: (message) => note(`${message.data}${times}`),
    key: [1, { a: "b" }],
  });
  return (
    <>
      <button id="again" onClick={() => setTimes(times + 1)} />
      <p id="seen">
        {times}: {data}({noted})
      </p>
    </>
  );
}

function Flood() {
  draw("flood");
  const { data, verdict } = useEventStream(`/events/flood?name=flood&messages=${query.get("messages")}`, {
    initial: { last: 0, inOrder: true },
    reduce: (all, { event, data }) =>
      event === "done" ? all : { last: Number(data), inOrder: all.inOrder && Number(data) === all.last + 1 },
    until: "done",
  });
  return (
    <p id="seen">
      {data.last} {String(data.inOrder)} {verdict?.reason}
    </p>
  );
}

const shared = createStore(pushed("shared"), {
  json: true,
  initial: { bid: 0, ask: 0 },
  reduce: (prices, { data }) => ({ ...prices, ...(data as { bid?: number; ask?: number }) }),
});

function Bid() {
  draw("bid");
  return <b id="bid">{useStore(shared, ({ data }) => data.bid)}</b>;
}

function Spread() {
  draw("spread");
  const [bid, ask] = useStore(
    shared,
    ({ data }) => [data.bid, data.ask],
    (one, other) => one.join() === other.join(),
  );
  return (
    <b id="spread">
      {bid}-{ask}
    </b>
  );
}

function Shared() {
  draw("shared");
  const { state } = useStore(
    shared,
    ({ state }) => ({ state }),
    (one, other) => one.state === other.state,
  );
  return (
    <p id="seen">
      {state} <Bid /> <Spread />
    </p>
  );
}

/** Two connections as far as the components can tell, and one for the server. */
function AllTabs() {
  const one = useEventStream(pushed("tabs"), { connect: share, keepLast: 9 });
  const other = useEventStream(pushed("tabs"), { connect: share, keepLast: 9 });
  return <p id="seen">{[one, other].map(({ data }) => data.map(({ data }) => data).join()).join(" and ")}</p>;
}

function Selected() {
  draw("selected");
  const { data } = useEventStream(pushed("selected"), {
    initial: 0,
    reduce: (sum, { data }) => sum + Number(data),
    select: (sum) => sum > 9,
  });
  return <p id="seen">{String(data)}</p>;
}

function Turning() {
  const [name, setName] = useState<string>("one");
  const { data, state } = useEventStream(name ? pushed(name) : null, { keepLast: 9 });
  return (
    <>
      <button id="two" onClick={() => setName("two")} />
      <button id="none" onClick={() => setName("")} />
      <p id="seen">
        {name} {state} {data.map(({ data }) => data).join()}
      </p>
    </>
  );
}

function Answer() {
  const [q, ask] = useState("once");
  const { data, verdict, error, reopen, close } = useEventStream(
    `/events/answer?name=answer ${query.get("run")}${query.has("cut") ? "&cut" : ""}`,
    {
      method: "POST",
      body: { q },
      until: "done",
      initial: "",
      reduce: (text, { event, data }) => (event === "message" ? text + data : text),
    },
  );
  return (
    <>
      <button id="reopen" onClick={reopen} />
      <button id="close" onClick={close} />
      <button id="ask" onClick={() => ask("twice")} />
      <p id="seen">
        {data} [{verdict?.reason}] {error?.code}
      </p>
    </>
  );
}

function Throwing() {
  const { data, error, verdict } = useEventStream(pushed("throwing"), {
    initial: "",
    reduce(text, { data }) {
      if (data === "bad") throw new TypeError("cannot take it");
      return text + data;
    },
  });
  return (
    <p id="seen">
      {data} {verdict?.reason} {error?.message}
    </p>
  );
}

/** What an application's function may do, once something has come. */
const BAD: Record<string, (close: () => void) => unknown> = {
  throws() {
    throw new TypeError("the application's mistake");
  },
  rejects: () => Promise.reject(new TypeError("the application's mistake")),
  nonsense: () => Symbol("nonsense"),
  never: () => new Promise(() => {}),
  closes(close) {
    close();
    return "closed";
  },
};

const place = query.get("place");
const bad = (close: () => void) => BAD[query.get("how")!]!(close) as never;
let closeHook = (): void => undefined;
const bads = createStore(pushed("bad"), { keepLast: 9 });

function BadHook() {
  draw("bad");
  const view = useEventStream(pushed("bad"), {
    keepLast: 9,
    select: (all) => (place === "select" && all.length > 0 ? bad(closeHook) : all),
    isEqual: (one, other) => (place === "isEqual" && other.length > 0 ? bad(closeHook) : one === other),
  });
  closeHook = view.close;
  return <p id="bad">{typeof view.data}</p>;
}

function BadStore() {
  draw("bad");
  const data = useStore(
    bads,
    ({ data }) => (place === "store select" && data.length > 0 ? bad(bads.close) : data),
    (one, other) => (place === "store isEqual" && other.length > 0 ? bad(bads.close) : one === other),
  );
  return <p id="bad">{typeof data}</p>;
}

function Foreign() {
  return (
    <>
      <Boundary>{place!.startsWith("store") ? <BadStore /> : <BadHook />}</Boundary>
      <Plain />
    </>
  );
}

function Mistaken() {
  useEventStream("http://[");
  return null;
}

export const scenarios = {
  Plain,
  Inline,
  Flood,
  Shared,
  AllTabs,
  Selected,
  Turning,
  Answer,
  Throwing,
  Mistaken,
  Foreign,
};
