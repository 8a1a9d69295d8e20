/**
 * What npm would publish, in the hands of a stranger: every entry from modules, from CommonJS, from TypeScript old and
 * new, and in a bundle for the browser.
 */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { runnerImport } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMPILERS, type Compiler, execute, installPacked, type Project, ROOT } from "./packed.ts";

const PRINTED = [
  '[{"event":"price","data":"1\\n2","id":"7"}]',
  'message {"time":"10:00:00"}',
  "close bye",
  "again message",
  "again close",
  "source bye",
];

let project: Project;
beforeAll(async () => {
  project = await installPacked();
});
afterAll(() => project.remove());

const node = (...args: string[]): Promise<string> => execute(process.execPath, args, { cwd: project.folder });

describe("the tarball", () => {
  test("shows an error that nobody catches, and not the whole file above it", async () => {
    const mistaken = `import { createHub } from "tidings/server"; createHub({ log: "redis://127.0.0.1" });`;
    const printed = await node("--input-type=module", "-e", mistaken).then(
      () => "",
      (error: unknown) => String(error),
    );
    expect(printed).toContain("TypeError: Cannot create hub: log is");
    expect(printed.length).toBeLessThan(3_000);
  });

  test("holds what is built, a folder for each entry, and no source, map or test", () => {
    expect(project.files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "dist/index.js"]));
    const others = project.files.filter((path) => !/^(dist|miniprogram_dist)\//.test(path));
    const folders = project.entries
      .filter((entry) => entry !== "tidings")
      .map((entry) => `${entry.replace("tidings/", "")}/package.json`);
    expect(others.sort()).toEqual(["LICENSE", "README.md", "package.json", ...folders].sort());
    expect(project.files.filter((path) => /\.test\.|oracle|vectors|bench|\.map$/.test(path))).toEqual([]);
  });

  test("is small", () => {
    console.log(`tidings.tgz: ${project.files.length} files, ${project.bytes} B unpacked`);
    expect(project.files.length).toBeLessThanOrEqual(300);
    expect(project.bytes).toBeLessThanOrEqual(1_600_000);
  });

  test("has a README that names every entry, and links to pages that are there", () => {
    const readme = readFileSync(join(project.folder, "node_modules/tidings/README.md"), "utf8");
    expect(project.modules.filter((entry) => !readme.includes(`\`${entry}\``))).toEqual([]);
    const { homepage } = installed("package.json") as { homepage: string };
    const repository = `${homepage.replace("#readme", "")}/blob/main/`;
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((link) => !link.startsWith(repository))).toEqual([]);
    expect(links.filter((link) => !existsSync(join(ROOT, link.slice(repository.length))))).toEqual([]);
  });

  test("says where it comes from", () => {
    const { repository, homepage, bugs } = installed("package.json") as Record<string, unknown>;
    expect([repository, homepage, bugs]).not.toContain(undefined);
  });

  test("has no runtime dependency", () => {
    const { dependencies } = installed("package.json") as { dependencies?: unknown };
    expect(dependencies).toBeUndefined();
  });

  test("has nothing built whose source is gone", () => {
    const source = join(ROOT, "packages/tidings/src");
    const orphans = project.files
      .filter((path) => /^dist\/(?!cjs\/).*\.js$/.test(path) && !path.includes("/shared/"))
      .filter((path) => !existsSync(join(source, path.replace("dist/", "").replace(/\.js$/, ".ts"))));
    expect(orphans).toEqual([]);
    // What entries share is in files of its own, and each of them is imported.
    const modules = project.files.filter((path) => /^dist\/.*\.js$/.test(path));
    const texts = modules.map((path) =>
      readFileSync(join(project.folder, "node_modules/tidings", path), "utf8"),
    );
    const shared = modules.filter((path) => path.includes("/shared/"));
    expect(shared.length).toBeGreaterThan(20);
    expect(
      shared.filter((path) => !texts.some((text) => text.includes(`/${path.split("/").at(-1)!}`))),
    ).toEqual([]);
  });

  test("is clean to publint", async () => {
    const publint = join(ROOT, "node_modules/publint/src/cli.js");
    expect(await node(publint, "run", "--strict", "node_modules/tidings")).toContain("All good!");
  });

  test("is clean to are-the-types-wrong", async () => {
    const attw = join(ROOT, "node_modules/@arethetypeswrong/cli/dist/index.js");
    // A row an entry, however many there are.
    const format = ["--format", "table-flipped", "--no-color", "--no-emoji"];
    const report = await node(attw, project.tarball, ...format);
    // As node10, as CommonJS, as a module, and for a bundler.
    for (const entry of project.entries) {
      expect(report).toMatch(new RegExp(`"${entry}" +│ OK +│ OK \\(CJS\\) +│ OK \\((ESM|CJS)\\) +│ OK `));
    }
  });
});

