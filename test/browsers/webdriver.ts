/**
 * As much of W3C WebDriver as one page needs: commands over HTTP to a driver that runs already.
 * Standard: https://www.w3.org/TR/webdriver2/
 */

/** What a driver answers when it will not: `code` is one of the standard's words, such as `"no such element"`. */
export class WebDriverError extends Error {
  override readonly name = "WebDriverError";
  readonly code: string;

  constructor(command: string, code: string, message: string) {
    super(`Cannot ${command}: ${code}: ${message}`);
    this.code = code;
  }
}

export interface Session {
  /** Sends a command of the session: `command("POST", "/url", { url })`. @returns The answer's `value`. */
  command: (method: "GET" | "POST" | "DELETE", path: string, body?: object) => Promise<unknown>;
  /** The handle of the element that a CSS selector finds first. Waits for it up to the session's implicit timeout. */
  find: (selector: string) => Promise<string>;
}

// The standard's own constant: the name under which a handle travels.
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

export async function openSession(origin: string, capabilities: object): Promise<Session> {
  const { sessionId } = (await send(origin, "POST", "/session", {
    capabilities: { alwaysMatch: capabilities },
  })) as { sessionId: string };
  const command: Session["command"] = (method, path, body) =>
    send(origin, method, `/session/${sessionId}${path}`, body);
  return {
    command,
    async find(selector) {
      const found = await command("POST", "/element", { using: "css selector", value: selector });
      return (found as Record<string, string>)[ELEMENT]!;
    },
  };
}

async function send(origin: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(origin + path, {
    method,
    signal: AbortSignal.timeout(60_000),
    ...(method === "POST" && {
      body: JSON.stringify(body ?? {}),
      headers: { "content-type": "application/json" },
    }),
  });
  const { value } = (await response.json()) as { value: unknown };
  if (!response.ok) {
    const { error, message } = value as { error: string; message: string };
    throw new WebDriverError(`${method} ${path.replace(/^\/session\/[^/]+/, "")}`, error, message);
  }
  return value;
}
