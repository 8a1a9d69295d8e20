/**
 * A hub for each test, beside the scenarios: `/hub/subscribe`, `/hub/publish`, `/hub/update`, `/hub/flood`, `/hub/stats` and `/hub/drain`,
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
  type SubscribeOptions,
  type Subscription,
} from "../../packages/tidings/src/server/index.ts";

const hubs = new Map<string, Hub>();
const subscriptions = new Map<Hub, Subscription[]>();
const subscriptionTo = (hub: Hub): SubscribeOptions => ({
  topics: ["news"],
  onOpen: (subscription) => void subscriptions.set(hub, [...(subscriptions.get(hub) ?? []), subscription]),
});

export function isForHub(target: string): boolean {
  return new URL(target, "http://hub").pathname.startsWith("/hub/");
}

export function answerByHub(
  request: NodeRequest & { readonly url?: string | undefined },
  response: NodeResponse | FastifyReply,
): void {
  const { hub, action } = find(request.url ?? "/");
  if (action === "subscribe") void hub.subscribe(request, response, subscriptionTo(hub));
  else openStream(request, response, [{ data: act(hub, action) }]);
}

export async function respondByHub(request: FetchRequest & { readonly url: string }): Promise<Response> {
  const { hub, action } = find(request.url);
  if (action === "subscribe") return hub.respond(request, subscriptionTo(hub));
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
  else if (action === "update") {
    const update = { add: ["sports", { pattern: "weather/*" }], remove: ["news"] };
    const updates = (subscriptions.get(hub) ?? []).map((subscription) => subscription.update(update));
    void Promise.all(updates).then(() => {
      for (const topic of ["news", "sports", "weather/1"]) void hub.publish(topic, { data: topic });
    });
  } else if (action === "flood")
    for (let n = 0; n < FLOOD.messages; n++)
      void hub.publish("news", { data: `${n}`.padEnd(FLOOD.bytes, ".") });
  else for (const data of ["1", "2", "3"]) void hub.publish("news", { event: "news", data });
  return action;
}
