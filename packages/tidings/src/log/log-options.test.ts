import { expect, test } from "vitest";
import { lmdbLog } from "./lmdb/index.ts";
import { natsLog } from "./nats/index.ts";
import { redisLog } from "./redis/index.ts";

test.each<[string, (options: object) => unknown]>([
  ["lmdbLog", (options) => lmdbLog({} as never, options)],
  ["natsLog", (options) => natsLog({} as never, options)],
  ["redisLog", (options) => redisLog({} as never, options)],
])("%s refuses options that do not exist, and limits that are none", (_name, make) => {
  expect(() => make({ pendingbytes: 1 })).toThrow(
    "Cannot make log: there is no option pendingbytes, expected pendingBytes",
  );
  for (const pendingBytes of [Number.NaN, 0, -1, "1", null]) {
    expect(() => make({ pendingBytes })).toThrow(/pendingBytes is .*, expected a number above 0/);
  }
});
