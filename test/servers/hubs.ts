/**
 * A hub for each test, beside the scenarios: `/hub/subscribe`, `/hub/publish`, `/hub/flood`, `/hub/stats` and `/hub/drain`,
 * all with `?key=`.
 */
import {
  createHub,
  type FastifyReply,
  type FetchRequest,
  type Hub,
  type NodeRequest,
  type NodeResponse,
  openStream,
} from "../../packages/tidings/src/server/index.ts";

const hubs = new Map<string, Hub>();
const SUBSCRIPTION = { topics: ["news"] };

export function isForHub(target: string): boolean {
  return new URL(target, "http://hub").pathname.startsWith("/hub/");
}

export function answerByHub(
  request: NodeRequest & { readonly url?: string | undefined },
  response: NodeResponse | FastifyReply,
): void {
  const { hub, action } = find(request.url ?? "/");
  if (action === "subscribe") void hub.subscribe(request, response, SUBSCRIPTION);
  else openStream(request, response, [{ data: act(hub, action) }]);
}

export async function respondByHub(request: FetchRequest & { readonly url: string }): Promise<Response> {
  const { hub, action } = find(request.url);
  if (action === "subscribe") return hub.respond(request, SUBSCRIPTION);
  return openStream(request, [{ data: act(hub, action) }]).response;
}

function find(target: string): { hub: Hub; action: string } {
  const { pathname, searchParams } = new URL(target, "http://hub");
  const key = `${searchParams.get("key")}`;
  let hub = hubs.get(key);
  if (hub === undefined) hubs.set(key, (hub = createHub()));
  return { hub, action: pathname.slice("/hub/".length) };
}

/** More than servers and kernels keep of what a peer does not read, and than the hub keeps encoded. */
export const FLOOD = { messages: 144, bytes: 2 ** 16 } as const;

function act(hub: Hub, action: string): string {
  if (action === "stats") return JSON.stringify(hub.stats());
  if (action === "drain") void hub.drain({ overMs: 100, retryMs: [250, 250] });
  else if (action === "flood")
    for (let n = 0; n < FLOOD.messages; n++)
      void hub.publish("news", { data: `${n}`.padEnd(FLOOD.bytes, ".") });
  else for (const data of ["1", "2", "3"]) void hub.publish("news", { event: "news", data });
  return action;
}
