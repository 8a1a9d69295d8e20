/**
 * A Nest application that answers with scenarios, written without decorator syntax, which these files cannot have.
 */
import "reflect-metadata";
import { All, Controller, Module, Req, Res } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { Request, Response } from "express";
import { answer } from "./answer.ts";
import type { RunningServer } from "./contract.ts";

class Scenarios {
  // @All("*path") answer(@Req() request: Request, @Res() response: Response)
  answer(request: Request, response: Response): void {
    answer(request, response);
  }
}
const method = Object.getOwnPropertyDescriptor(Scenarios.prototype, "answer")!;
All("*path")(Scenarios.prototype, "answer", method);
Req()(Scenarios.prototype, "answer", 0);
Res()(Scenarios.prototype, "answer", 1);
Controller()(Scenarios);

// oxlint-disable-next-line typescript/no-extraneous-class -- what Nest calls a module is an empty class
class Application {}
Module({ controllers: [Scenarios] })(Application);

export async function startNest(): Promise<RunningServer> {
  const application = await NestFactory.create(Application, {
    logger: ["error"],
    forceCloseConnections: true,
  });
  await application.listen(0, "127.0.0.1");
  return { origin: await application.getUrl(), stop: () => application.close() };
}
