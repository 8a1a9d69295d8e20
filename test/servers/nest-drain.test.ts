/** A Nest application that closes while streams are open, as docs/frameworks.md has it: without decorator syntax, which these files cannot have. */
import "reflect-metadata";
import { once } from "node:events";
import { type BeforeApplicationShutdown, Controller, Get, Module, Req, Res } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { Request, Response } from "express";
import { expect, onTestFinished, test } from "vitest";
import { createAnswers, createHub } from "../../packages/tidings/src/server/index.ts";
import { Peer } from "./peer.ts";

const hub = createHub();
const answers = createAnswers();

class Events {
  // @Get("news") news(@Req() request: Request, @Res() response: Response)
  news(request: Request, response: Response): void {
    void hub.subscribe(request, response, { topics: ["news"] });
  }
  // @Get("answer") answer(@Req() request: Request, @Res() response: Response)
  answer(request: Request, response: Response): void {
    void answers.resumable(request, response, "a", async function* ({ signal }) {
      yield { data: "1" };
      await once(signal, "abort");
    });
  }
}
for (const name of ["news", "answer"] as const) {
  Get(name)(Events.prototype, name, Object.getOwnPropertyDescriptor(Events.prototype, name)!);
  Req()(Events.prototype, name, 0);
  Res()(Events.prototype, name, 1);
}
Controller()(Events);

class EventStreams implements BeforeApplicationShutdown {
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([hub.drain({ overMs: 0 }), answers.close()]);
  }
}

// oxlint-disable-next-line typescript/no-extraneous-class -- what Nest calls a module is an empty class
class Application {}
Module({ controllers: [Events], providers: [EventStreams] })(Application);

test("ends the streams of its hub and its answers as HTTP ends them, and then closes", async () => {
  const application = await NestFactory.create(Application, { logger: ["error"] });
  await application.listen(0, "127.0.0.1");
  const peer = new Peer(await application.getUrl());
  onTestFinished(() => peer.close());
  const news = await peer.request("/news", { headers: { connection: "keep-alive" } });
  await news.until(() => news.text.length > 0);
  const answer = await peer.request("/answer", { headers: { connection: "keep-alive" } });
  await answer.until(() => answer.messages.length > 0);
  await application.close();
  expect([await news.over, await answer.over]).toEqual(["whole", "whole"]);
  expect(news.text).toContain("retry: ");
  expect(answer.messages.at(-1)).toMatchObject({ event: "failed", data: '{"reason":"lost"}' });
});
