import { hub, ownHub } from "../../hub.js";

export default async function handler(request, response) {
  await Promise.all([hub, ownHub].map((one) => one.publish("news", { data: request.body })));
  response.send(`${hub.stats().streams}`);
}
