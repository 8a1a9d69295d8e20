/**
 * The fast parser for clients under Node, with Node's own ways with bytes. The entries for Node import this file for what it does.
 */
import "./bytes.ts";
import { replaceParser } from "../client/parser.ts";
import { createParser } from "../wire/parser.ts";

replaceParser(createParser);
