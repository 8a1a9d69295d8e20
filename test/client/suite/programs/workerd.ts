/**
 * The suite in a Worker, within one request: workerd has no timers and no fetch outside of one.
 */
import { runSuite } from "../run.ts";
import type { Setting } from "../world.ts";

export default {
  async fetch(request: Request): Promise<Response> {
    const { setting, skipped } = (await request.json()) as { setting: Setting; skipped: string[] };
    return Response.json(await runSuite(setting, skipped));
  },
};
