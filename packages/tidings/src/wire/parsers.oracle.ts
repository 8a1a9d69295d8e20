/**
 * The parsers that have one contract, for the tests of both; in no build.
 */
import { createCompactParser } from "./compact-parser.ts";
import { createParser } from "./parser.ts";

export const PARSERS = [
  { name: "createParser", createParser },
  { name: "createCompactParser", createParser: createCompactParser },
] as const;
