/**
 * Finds an element that the page's HTML must have, and knows its kind.
 * @throws {Error} If there is none of that kind: the HTML and the code differ.
 */
export function element<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`Cannot find #${id}: the page has no such ${kind.name}`);
}
