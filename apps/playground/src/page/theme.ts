/**
 * Light, dark, or as the system has it: chosen here, remembered, and left to the style sheet.
 */
import { choose } from "./choose.ts";
import { remembered } from "./remembered.ts";

export function setUpTheme(): void {
  choose("theme", remembered.get("theme") ?? "auto", (theme) => {
    remembered.set("theme", theme);
    document.documentElement.dataset["theme"] = theme;
  });
}
