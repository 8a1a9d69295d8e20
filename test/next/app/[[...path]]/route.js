/**
 * Every path is answered with its scenario, bundled by the test with the package as built.
 */
import { respond } from "../../.cache/answer.mjs";

export const dynamic = "force-dynamic";
export const GET = (request) => respond(request);
export const HEAD = GET;
export const POST = GET;
