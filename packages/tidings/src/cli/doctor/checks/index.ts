/**
 * All checks, in the order in which their findings are read.
 */
import type { Check } from "../finding.ts";
import { answer } from "./answer.ts";
import { caching } from "./caching.ts";
import { content } from "./content.ts";
import { delivery } from "./delivery.ts";
import { endings } from "./endings.ts";
import { resuming } from "./resuming.ts";

export const checks: readonly Check[] = [
  ...answer,
  ...delivery,
  ...caching,
  ...endings,
  ...resuming,
  ...content,
];
