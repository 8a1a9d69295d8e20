/**
 * A row of buttons of which one is pressed.
 */
import { element } from "./element.ts";

/** @param onChoice - Called with the value at once, and with each that is chosen. */
export function choose(id: string, value: string, onChoice: (value: string) => void): void {
  const group = element(id, HTMLElement);
  const buttons = [...group.querySelectorAll("button")];
  const press = (value: string) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === value));
    onChoice(value);
  };
  group.addEventListener("click", ({ target }) => {
    const button = (target as Element).closest("button");
    if (button) press(button.value);
  });
  press(buttons.some((button) => button.value === value) ? value : buttons[0]!.value);
}
