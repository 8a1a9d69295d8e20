/**
 * How the demo server says no: a status, and a reason that a program can read and a person can act upon.
 */
import type { ErrorRequestHandler, RequestHandler, Response } from "express";

export const MAX_BODY_BYTES = 64 * 1024;

export function refuse(response: Response, status: number, error: string): void {
  response.status(status).json({ error });
}

/** Answers every method but these. */
export function onlyMethods(...methods: string[]): RequestHandler {
  return (request, response) => {
    response.setHeader("Allow", methods.join(", "));
    refuse(response, 405, `Cannot answer ${request.method}, expected ${methods.join(" or ")}`);
  };
}

/** Turns what a handler threw, or a body that cannot be read, into a reason. */
export const refuseByError: ErrorRequestHandler = (error: HttpError, _request, response, next) => {
  if (response.headersSent) return next(error);
  const { status = 500, type, message } = error;
  if (type === "entity.parse.failed") return refuse(response, 400, `Cannot read body as JSON: ${message}`);
  if (type === "entity.too.large") {
    return refuse(response, 413, `Cannot read body: it is longer than ${MAX_BODY_BYTES} bytes`);
  }
  if (status < 500) return refuse(response, status, message);
  console.error(error);
  refuse(response, status, "The server failed, and its console says why");
};

/** As body-parser and its like make them. */
interface HttpError extends Error {
  status?: number;
  type?: string;
}
