/**
 * A request answered with its scenario, as a handler of either kind would. Runs on every runtime under test.
 */
import {
  type FastifyReply,
  type FetchEventStream,
  type FetchRequest,
  type NodeRequest,
  type NodeResponse,
  openStream,
} from "../../packages/tidings/src/server/index.ts";
import { runScenario } from "./scenarios.ts";

/** Answers a Node-style request. */
export function answer(
  request: NodeRequest & { readonly url?: string | undefined },
  response: NodeResponse | FastifyReply,
): void {
  runScenario(request.url!, (source, options) => openStream(request, response, source ?? options, options));
}

/** Answers a request of the Fetch standard. */
export function respond(request: FetchRequest & { readonly url: string }): Response {
  const stream = runScenario(request.url, (source, options) =>
    openStream(request, source ?? options, options),
  );
  return (stream as FetchEventStream).response;
}
