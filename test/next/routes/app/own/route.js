import { ownHub } from "../../hub.js";

export const dynamic = "force-dynamic";
export const GET = (request) => ownHub.respond(request, { topics: ["news"] });
