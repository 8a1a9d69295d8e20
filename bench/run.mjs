/**
 * `npm run bench NAME -- [options]`: runs one benchmark. Each folder beside this file that has a `main.mjs` is one;
 * it exports `main(args)` and installs, builds and explains what it needs itself.
 */
import { existsSync, readdirSync } from "node:fs";

const [name, ...args] = process.argv.slice(2);
const benchmarks = readdirSync(new URL(".", import.meta.url)).filter((folder) =>
  existsSync(new URL(`./${folder}/main.mjs`, import.meta.url)),
);

if (benchmarks.includes(name)) {
  const { main } = await import(new URL(`./${name}/main.mjs`, import.meta.url).href);
  await main(args);
} else {
  process.stderr.write(
    `Cannot run benchmark: name is ${JSON.stringify(name ?? "")}, expected ${benchmarks.join(" or ")}\n`,
  );
  process.exitCode = 2;
}
