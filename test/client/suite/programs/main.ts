/**
 * The suite as a program of Node, Bun and Deno: the setting and what to leave out in its argument, the outcomes on its output.
 */
import { runSuite } from "../run.ts";
import type { Setting } from "../world.ts";

const { setting, skipped } = JSON.parse(process.argv[2]!) as { setting: Setting; skipped: string[] };
const outcomes = await runSuite(setting, skipped);
process.stdout.write(`\nOUTCOMES ${JSON.stringify(outcomes)}\n`, () => process.exit());
