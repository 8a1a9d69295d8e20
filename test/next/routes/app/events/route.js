import { hub } from "../../hub.js";

export const dynamic = "force-dynamic";
export const GET = (request) =>
  hub.respond(request, { topics: ["news"], subscriber: new URL(request.url).searchParams.get("by") });
