import { hub, ownHub } from "../../hub.js";

export const dynamic = "force-dynamic";
export async function POST(request) {
  const data = await request.text();
  await Promise.all([hub, ownHub].map((one) => one.publish("news", { data })));
  return new Response(`${hub.stats().streams}`);
}
