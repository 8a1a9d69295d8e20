/**
 * Five minutes of silence, for real: a server that says nothing after its first messages, the doctor that watches it, and a reader
 * with the fetch of Node. They begin before the first of the tests of programs, and silence.test.ts, the last one, asks for what they saw.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { collect, MAIN } from "../shell.ts";
import { GOOD_HEADERS } from "./setup.ts";

export interface Silence {
  /** What `tidings doctor --long 305s --json` printed. */
  readonly report: string;
  /** How a reader with `fetch` ended, and after how long. */
  readonly reader: { readonly code: string | undefined; readonly afterMs: number };
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Where what they saw can be had, once they have seen it. */
    silenceUrl: string;
  }
}

/** Long enough for fetch's 300 seconds, and what its coarse timer adds. */
const LONG = "305s";

export default async function setup({ provide, vitest }: TestProject): Promise<(() => void) | undefined> {
  // The files that were named on the command line. Its types do not tell; without it, this runs for nothing.
  const { filenamePattern = [] } = vitest as { filenamePattern?: readonly string[] };
  const isAsked = filenamePattern.length === 0 || filenamePattern.some((each) => FILE.includes(each));
  if (!isAsked) return undefined;

  const waiting: ServerResponse[] = [];
  let seen: string | undefined;
  const server = createServer((request, response) => {
    if (request.url !== "/seen") return thenSilent(request, response);
    if (seen === undefined) waiting.push(response);
    else response.end(seen);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  provide("silenceUrl", `${url}seen`);

  const doctor = spawn(process.execPath, [MAIN, "doctor", url, "--watch", "3s", "--long", LONG, "--json"]);
  const output = collect(doctor);
  void Promise.all([once(doctor, "close"), read(url)]).then(([, reader]) => {
    seen = JSON.stringify({ report: output.text(), reader } satisfies Silence);
    for (const response of waiting) response.end(seen);
  });
  return () => {
    doctor.kill();
    server.closeAllConnections();
    server.close();
  };
}

const FILE = "test/cli/doctor/silence.test.ts";

/** A few messages, and then nothing, not even a heartbeat. */
function thenSilent(request: IncomingMessage, response: ServerResponse): void {
  const from = Number(request.headers["last-event-id"] ?? 0);
  response.writeHead(200, GOOD_HEADERS);
  for (const n of [1, 2, 3]) response.write(`id: ${from + n}\ndata: ${n}\n\n`);
}

async function read(url: string): Promise<Silence["reader"]> {
  const startMs = performance.now();
  try {
    const { body } = await fetch(url);
    for await (const _ of body!);
    return { code: undefined, afterMs: performance.now() - startMs };
  } catch (error) {
    // `terminated`, because of a BodyTimeoutError.
    const { cause } = error as Error & { cause?: { code?: string } };
    return { code: cause?.code ?? String(error), afterMs: performance.now() - startMs };
  }
}
