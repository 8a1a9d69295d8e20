/**
 * Every entry in the hands of every tool: compilers from 5.0 on, in each way they resolve modules, without a browser's types and with
 * declarations checked; Jest 29, which requires CommonJS; and Metro, before it read `exports` and since.
 * The entries are those of package.json, so a new one is in it by itself.
 */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMPILERS, type Compiler, execute, installPacked, type Project, ROOT } from "./packed.ts";

const HERE = join(ROOT, "test/package");

let project: Project;
beforeAll(async () => {
  project = await installPacked();
  for (const peer of ["fastify", "lmdb", "@types", "undici-types", "csstype"]) {
    symlinkSync(join(ROOT, "node_modules", peer), join(project.folder, "node_modules", peer));
  }
});
afterAll(() => project.remove());

/** The way that TypeScript resolves modules, and the file that is one or is CommonJS. */
const MODES = {
  "node10, as Taro's template": { module: "commonjs", moduleResolution: "node10", file: "every.ts" },
  "node16, CommonJS": { module: "node16", moduleResolution: "node16", file: "every.cts" },
  "node16, a module": { module: "node16", moduleResolution: "node16", file: "every.mts" },
  bundler: { module: "esnext", moduleResolution: "bundler", file: "every.ts" },
};

const CASES = (Object.keys(COMPILERS) as Compiler[]).flatMap((compiler) =>
  (Object.keys(MODES) as (keyof typeof MODES)[])
    // TypeScript 7 has no node10.
    .filter((mode) => !(compiler === "TypeScript 7" && mode.startsWith("node10")))
    .map((mode) => [compiler, mode] as const),
);

describe("every entry", () => {
  test.each(CASES)("compiles with %s in %s, without a browser's types", async (compiler, mode) => {
    const { file, ...options } = MODES[mode];
    // The function is called, so that types are compared and not only found.
    const program = `${everyEntry()}
import { createParser, encode } from "tidings";
import { connect } from "tidings/client";
const parser = createParser({ onMessage: ({ data }) => console.log(data.toUpperCase()) });
parser.push(encode({ data: "ok" }));
export const read = () => connect("http://127.0.0.1/", { onMessage: ({ data }) => void data.length });
`;
    writeFileSync(join(project.folder, file), program);
    const configuration = {
      compilerOptions: {
        ...options,
        ...(compiler === "TypeScript 6.0" && options.moduleResolution === "node10"
          ? { ignoreDeprecations: "6.0" }
          : {}),
        target: "es2022",
        lib: ["es2022"],
        types: ["node"],
        strict: true,
        // Checking everybody's declarations takes long, and ours are the same in each mode.
        skipLibCheck: options.moduleResolution !== "bundler",
        noEmitOnError: false,
        outDir: "out",
      },
      files: [file],
    };
    writeFileSync(join(project.folder, "tsconfig.json"), JSON.stringify(configuration));
    expect(complaints(await compile(compiler))).toEqual([]);
    if (options.moduleResolution === "bundler") return;
    const built = join(project.folder, "out", file.replace("ts", "js"));
    expect(existsSync(built)).toBe(true);
    // What needs a package that is not installed here says so at run time, and only then.
    expect(await execute(process.execPath, [built], { cwd: project.folder })).toBe("OK\n");
  });

  test.each(["browser", "node"])("is required by Jest 29 in its %s environment", async (environment) => {
    const conditions =
      environment === "browser" ? ["browser", "require", "default"] : ["node", "require", "default"];
    writeFileSync(
      join(project.folder, "jest.config.json"),
      JSON.stringify({
        rootDir: ".",
        testEnvironment: join(HERE, "jest-29/node_modules/jest-environment-node"),
        testEnvironmentOptions: { customExportConditions: conditions },
        transform: {},
        testMatch: ["**/every.jest.js"],
        haste: { enableSymlinks: true },
        watchman: false,
      }),
    );
    writeFileSync(
      join(project.folder, "every.jest.js"),
      `${project.modules.map((entry) => `test("${entry}", () => expect(typeof require("${entry}")).toBe("object"));`).join("\n")}
test("one copy of each class", () => {
  const { EventStreamError } = require("tidings/client");
  expect(() => require("tidings/client").connect("ftp://")).toThrow();
  expect(new EventStreamError("network", "")).toBeInstanceOf(Error);
});
`,
    );
    const jest = join(HERE, "jest-29/node_modules/jest/bin/jest.js");
    expect(existsSync(jest), "Jest 29 is installed; npm test installs it").toBe(true);
    // Haste does not look into links, so the file is named.
    const args = [jest, "--config", "jest.config.json", "--runTestsByPath", "every.jest.js"];
    await execute(process.execPath, args, { cwd: project.folder });
  });

  test.each(["metro-0.80", "metro"])("is bundled by %s", async (version) => {
    const { default: Metro } = (await import(
      createRequire(join(HERE, "metro/package.json")).resolve(version)
    )) as { default: MetroLike };
    const code = await bundleByMetro(Metro, `${version}.js`, [
      "tidings",
      "tidings/client",
      "tidings/client/xhr",
      "tidings/mini-program",
      "tidings/store",
    ]);
    const said: string[] = [];
    runInContext(
      code,
      createContext({
        console: { log: (text: string) => said.push(text) },
        setTimeout,
        TextDecoder,
        TextEncoder,
        URL,
      }),
    );
    expect(said).toEqual(["OK"]);
  });
});

