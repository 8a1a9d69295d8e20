/**
 * Publishes to the topic that the request subscribes to, when it is one of the demo server's: what is sent here comes back
 * as an event, to this page and to every other.
 */
import { element } from "./element.ts";
import { words } from "./words.ts";

export interface PublishForm {
  /** The request's URL. The form shows where that is a topic of this server. */
  url: string;
}

export function createPublishForm(): PublishForm {
  const form = element("publish", HTMLFormElement);
  const event = element("publish-event", HTMLInputElement);
  const data = element("publish-data", HTMLInputElement);
  const published = element("published", HTMLOutputElement);
  let url = "";

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

  async function publish(): Promise<void> {
    const type = event.value.trim();
    const body = JSON.stringify({ ...(type !== "" && { event: type }), data: valueOf(data.value) });
    let problem: string;
    try {
      const headers = { "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body });
      const answer = (await response.json()) as { id?: string; error?: string };
      if (response.ok) {
        published.textContent = words().published(answer.id!);
        published.classList.remove("failed");
        data.value = "";
        return;
      }
      problem = answer.error ?? String(response.status);
    } catch (error) {
      problem = (error as Error).message;
    }
    published.textContent = words().notPublished(problem);
    published.classList.add("failed");
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
