import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { VERSION } from "./names.ts";
import { postgresSchema } from "./schema.ts";

/** What each version installs, but for comments and spaces, and for the version itself. */
const DIGESTS: Record<string, string> = {
  v2: "c5ae1037a40586eb",
  v3: "d6d9fc1c647d3247",
};

it("installs other functions only under another version, since those of a name that is there are not replaced", () => {
  const sql = postgresSchema()
    .replaceAll(/^\s*--.*$/gm, "")
    .replaceAll(`_${VERSION}"`, '"')
    .replaceAll(/\s+/g, " ");
  const digest = createHash("sha256").update(sql).digest("hex").slice(0, 16);
  const remedy = `postgresSchema() changed. If anybody may have installed ${VERSION}, raise VERSION in names.ts. Then add here: ${VERSION}: "${digest}"`;
  expect(DIGESTS[VERSION], remedy).toBe(digest);
});
