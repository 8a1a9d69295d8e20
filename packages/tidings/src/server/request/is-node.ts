/**
 * This module is browser compatible.
 */

/** Whether this is Node itself: Bun, Deno and workerd imitate it. */
export function isNode(): boolean {
  const { process, navigator } = globalThis as {
    readonly process?: { readonly versions?: Readonly<Record<string, string | undefined>> };
    readonly navigator?: { readonly userAgent?: string };
  };
  if (navigator?.userAgent === "Cloudflare-Workers") return false;
  const versions = process?.versions;
  return versions !== undefined && versions["bun"] === undefined && versions["deno"] === undefined;
}
