/**
 * The commands, in the order in which the help lists them.
 */
import type { Command } from "./arguments/command.ts";
import { completion } from "./completion.ts";
import { doctor } from "./doctor/doctor.ts";
import { listen } from "./listen/listen.ts";
import { load } from "./load/load.ts";
import { proxy } from "./proxy/proxy.ts";
import { replay } from "./serve/replay.ts";
import { serve } from "./serve/serve.ts";

export const commands: readonly Command[] = [
  listen,
  doctor,
  load,
  serve,
  replay,
  proxy,
  completion(() => commands),
];
