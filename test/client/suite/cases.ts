/**
 * All cases of the client's suite.
 */
import { answers } from "./answers.ts";
import { endings } from "./endings.ts";
import { messages } from "./messages.ts";
import { requests } from "./requests.ts";
import { source } from "./source.ts";
import type { Case } from "./world.ts";

export const cases: readonly Case[] = [...requests, ...messages, ...answers, ...endings, ...source];
