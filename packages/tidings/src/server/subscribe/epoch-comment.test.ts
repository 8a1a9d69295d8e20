import { expect, test } from "vitest";
import { connect } from "../../client/connect.ts";
import { createHub } from "../hub/create-hub.ts";

test("each stream begins with the hub's epoch, by which our client drops what comes twice", async () => {
  const hub = createHub();
  const first = await hub.publish("t", { data: "1" });
  await hub.publish("t", { data: "2" });
  const [epoch] = first.id.split(".");
  const texts: string[] = [];
  const seen: string[] = [];
  const connection = connect("http://hub.example/", {
    retry: { baseMs: 100 },
    lastEventId: `${epoch}.0`,
    // As a server whose cursor is inclusive: it forgets that the reader has the message that it names.
    fetch: async (_url, init) => {
      const headers = new Headers(init.headers);
      const offset = Number(headers.get("last-event-id")!.split(".")[1]);
      headers.set("last-event-id", `${epoch}.${Math.max(0, offset - 1)}`);
      const response = await hub.respond(new Request("http://hub.example/", { headers }), { topics: ["t"] });
      const reader = response.body!.getReader();
      const { value } = await reader.read();
      texts.push(new TextDecoder().decode(value));
      void reader.cancel();
      return new Response(value as BodyInit, { headers: response.headers });
    },
    onMessage: ({ data }) => {
      seen.push(data);
      if (data === "3") connection.close();
      else if (data === "2") void hub.publish("t", { data: "3" });
    },
  });
  await connection.ended;
  expect(seen).toEqual(["1", "2", "3"]);
  expect(texts.length).toBeGreaterThan(1);
  for (const text of texts) expect(text.startsWith(`:epoch ${epoch}\n`)).toBe(true);
  await hub.drain({ overMs: 0, graceMs: 0 });
});
