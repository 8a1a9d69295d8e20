/**
 * The code of docs/react.md and docs/vue.md: each block compiles as a module of its own, and its components render on a server.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { beforeAll, expect, test } from "vitest";
import { execute, ROOT } from "../package/packed.ts";

const FOLDER = join(ROOT, "test/ui");
const BLOCKS = join(FOLDER, ".cache/docs");
const PROPS = { question: "你好", book: "1", loaded: ["tea"], cursor: "7" };
const installed = createRequire(join(FOLDER, "package.json"));

type Render = (this: void, element: unknown) => string | Promise<string>;

/** As much of the compiler of Vue's components as is used here. */
interface Compiler {
  parse(
    this: void,
    source: string,
  ): { descriptor: Record<"script" | "scriptSetup", { content: string } | null>; errors: unknown[] };
  compileScript(this: void, descriptor: unknown, options: object): { content: string };
}

beforeAll(async () => {
  await rm(BLOCKS, { recursive: true, force: true });
  await mkdir(BLOCKS, { recursive: true });
  await writeFile(
    join(BLOCKS, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false },
      include: ["*.ts", "*.tsx"],
      exclude: [],
    }),
  );
});

async function blocksOf(page: string, language: string): Promise<string[]> {
  const text = await readFile(join(ROOT, "docs", page), "utf8");
  return [...text.matchAll(/^```(\w+)(?: renders)?\n([^]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]!);
}

/** Bundles a module for Node, with the frameworks of this folder, and loads it. */
async function load(entry: string): Promise<Record<string, unknown>> {
  const outfile = `${entry}.cjs`;
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    jsx: "automatic",
    external: ["react", "react-dom", "vue", "@tanstack/react-query"],
    logLevel: "silent",
  });
  return installed(outfile) as Record<string, unknown>;
}

const compile = (): Promise<string> =>
  execute(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", BLOCKS], { cwd: ROOT });

test("docs/react.md", async () => {
  const { createElement } = installed("react") as {
    createElement(this: void, component: unknown, props: object): unknown;
  };
  const { renderToString } = installed("react-dom/server") as { renderToString: Render };
  const rendered: string[] = [];
  for (const [index, block] of (await blocksOf("react.md", "tsx")).entries()) {
    const file = join(BLOCKS, `react-${index}.tsx`);
    await writeFile(file, block);
    for (const [name, component] of Object.entries(await load(file))) {
      if (/^[A-Z]/.test(name))
        rendered.push(`${name} ${await renderToString(createElement(component, PROPS))}`);
    }
  }
  expect(rendered).toEqual([
    'News <ul aria-busy="true"></ul>',
    "Answer <article></article>",
    "Bid <b>0.00</b>",
    "Bid <b>0</b>",
    'Spread <b title="connecting">0<!-- --> – <!-- -->0</b>',
    "Orders <p>tea</p>",
  ]);
  await expect(compile()).resolves.toBe("");
});

test("docs/vue.md", async () => {
  const { compileScript, parse } = installed("vue/compiler-sfc") as Compiler;
  const { createSSRApp } = installed("vue") as { createSSRApp(this: void, component: unknown): unknown };
  const { renderToString } = installed("vue/server-renderer") as { renderToString: Render };
  const rendered: string[] = [];
  for (const [index, block] of (await blocksOf("vue.md", "vue")).entries()) {
    const { descriptor, errors } = parse(block);
    expect(errors).toEqual([]);
    const { script, scriptSetup } = descriptor;
    // What the compiler makes of a component is not typed; what is written is.
    const written = `${script?.content ?? ""}${scriptSetup!.content}\nexport {};`;
    await writeFile(join(BLOCKS, `vue-${index}.ts`), written);
    const { content } = compileScript(descriptor, {
      id: `${index}`,
      inlineTemplate: true,
      templateOptions: { ssr: true, id: `${index}`, ssrCssVars: [] },
    });
    const file = join(BLOCKS, `vue-${index}.compiled.mts`);
    await writeFile(file, content);
    const { default: component } = await load(file);
    rendered.push(await renderToString(createSSRApp(component)));
  }
  expect(rendered).toEqual([
    '<ul aria-busy="true"><!--[--><!--]--></ul>',
    "<!--[--><button>Ask</button><article> <!----></article><!--]-->",
    '<b title="connecting">0</b>',
  ]);
  await expect(compile()).resolves.toBe("");
});
