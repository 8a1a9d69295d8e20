import { hub } from "../../hub.js";

export default function handler(request, response) {
  return hub.subscribe(request, response, { topics: ["news"], subscriber: request.query.by });
}
