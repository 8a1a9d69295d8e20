/**
 * The language of the page: the one chosen here before, else the browser's.
 * Text that stands in the HTML names its word in `data-t`; text that is made names it when it is made, and is made again
 * when the language changes.
 */
import { remembered } from "../remembered.ts";
import { chinese } from "./words-zh.ts";
import { english } from "./words-en.ts";

export type Words = typeof english;
export type Language = "en" | "zh-CN";

const dictionaries: Record<Language, Words> = { en: english, "zh-CN": chinese };
const listeners: (() => void)[] = [];
let language: Language = remembered.get("language") === "zh-CN" ? "zh-CN" : preferred();

/** The words of the current language. Ask each time; do not keep them. */
export function words(): Words {
  return dictionaries[language];
}

export function currentLanguage(): Language {
  return language;
}

/** Remembers the language, fills the page's texts and tells those who asked. */
export function setLanguage(next: Language): void {
  language = next;
  remembered.set("language", next);
  fillTexts();
}

/** Calls `listener` after each change of the language. */
export function onLanguage(listener: () => void): void {
  listeners.push(listener);
}

/** Puts the current language's words where the HTML asks for them. */
export function fillTexts(): void {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) {
    element.textContent = plainWord(element.dataset["t"]!);
  }
  for (const element of document.querySelectorAll<HTMLElement>("[data-t-label]")) {
    const label = plainWord(element.dataset["tLabel"]!);
    element.setAttribute("aria-label", label);
    if (element.matches("button")) element.title = label;
  }
  for (const element of document.querySelectorAll<HTMLInputElement>("[data-t-placeholder]")) {
    element.placeholder = plainWord(element.dataset["tPlaceholder"]!);
  }
  for (const listener of listeners) listener();
}

function plainWord(key: string): string {
  const word = words()[key as keyof Words];
  if (typeof word !== "string") throw new Error(`Cannot fill text: there is no word ${JSON.stringify(key)}`);
  return word;
}

function preferred(): Language {
  if (remembered.get("language") === "en") return "en";
  return navigator.languages
    .find((tag) => /^(en|zh)\b/i.test(tag))
    ?.toLowerCase()
    .startsWith("zh")
    ? "zh-CN"
    : "en";
}