describe("at run time", () => {
  test("every entry is there for import and for require, with the same names", async () => {
    const imported = JSON.parse(await node("names.mjs", ...project.modules)) as Record<string, string[]>;
    const required = JSON.parse(await node("names.cjs", ...project.modules)) as Record<string, string[]>;
    expect(required).toEqual(imported);
    // Node's require takes the module too: there is one of each class in a process.
    const same = `const one = require("tidings/client"); import("tidings/client").then((two) => console.log(one.connect === two.connect))`;
    expect(await node("--input-type=commonjs", "--eval", same)).toBe("true\n");
    expect(Object.keys(imported)).toEqual(
      expect.arrayContaining(["tidings", "tidings/client", "tidings/mini-program", "tidings/server"]),
    );
    // The polyfill is imported for its effect.
    const silent = Object.keys(imported).filter((entry) => imported[entry]?.length === 0);
    expect(silent).toEqual(["tidings/client/polyfill"]);
    expect(imported["tidings"]).toEqual(expect.arrayContaining(["MessageStream", "createParser", "encode"]));
    expect(imported["tidings/server"]).toEqual(expect.arrayContaining(["openStream"]));
    expect(imported["tidings/client"]).toEqual(expect.arrayContaining(["EventSource", "connect"]));
    expect(imported["tidings/mini-program"]).toEqual(
      expect.arrayContaining(["connect", "fromTaro", "fromWx"]),
    );
  });
});

describe("in Vitest", () => {
  // Where a package is linked, Vite loads it and not Node. It rewrites the names of imports, and has confused short ones.
  test("every entry loads where Vite transforms it", async () => {
    // The one for mini programs is CommonJS, which Vite leaves to Node.
    for (const entry of project.modules.filter((name) => name !== "tidings/mini-program")) {
      const { module } = await runnerImport<unknown>(entry, {
        root: ROOT,
        configFile: false,
        logLevel: "silent",
        environments: { __import: { resolve: { noExternal: [/^tidings/] } } },
        ssr: { noExternal: [/^tidings/] },
      });
      expect(module, entry).toBeTypeOf("object");
    }
  });
});

describe("in TypeScript", () => {
  test.each(Object.keys(COMPILERS) as Compiler[])(
    "%s compiles a module in nodenext mode, and it runs",
    async (compiler) => {
      await compile(compiler, "round-trip.mts", { module: "nodenext" });
      expect(await node("out/round-trip.mjs").then(lines)).toEqual(PRINTED);
    },
  );

  test.each(Object.keys(COMPILERS) as Compiler[])(
    "%s compiles CommonJS in nodenext mode, and it runs",
    async (compiler) => {
      await compile(compiler, "round-trip.cts", { module: "nodenext" });
      expect(readFileSync(join(project.folder, "out/round-trip.cjs"), "utf8")).toContain(
        'require("tidings/server")',
      );
      expect(await node("out/round-trip.cjs").then(lines)).toEqual(PRINTED);
    },
  );

  test.each(Object.keys(COMPILERS) as Compiler[])("%s takes it in bundler mode", async (compiler) => {
    expect(await compile(compiler, "round-trip.ts", { module: "esnext", moduleResolution: "bundler" })).toBe(
      "",
    );
  });

  test.each(Object.keys(COMPILERS) as Compiler[])(
    "%s takes what browsers use without Node's types",
    async (compiler) => {
      expect(
        await compile(compiler, "browser.ts", {
          module: "esnext",
          moduleResolution: "bundler",
          types: [],
          skipLibCheck: false,
        }),
      ).toBe("");
    },
  );

  test.each(Object.keys(COMPILERS) as Compiler[])("%s takes what components use", async (compiler) => {
    expect(await compile(compiler, "hooks.ts", { module: "esnext", moduleResolution: "bundler" })).toBe("");
  });

  test("a mistake in the call is a mistake in the types", async () => {
    writeFileSync(
      join(project.folder, "wrong.ts"),
      'import { encode } from "tidings";\nencode({ evnet: "price", data: "1" });\n',
    );
    await expect(compile("TypeScript 7", "wrong.ts", { module: "nodenext" })).rejects.toThrow(
      "'evnet' does not exist",
    );
  });
});