describe("a wrong field", () => {
  test.each(Object.keys(COMPILERS) as Compiler[])(
    "is what %s points at when it is published",
    async (compiler) => {
      const program = [
        'import { createHub } from "tidings/server";',
        "const hub = createHub<{ price: { bid: number }; news: { title: string } }>();",
        'void hub.publish("t", { event: "price", data: { bid: "1" } });',
        'void hub.publish([{ topic: "t", event: "price", data: { bid: "1" } }]);',
        'void hub.publish("t", { event: "price", data: { bid: 1 } });',
      ];
      writeFileSync(join(project.folder, "wrong.ts"), program.join("\n"));
      const compilerOptions = {
        module: "nodenext",
        target: "es2022",
        lib: ["es2022", "dom"],
        types: ["node"],
        strict: true,
        skipLibCheck: true,
        noEmit: true,
      };
      writeFileSync(
        join(project.folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, files: ["wrong.ts"] }),
      );
      const errors = complaints(await compile(compiler));
      const places = errors.flatMap((error) => {
        const [, line, column] = /^wrong\.ts\((\d+),(\d+)\)/.exec(error) ?? [];
        return line === undefined ? [] : [program[Number(line) - 1]!.slice(Number(column) - 1)];
      });
      // Older compilers point at the call, and name the field's type below it.
      const field = expect.stringMatching(
        compiler === "TypeScript 7" ? /^bid: "1"/ : /^(bid|publish|hub)\b/,
      ) as string;
      expect(places).toEqual([field, field]);
      expect(errors.join("\n")).toContain("Type 'string' is not assignable to type 'number'");
    },
  );
});

function everyEntry(): string {
  return project.modules
    .map((entry, at) => `import * as entry${at} from "${entry}";\nvoid entry${at};`)
    .join("\n");
}

/** @returns What it printed, whether it complained or not. */
async function compile(compiler: Compiler): Promise<string> {
  expect(existsSync(COMPILERS[compiler]), `${compiler} is installed; npm test installs it`).toBe(true);
  try {
    return await execute(process.execPath, [COMPILERS[compiler], "--pretty", "false", "-p", "."], {
      cwd: project.folder,
    });
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is said of the program or of our declarations; those of others are theirs to mend. Each with the lines that go on below it. */
function complaints(output: string): string[] {
  const errors: string[] = [];
  for (const line of output.split("\n")) {
    if (/error TS/.test(line)) errors.push(line);
    else if (line.startsWith(" ")) errors.push(`${errors.pop() ?? ""}\n${line}`);
  }
  return errors.filter((error) => !/^(\.\.\/|node_modules\/(?!tidings\/))/.test(error));
}

interface MetroLike {
  loadConfig(argv: object, defaults: object): Promise<object>;
  runBuild(config: object, options: object): Promise<{ code: string }>;
}

async function bundleByMetro(Metro: MetroLike, name: string, entries: readonly string[]): Promise<string> {
  const folder = join(project.folder, "app");
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, name);
  writeFileSync(
    entry,
    `${entries.map((name, at) => `import * as entry${at} from "${name}";`).join("\n")}
const { createParser, encode } = entry0;
createParser({ onMessage: ({ data }) => console.log(data.toUpperCase()) }).push(new TextEncoder().encode(encode({ data: "ok" })));
[${entries.map((_, at) => `entry${at}`).join(", ")}].forEach((entry) => { if (Object.keys(entry).length === 0) throw new Error("empty"); });
`,
  );
  const metro = createRequire(join(HERE, "metro/package.json"));
  const config = await Metro.loadConfig(
    { cwd: project.folder },
    {
      projectRoot: project.folder,
      watchFolders: [join(HERE, "metro/node_modules")],
      resolver: { nodeModulesPaths: [join(HERE, "metro/node_modules")], useWatchman: false },
      transformer: {
        babelTransformerPath: metro.resolve("metro-babel-transformer"),
        getTransformOptions: async () => ({ transform: { experimentalImportSupport: true } }),
      },
      reporter: { update() {} },
      maxWorkers: 1,
    },
  );
  const { code } = await Metro.runBuild(config, { entry, dev: false, minify: false, platform: "ios" });
  return code;
}
