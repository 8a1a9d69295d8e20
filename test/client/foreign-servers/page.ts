/**
 * In the browser: reads each case with the browser's own EventSource and with ours, and writes down the events of each.
 */
import { connect, EventSource as Ours } from "tidings/client";
import { share } from "tidings/client/share";
import { xhrTransport } from "tidings/client/xhr";
import { caseOf, STAYS } from "./cases.ts";

const EVENTS = ["a", "price", "message", "error", "open", "好"];
/** Ours waits a second at least; here that is a few milliseconds. */
const realSetTimeout = globalThis.setTimeout;
globalThis.setTimeout = ((run: () => void, ms = 0, ...rest: unknown[]) =>
  realSetTimeout(run, ms >= 1000 && ms <= 60_000 ? ms / 200 : ms, ...rest)) as typeof setTimeout;

type AnySource = Pick<EventSource, "addEventListener" | "close" | "readyState">;

function read(make: (url: string) => AnySource, number: number, name: string): Promise<string[]> {
  return new Promise((resolve) => {
    const lines: string[] = [];
    const source = make(`/case/${number}/${name}`);
    let timer: ReturnType<typeof setTimeout>;
    const finish = () => {
      clearTimeout(timer);
      source.close();
      resolve(lines);
    };
    const note = (line: string) => void lines.push(line);
    for (const type of EVENTS) {
      source.addEventListener(type, (event: Event) => {
        if (event instanceof MessageEvent) {
          const { data, lastEventId, origin } = event as MessageEvent<string>;
          note(`${type} ${JSON.stringify([data, lastEventId, origin])}`);
          if (data === STAYS) finish();
          return;
        }
        note(`${type} ${source.readyState}`);
        if (source.readyState === 2) finish();
      });
    }
    // A machine may be busy. What is cut off here differs, and is seen.
    timer = realSetTimeout(finish, 60_000);
  });
}

/** What a client of ours with the rules of `connect` tells: foreign-servers/model.ts says what it should. */
function told(open: typeof connect, number: number, name: string): Promise<string[]> {
  const lines: string[] = [];
  const connection = open(`/case/${number}/${name}`, {
    onOpen: () => void lines.push("open"),
    onMessage({ event, data, id }) {
      lines.push(`message ${JSON.stringify([event, data, id])}`);
      if (data === STAYS) connection.close();
    },
    onError: ({ code, willRetry }) => void lines.push(`error ${code} ${willRetry ? "again" : "final"}`),
  });
  return connection.ended.then(({ reason }) => [...lines, reason]);
}

const overXhr = ((url: string, options: object) =>
  connect(url, { ...options, transport: xhrTransport() })) as typeof connect;

/** Three cases at a time: a browser opens six connections to an address. */
function run({ numbers, time, rules }: { numbers: number[]; time: number; rules: boolean }): void {
  const work = async (): Promise<void> => {
    for (let number; (number = numbers.shift()) !== undefined;) {
      if (rules) {
        const [xhr, shared] = await Promise.all([
          told(overXhr, number, `ours-xhr${time}`),
          told(share as unknown as typeof connect, number, `ours-share${time}`),
        ]);
        parent.postMessage({ [number]: { xhr, shared } }, "*");
        continue;
      }
      const { withCredentials } = caseOf(number);
      const [own, ours] = await Promise.all([
        read((url) => new EventSource(url, { withCredentials }), number, `own${time}`),
        read((url) => new Ours(url, { withCredentials }), number, `ours${time}`),
      ]);
      parent.postMessage({ [number]: { own, ours } }, "*");
    }
  };
  for (let lane = 0; lane < 3; lane++) void work();
}

run(JSON.parse(decodeURIComponent(location.hash.slice(1))) as Parameters<typeof run>[0]);