describe("in a bundle for the browser", () => {
  test.each([
    "tidings",
    "tidings/client",
    "tidings/mini-program",
    "tidings/react",
    "tidings/store",
    "tidings/vue",
  ])("%s brings no server code and nothing of Node's", async (entry) => {
    const { inputs } = await bundle(`export * from "${entry}";`);
    expect(inputs.length).toBeGreaterThan(1);
    expect(
      inputs.filter(
        (path) =>
          !/^node_modules\/tidings\/(miniprogram_dist|dist\/(index|shared\/|guard\/|wire\/|client\/|store\/|react\/|vue\/))|^<stdin>$/.test(
            path,
          ),
      ),
    ).toEqual([]);
  });

  test("what is not used is not there", async () => {
    const { inputs } = await bundle('import { encode } from "tidings"; console.log(encode({ data: "1" }));');
    expect(inputs.filter((path) => path.includes("tidings"))).toEqual([
      "node_modules/tidings/dist/shared/encode.js",
    ]);
  });

  test("it runs where there is only what every browser has", async () => {
    const { code } = await bundle(`
      import { createParser, encode } from "tidings";
      const parser = createParser({ onMessage: (message) => { globalThis.seen = message.data; } });
      parser.push(new TextEncoder().encode(encode({ data: "你好" })));`);
    const browser = createContext({ TextDecoder, TextEncoder });
    runInContext(code, browser);
    expect(browser["seen"]).toBe("你好");
  });
});

function installed(path: string): unknown {
  return JSON.parse(readFileSync(join(project.folder, "node_modules/tidings", path), "utf8"));
}

const lines = (text: string): string[] => text.trimEnd().split("\n");

/** Compiles one file of the project, named after the one in `consumer/` whose text it takes. @returns What the compiler says. */
async function compile(compiler: Compiler, file: string, options: Record<string, unknown>): Promise<string> {
  const source = file.replace(/\.[mc]ts$/, ".ts");
  if (source !== file) copyFileSync(join(project.folder, source), join(project.folder, file));
  const configuration = {
    compilerOptions: {
      target: "es2022",
      // 5.0 does not know the last one.
      lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"].slice(
        0,
        compiler === "TypeScript 5.0" ? 3 : 4,
      ),
      strict: true,
      skipLibCheck: true,
      typeRoots: [join(ROOT, "node_modules/@types")],
      types: ["node"],
      outDir: "out",
      ...options,
    },
    files: [file],
  };
  writeFileSync(join(project.folder, "tsconfig.json"), JSON.stringify(configuration));
  expect(existsSync(COMPILERS[compiler]), `${compiler} is installed; npm test installs it`).toBe(true);
  return node(COMPILERS[compiler], "-p", ".");
}

async function bundle(contents: string): Promise<{ code: string; inputs: string[] }> {
  const result = await build({
    stdin: { contents, resolveDir: project.folder },
    absWorkingDir: project.folder,
    bundle: true,
    write: false,
    metafile: true,
    platform: "browser",
    external: ["react", "vue"],
    treeShaking: true,
    format: contents.startsWith("export") ? "esm" : "iife",
    logLevel: "silent",
  });
  const [output] = Object.values(result.metafile.outputs);
  const used = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { code: result.outputFiles[0]?.text ?? "", inputs: used.map(([path]) => path) };
}
