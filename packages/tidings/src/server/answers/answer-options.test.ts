import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createAnswers } from "./create-answers.ts";

test.each<[options: object, reason: string]>([
  [{ keepMS: 1 }, "Cannot create answers: there is no option keepMS, expected keepMs"],
  [{ dialekt: {} }, "there is no option dialekt, expected dialect"],
  [{ subscriber: "ann" }, "there is no option subscriber, expected one of headers, retryMs"],
  [{ leaseMs: 0 }, "leaseMs is 0, expected a number, 1 or more"],
  [{ timeoutMs: 0 }, "timeoutMs is 0, expected a number, 1 or more"],
  [{ log: new Map() }, "Cannot create answers: log is a Map, expected what memoryLog(), redisLog(client)"],
  [{ log: null }, "log is null"],
  [{ joinMs: "50" }, 'joinMs is "50", expected a number, 0 or more'],
])("createAnswers(%j) is refused", (options, reason) => {
  expect(() => createAnswers(options)).toThrow(reason);
});

test.each<[options: unknown, reason: string]>([
  [{ restrat: true }, "Cannot answer: there is no option restrat, expected restart"],
  [{ keepMs: 1 }, "there is no option keepMs, expected one of headers"],
  [null, "options is null, expected an object"],
  ["id", 'options is "id", expected an object'],
])("a request with the options %j is refused, and its peer does not wait", async (options, reason) => {
  const reported: [error: unknown, id: string][] = [];
  const answers = createAnswers({ onError: (error, id) => reported.push([error, id]) });
  const request = new Request("http://localhost/");
  await expect(answers.resumable(request, "id", () => [], options as never)).rejects.toThrow(reason);
  await expect(answers.resume(request, "id", options as never)).rejects.toThrow(reason);
  expect(await answers.state("id")).toBeUndefined();

  const errors: unknown[] = [];
  const server = createServer((req, res) => {
    const answering = answers.resumable(req, res, "id", () => [], options as never);
    // Where the handler does not wait for it, a rejection that is nobody's would fail the run.
    if (req.url === "/waits") answering.catch((error: unknown) => errors.push(error));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect([(await fetch(`${origin}/waits`)).status, errors.length]).toEqual([500, 1]);
  expect((await fetch(origin)).status).toBe(500);
  expect(reported).toHaveLength(4);
  for (const [error, id] of reported)
    expect([id, String(error)]).toEqual(["id", expect.stringContaining(reason)]);
  server.close();
  await answers.close();
});

test("an answer that is started with an unknown option is refused", async () => {
  const answers = createAnswers();
  const start = answers.start("id", () => [], { retsart: true } as never);
  await expect(start).rejects.toThrow("Cannot start answer: there is no option retsart, expected restart");
  expect(await answers.state("id")).toBeUndefined();
  await answers.close();
});
