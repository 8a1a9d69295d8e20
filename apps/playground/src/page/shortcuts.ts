/**
 * The keyboard: what each key does, and the list of them. Letters act only outside of fields.
 */
import { element } from "./element.ts";
import { onLanguage, type Words, words } from "./words/words.ts";

type ShortcutName = keyof Words["shortcutNames"];

const mac = /Mac|iP(hone|ad)/.test(navigator.platform);
/** As the keys are called on this machine. */
export const START_KEY: string = mac ? "⌘ ↵" : "Ctrl ↵";

const KEYS: [ShortcutName, string[]][] = [
  ["start", [START_KEY]],
  ["stop", ["Esc"]],
  ["filter", ["/"]],
  ["pause", ["P"]],
  ["copy", ["Y"]],
  ["clear", ["X"]],
  ["move", ["J", "K"]],
  ["expand", ["↵"]],
  ["help", ["?"]],
];

export interface ShortcutActions {
  start(): void;
  stop(): void;
  filter(): void;
  pause(): void;
  copy(): void;
  clear(): void;
  move(by: number): void;
}

export function listenToShortcuts(actions: ShortcutActions): void {
  const dialog = element("shortcuts", HTMLDialogElement);
  const list = element("shortcut-list", HTMLElement);
  const help = () => dialog.showModal();
  element("shortcuts-open", HTMLButtonElement).addEventListener("click", help);
  dialog.addEventListener("click", ({ target }) => {
    // The dialog itself is hit only beside its content.
    if (target === dialog) dialog.close();
  });

  onLanguage(() => {
    list.replaceChildren(
      ...KEYS.map(([name, keys]) => {
        const pair = document.createElement("div");
        const term = document.createElement("dt");
        for (const key of keys)
          term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
        pair.append(
          term,
          Object.assign(document.createElement("dd"), { textContent: words().shortcutNames[name] }),
        );
        return pair;
      }),
    );
  });

  const letters: Record<string, () => void> = {
    "/": () => actions.filter(),
    p: () => actions.pause(),
    y: () => actions.copy(),
    x: () => actions.clear(),
    j: () => actions.move(1),
    k: () => actions.move(-1),
    ArrowDown: () => actions.move(1),
    ArrowUp: () => actions.move(-1),
    "?": help,
  };
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || dialog.open) return;
    const { key } = event;
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return actions.start();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (key === "Escape") {
      if (target.matches("input, textarea, select")) target.blur();
      else actions.stop();
      return;
    }
    if (target.matches("input, textarea, select, [contenteditable]")) return;
    // Arrows move among the rows, and scroll elsewhere.
    if (key.startsWith("Arrow") && !target.closest(".events")) return;
    const act = letters[key.length === 1 ? key.toLowerCase() : key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
