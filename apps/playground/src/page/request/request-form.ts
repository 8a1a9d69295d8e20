/**
 * The form: reads the request out of its fields, says what is wrong with them, and switches off those that the chosen
 * client cannot use, with the reason beside them. What was entered there stays, for when it can.
 */
import { element } from "../element.ts";
import { createObjection, jsonProblem } from "./json-problem.ts";
import { remembered } from "../remembered.ts";
import type { ClientName, StreamRequest } from "../stream/stream-client.ts";
import { onLanguage, type Words, words } from "../words/words.ts";

export type PresetName = "clock" | "chat" | "topic";

export interface RequestForm {
  /** The request as the client will send it, or what is wrong with it and where. */
  read(): StreamRequest | Problem;
  /** Fills the fields with one of the demo server's requests. */
  usePreset(name: PresetName): void;
  /** What may be a slip in a request that can be sent all the same, said once for each body. */
  objection(): Problem | undefined;
  /** Whether the chosen client can be told where to begin. */
  readonly canResume: boolean;
}

export interface Problem {
  /** In the language of now. */
  readonly problem: () => string;
  readonly field: HTMLElement;
}

interface Fields {
  client: ClientName;
  method: string;
  url: string;
  headers: string;
  body: string;
  stopOn: string;
  listenTo: string;
  lastEventId: string;
  replay: boolean;
}

const PLAIN = { headers: "", body: "", listenTo: "", lastEventId: "", replay: false };
const PRESETS: Record<PresetName, Omit<Fields, "client">> = {
  clock: { ...PLAIN, method: "GET", url: "/api/sse?tick=10", stopOn: "close" },
  chat: {
    ...PLAIN,
    method: "POST",
    url: "/api/chat",
    headers: "Authorization: Bearer demo",
    body: '{"q": "你好"}',
    stopOn: "done",
  },
  topic: { ...PLAIN, method: "GET", url: "/api/topics/news", listenTo: "headline, gap", stopOn: "" },
};

type Word = { [Key in keyof Words]: Words[Key] extends string ? Key : never }[keyof Words];

