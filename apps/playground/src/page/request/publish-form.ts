/**
 * Publishes to the topic that the request subscribes to, when it is one of the demo server's: what is sent here comes back
 * as an event, to this page and to every other.
 */
import { element } from "../element.ts";
import { createObjection } from "./json-problem.ts";
import { onLanguage, words } from "../words/words.ts";

export interface PublishForm {
  /** The request's URL. The form shows where that is a topic of this server. */
  url: string;
}

export function createPublishForm(): PublishForm {
  const form = element("publish", HTMLFormElement);
  const event = element("publish-event", HTMLInputElement);
  const data = element("publish-data", HTMLInputElement);
  const published = element("published", HTMLOutputElement);
  const object = createObjection();
  let url = "";
  /** What was said last, in the language of now. */
  let said = (): string => "";

  onLanguage(() => (published.textContent = said()));
  form.addEventListener("submit", (submit) => {
    submit.preventDefault();
    void publish();
  });
  return {
    get url() {
      return url;
    },
    set url(next) {
      url = next;
      const { origin, pathname } = new URL(url, location.href);
      form.hidden = origin !== location.origin || !/^\/api\/topics\/[^/]+$/.test(pathname);
    },
  };

  function say(what: () => string, failed: boolean): void {
    said = what;
    published.textContent = said();
    published.classList.toggle("failed", failed);
  }

  async function publish(): Promise<void> {
    const broken = object(data.value);
    if (broken !== undefined) return say(() => words().jsonBroken(broken), true);
    const type = event.value.trim();
    const body = JSON.stringify({ ...(type !== "" && { event: type }), data: valueOf(data.value) });
    let problem: string;
    try {
      const headers = { "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body });
      const answer = (await response.json()) as { id?: string; error?: string };
      if (response.ok) {
        say(() => words().published(answer.id!), false);
        data.value = "";
        return;
      }
      problem = answer.error ?? String(response.status);
    } catch (error) {
      problem = (error as Error).message;
    }
    say(() => words().notPublished(problem), true);
  }
}

/** An object or array is published as itself; everything else is text. */
function valueOf(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
