/** Foreign code that has no case of its own in the harness: because it comes to the same call as another, or because another test breaks it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What comes to the same call as what has a case. */
const SAME: readonly (readonly [name: RegExp, as: string])[] = [
  [
    /^(?:createTest(?:Fetch|Handler|Server)\(script\)\[\]|Test(?:Fetch|Handler|Server)\.script\(answers\)\[\]|(?:TestServer|Script)Options\.(?:otherwise|script\[\]))$/,
    "createTestServer(script)[]",
  ],
  [/^ResumableStreamContext\.\w+\(makeStream\).*$/, "ResumableStreamContext.resumableStream(makeStream)"],
  [/^(?:Core|Share|Store)Options\.(.+)$/, "ConnectOptions.$1"],
  [/^(?:EventSourceInit|RequestParts|ResumeRequest)\.(headers.*)$/, "ConnectOptions.$1"],
  [/^FetchTransportOptions\.(fetch)$/, "ConnectOptions.$1"],
  [/^(cursorFrom|cursorVia|refresh|resume)\(\w+\)$/, "ConnectOptions.$1"],
  [/^(until|trace)\(\w+\)$/, "ConnectOptions.$1"],
  [/^gaps\(onGap\)$/, "ConnectOptions.onGap"],
  [/^connect\(options\)\.(use\[\])$/, "ConnectOptions.$1"],
  [/^(?:share|shareOver|useEventStream)\(url\)$|^RequestParts\.url$/, "connect(url)"],
  [/^SharedConnection\.(on\(handler\))$/, "Connection.$1"],
  [/^EventSource\.removeEventListener\(listener\)(.*)$/, "EventSource.addEventListener(listener)$1"],
  [/^TransportSink\.on(?:Text|Message)$/, "TransportSink.onBytes"],
  [/^EventStreamsOptions\.(onError)$/, "StreamOptions.$1"],
  [/^StartOptions\.(authorize)$/, "AnswerRequestOptions.$1"],
  [/^resumable\(generate\)(.*)$/, "Answers.resumable(generate)$1"],
  [/^StringAnswers\.(.+)$/, "PushableAnswers.$1"],
  [/^Answers\.start\(generate\)\(\)$/, "Answers.resumable(generate)()"],
  [/^(?:ParserHandlers|ReadOptions|ReaderOptions)\.on\w+$/, "ParserHandlers.onMessage"],
  [/^(?:readBatches\(source\).*|readMessages\(source\)\.body)$/, "readMessages(source)"],
];

/** @returns The case that stands for it. */
export function sameAs(name: string): string | undefined {
  for (const [pattern, as] of SAME) if (pattern.test(name)) return name.replace(pattern, as);
  return undefined;
}

/** What another test breaks: which one, by its file and its title. */
interface Elsewhere {
  readonly names: RegExp;
  readonly why: string;
  readonly file: string;
  readonly title: string;
}

export const ELSEWHERE: readonly Elsewhere[] = [
  {
    names: /^AcceptorServer\./,
    why: "The platform's server. Handlers and listeners of applications are called by it.",
    file: "packages/tidings/src/server/acceptor/acceptor.test.ts",
    title: "answers 500 when a handler throws or rejects, and cuts what it has begun",
  },
  {
    names: /^StreamParts\.check$/,
    why: "Ours: what a contract checks messages with. The schemas in it are the application's.",
    file: "packages/tidings/src/server/message/check-data.test.ts",
    title: "a schema that fails is an error of ours, with its cause",
  },
  {
    names: /^DoctorNodeResponse\./,
    why: "The platform's response, of an endpoint with a token.",
    file: "packages/tidings/src/server/doctor/doctor-endpoint.test.ts",
    title: "it knows when a reader left",
  },
  {
    names: /^FetchRequest\.headers\.get$|^UrlObject\.toString$/,
    why: "The platform's own, whatever is in them.",
    file: "test/foreign/requests.test.ts",
    title: "are sent to everything that takes a request, as the package's declarations have it",
  },
  {
    names: /^Clock\./,
    why: "Stands for the platform's timers in tests.",
    file: "packages/tidings/src/testing/clock.test.ts",
    title: "finds a timer that sets itself again for ever, and one that a platform would run at once",
  },
  {
    names:
      /^Connection\$1\.|^Store\.(?:subscribe\(\)|close|reopen|getInitial|get|subscribe)$|^Core\.|^nextFrame\(tell\)$/,
    why: "Ours, given back to us.",
    file: "packages/tidings/src/store/store.test.ts",
    title: "a subscriber that throws is reported, and the others hear",
  },
  {
    names: /^(?:Outlet|OutletOwner|TimerWheel|TotalBuffered)\./,
    why: "Ours: between the rooms of the package.",
    file: "packages/tidings/src/server/time/timer-wheel.test.ts",
    title: "an entry may remove itself, another that is due with it, or add itself anew while it is called",
  },
  {
    names: /^SharePlatform\./,
    why: "A browser's locks and channels, which it may refuse: they throw, reject with nothing and never settle there.",
    file: "packages/tidings/src/client/share.test.ts",
    title: "locks that never settle",
  },
  {
    names: /^(?:TtLike|WxLike)\.|^createParser\(decode\)$/,
    why: "Hosts of mini programs: they throw, call back in any order, give nonsense and nothing there.",
    file: "packages/tidings/src/mini-program/foreign-hosts.test.ts",
    title: "a request that is made and whose listeners throw is aborted",
  },
  {
    names:
      /^(?:IoredisClient|NodeRedisClient|RedisLogOptions|Nats(?:Connection|Message|Subscription))\.|^(?:PgPool|PostgresJs|PostgresLogOptions)\b/,
    why: "Clients of a server: the real ones, each of whose methods misbehaves there.",
    file: "test/engines/foreign-clients.test.ts",
    title: "that has methods of which each %s",
  },
  {
    names: /^Lmdb(?:Environment|LogOptions)\./,
    why: "A library in this process: the real one, closed too early, read only, full.",
    file: "packages/tidings/src/log/lmdb/lmdb-log.test.ts",
    title: "refuses what an environment that is closed too early no longer takes, and loses nothing it took",
  },
  {
    names: /^MemoryLogOptions\.now$/,
    why: "The platform's clock, and what tests give in its place.",
    file: "packages/tidings/src/log/memory/memory-log.test.ts",
    title: "survives one reading of a clock that is a year ahead",
  },
  {
    names:
      /^OpenLogOptions\.on(?:Reset|State)$|^(?:Retention|Selection)\.|^(?:describeLog|SharedLog)\b|^Log\.stats$/,
    why: "What a hub gives its log, and what a log's author gives the contract: wrong logs are found by it.",
    file: "packages/tidings/src/log/contract.test.ts",
    title: "passes a right log under any runner",
  },
  {
    names: /^eventStreams\(/,
    why: "Fastify's, which is the application's server.",
    file: "test/servers/fastify.test.ts",
    title: "the plugin ends its streams when the application closes, which then does not wait",
  },
  {
    names: /^(?:DrawOptions\.|useStore\()/,
    why: "Called while React draws, where an error boundary gets what they throw.",
    file: "test/ui/react.test.ts",
    title: "%s disturbs nobody else, and leaves no stream",
  },
];

/** Whether the other test is there, under that name. */
export function isThere({ file, title }: Elsewhere): boolean {
  try {
    return readFileSync(join(ROOT, file), "utf8").includes(title);
  } catch {
    return false;
  }
}
