/**
 * An idempotency key belongs to the topics it was used for: the number of an order may be the key of a message to the
 * customer's topic and of another one to the warehouse's.
 * This module is browser compatible.
 */
import type { Draft } from "../log.ts";

/** What an append is remembered by: its key and its topics. Undefined without a key. */
export function idempotencyScope(drafts: readonly Draft[], key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  const topics = new Set(drafts.map(({ topic }) => topic));
  // No topic has a control character.
  return `${[...topics].join("\n")}\n\n${key}`;
}
