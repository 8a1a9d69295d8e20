/**
 * This module is browser compatible.
 */

/** As `encodeURIComponent`, which throws at half a character: a server's JSON or a storage may hold one. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(
    text.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, (found) => (found[1] ? found : "\ufffd")),
  );
}