/** @param onChange - Called after each change of a field, by hand or by a preset. */
export function createRequestForm(onChange: () => void): RequestForm {
  const method = element("method", HTMLSelectElement);
  const url = element("url", HTMLInputElement);
  const headers = element("headers", HTMLTextAreaElement);
  const body = element("body", HTMLTextAreaElement);
  const stopOn = element("stop-on", HTMLInputElement);
  const listenTo = element("listen-to", HTMLInputElement);
  const lastEventId = element("last-event-id", HTMLInputElement);
  const replay = element("replay", HTMLInputElement);
  const form = element("request", HTMLFormElement);
  const object = createObjection();

  fill({ client: "connect", ...PRESETS.clock, ...lastFields() });
  form.addEventListener("input", changed);
  onLanguage(showWhatIsOff);
  markPreset();

  return {
    read,
    usePreset(name) {
      const fields = PRESETS[name];
      const needsMore = fields.method !== "GET" && client() === "browser";
      fill({ ...fields, client: needsMore ? "connect" : client() });
      changed();
    },
    objection() {
      const problem = body.disabled ? undefined : object(body.value);
      return problem === undefined ? undefined : { problem: () => words().jsonBroken(problem), field: body };
    },
    get canResume() {
      return !lastEventId.disabled;
    },
  };

  function client(): ClientName {
    return (new FormData(form).get("client") ?? "connect") as ClientName;
  }

  function fill(fields: Fields): void {
    for (const choice of form.querySelectorAll<HTMLInputElement>("[name=client]")) {
      choice.checked = choice.value === fields.client;
    }
    method.value = fields.method;
    url.value = fields.url;
    headers.value = fields.headers;
    body.value = fields.body;
    stopOn.value = fields.stopOn;
    listenTo.value = fields.listenTo;
    lastEventId.value = fields.lastEventId;
    replay.checked = fields.replay;
  }

  function changed(): void {
    const fields: Fields = {
      client: client(),
      method: method.value,
      url: url.value,
      headers: headers.value,
      body: body.value,
      stopOn: stopOn.value,
      listenTo: listenTo.value,
      lastEventId: lastEventId.value,
      replay: replay.checked,
    };
    remembered.set("request", JSON.stringify(fields));
    markPreset();
    showWhatIsOff();
    onChange();
  }

  function markPreset(): void {
    for (const button of form.querySelectorAll<HTMLButtonElement>(".preset")) {
      const preset = PRESETS[button.value as PresetName];
      button.setAttribute("aria-pressed", String(preset.method === method.value && preset.url === url.value));
    }
  }

  function showWhatIsOff(): void {
    const name = client();
    const browser = name === "browser";
    const connects = name === "connect";
    const gets = browser || method.value === "GET";
    element("client-note", HTMLElement).textContent = words().clientNotes[name];
    off(method, browser && "onlyGet");
    off(headers, browser && "noHeaders");
    off(body, browser ? "noBody" : gets && "noBodyGet");
    off(listenTo, connects && "hearsAll");
    off(lastEventId, !connects && "startsAfresh");
    off(replay, connects ? gets && "getReturns" : "noReplay");
    showBodyKind();
  }

  function showBodyKind(): void {
    const kind = element("body-kind", HTMLElement);
    const broken = !body.disabled && jsonProblem(body.value) !== undefined;
    const json = /^\s*[[{]/.test(body.value);
    const { bodyBroken, bodyJson, bodyText } = words();
    kind.textContent =
      body.value === "" || body.disabled ? "" : broken ? bodyBroken : json ? bodyJson : bodyText;
    kind.classList.toggle("broken", broken);
    if (broken) body.setAttribute("aria-invalid", "true");
    else body.removeAttribute("aria-invalid");
  }

  function off(field: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement, why: Word | false): void {
    field.disabled = why !== false;
    field.closest(".field")?.classList.toggle("off", why !== false && field !== method);
    element(`${field.id}-why`, HTMLElement).textContent = why === false ? "" : words()[why];
  }

  function read(): ReturnType<RequestForm["read"]> {
    const address = url.value.trim();
    if (address === "") return { problem: () => words().urlMissing, field: url };
    if (!URL.canParse(address, location.href))
      return { problem: () => words().urlBroken(address), field: url };
    const { protocol } = new URL(address, location.href);
    if (!/^https?:$/.test(protocol)) return { problem: () => words().urlScheme(protocol), field: url };

    const pairs: [string, string][] = [];
    for (const line of headers.disabled ? [] : headers.value.split("\n")) {
      if (line.trim() === "") continue;
      const pair = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*:\s*(.*?)\s*$/.exec(line);
      // Above U+00FF a header cannot go: fetch would refuse it.
      if (!pair || /[^\t\x20-\x7e\x80-\xff]/.test(pair[2]!))
        return { problem: () => words().headerBroken(line.trim()), field: headers };
      pairs.push([pair[1]!, pair[2]!]);
    }
    return {
      client: client(),
      url: address,
      method: method.disabled ? "GET" : method.value,
      headers: pairs,
      body: body.disabled ? "" : body.value,
      lastEventId: lastEventId.disabled ? "" : lastEventId.value.trim(),
      listenTo: listenTo.disabled ? [] : namesIn(listenTo.value),
      stopOn: namesIn(stopOn.value),
      replay: !replay.disabled && replay.checked,
    };
  }
}

/** The fields of the last visit, if they can be read: an earlier version of this page may have written them. */
function lastFields(): Partial<Fields> {
  try {
    return JSON.parse(remembered.get("request") ?? "{}") as Partial<Fields>;
  } catch {
    return {};
  }
}

/** `"close, done"`: between commas, ASCII or Chinese, since an event type may hold spaces. */
function namesIn(list: string): string[] {
  return [...new Set(list.split(/[,\uff0c]/).map((name) => name.trim()))].filter((name) => name !== "");
}
