/**
 * The parser of clients: the compact one. The entries for Node, where code is not loaded over a network, replace it by the fast one.
 * This module is browser compatible.
 */
import { createCompactParser } from "../wire/compact-parser.ts";
import type { CreateParser } from "./core/connection.ts";

export let createParser: CreateParser = createCompactParser;

export function replaceParser(own: CreateParser): void {
  createParser = own;
}
