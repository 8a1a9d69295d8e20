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
import { answerByHub, isForHub, respondByHub } from "./hubs.ts";
import { runScenario } from "./scenarios.ts";

/** Answers a Node-style request. */
export function answer(
  request: NodeRequest & { readonly url?: string | undefined },
  response: NodeResponse | FastifyReply,
): void {
  const { url = "/" } = request;
  if (isForHub(url)) return answerByHub(request, response);
  runScenario(url, (source, options) => openStream(request, response, source, options));
}

/** Answers a request of the Fetch standard. */
export function respond(request: FetchRequest & { readonly url: string }): Response | Promise<Response> {
  if (isForHub(request.url)) return respondByHub(request);
  const stream = runScenario(request.url, (source, options) => openStream(request, source, options));
  return (stream as FetchEventStream).response;
}
