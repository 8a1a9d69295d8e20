/**
 * `POST /api/topics/:topic` publishes, `GET /api/topics/:topic` subscribes: the way of a message from one who publishes to
 * one who handles it. Each message has a cursor as its id, so whoever comes back gets what was published meanwhile.
 */
import type { RequestHandler } from "express";
import { type Hub, HubError } from "tidings/server";
import { refuse } from "./refuse.ts";

/** Takes `{"data": …}`, with `"event"` if the message has a type, and answers 201 with the cursor that it was given. */
export function publish(hub: Hub): RequestHandler<{ topic: string }> {
  return async (request, response) => {
    const { event, data } = (request.body ?? {}) as { event?: string; data?: unknown };
    try {
      const { id } = await hub.publish(request.params.topic, { event, data });
      response.status(201).json({ id });
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError || error instanceof HubError))
        throw error;
      refuse(response, error instanceof HubError ? 503 : 400, error.message);
    }
  };
}

export function subscribe(hub: Hub): RequestHandler<{ topic: string }> {
  return async (request, response) => {
    await hub.subscribe(request, response, { topics: [request.params.topic] });
  };
}
