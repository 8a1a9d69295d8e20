/**
 * Which page of docs/symptoms explains a finding. test/cli/symptoms.test.ts holds pages and checks together.
 */

/** The pages, and the checks that find what each of them is about. */
export const SYMPTOMS: Readonly<Record<string, readonly string[]>> = {
  "all-at-once": ["B01", "B02", "B05", "B06", "T04", "Z01"],
  "big-events-late": ["B03"],
  "late-by-200-ms": ["B04"],
  "dies-after-60-seconds": ["T01", "T02", "T03"],
  "dies-after-5-minutes": ["T05"],
  "works-locally-only": ["R05"],
  "errors-after-a-deploy": ["C01", "R06"],
  "somebody-elses-events": ["K01", "K02", "K03"],
  "works-in-curl": ["C02", "C04", "C05", "C06", "O01", "Z01"],
};

const DOCS = "https://github.com/tidings-sse/tidings/blob/main/docs/symptoms/";

/** @param cause - What `--direct` said: what only the path does is what a machine without it does not show. */
export function pagesFor(id: string, cause?: "path" | "application"): string[] {
  const pages = Object.keys(SYMPTOMS).filter((page) => SYMPTOMS[page]!.includes(id));
  if (cause === "path" && !pages.includes("works-locally-only")) pages.push("works-locally-only");
  return pages.map((page) => `${DOCS}${page}.md`);
}
