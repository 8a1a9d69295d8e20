/**
 * Every place where the package takes code, a promise, an iterable or a store that is not ours, read from its own declarations:
 * a new option is in the list by itself, and the harness fails until it has a case.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as TypeScript from "../package/older-typescript/node_modules/typescript-5.9/lib/typescript.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKAGE = join(ROOT, "packages/tidings");

// The one whose compiler can be asked; the newest has no such interface.
const require = createRequire(join(ROOT, "test/package/older-typescript/package.json"));
const ts = require("typescript-5.9") as typeof TypeScript;

/** `Type.member` and `function(parameter)`, sorted. */
export function foreignCode(): string[] {
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { exports: object };
  const files = Object.values(exports)
    .map((entry) => typesOf(entry))
    .filter((path) => path !== undefined)
    .map((path) => join(PACKAGE, path));
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
    types: ["node"],
    strict: true,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const found = new Set<string>();
  const seen = new Set<TypeScript.Type>();

  for (const file of files) {
    const source = program.getSourceFile(file)!;
    for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(source)!)) {
      const real = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      if (!(real.flags & ts.SymbolFlags.Value)) continue;
      const type = checker.getTypeOfSymbol(real);
      for (const signature of type.getCallSignatures()) visitCall(real.name, signature);
      for (const signature of type.getConstructSignatures()) visitCall(`new ${real.name}`, signature);
    }
  }
  return [...found].sort();

  /** What is handed to a function of ours, and to the methods of what it returns. */
  function visitCall(name: string, signature: TypeScript.Signature): void {
    for (const parameter of signature.getParameters()) {
      visitGiven(`${name}(${parameter.name})`, checker.getTypeOfSymbol(parameter), 0);
    }
    visitReturned(checker.getReturnTypeOfSignature(signature));
  }

  function visitReturned(given: TypeScript.Type): void {
    for (const type of partsOf(checker.getAwaitedType(given) ?? given)) {
      if (seen.has(type) || !isOurs(type)) continue;
      seen.add(type);
      for (const property of type.getProperties()) {
        if (property.name.startsWith("_")) continue;
        const signatures = checker.getTypeOfSymbol(property).getCallSignatures();
        for (const signature of signatures) visitCall(`${nameOf(type)}.${property.name}`, signature);
      }
    }
  }

  /** Something that the application gives: code, what yields or settles later, or an object with such in it. */
  function visitGiven(name: string, given: TypeScript.Type, depth: number): void {
    for (const type of partsOf(given)) {
      if (type.getCallSignatures().length > 0 || isLater(type)) {
        found.add(name);
        continue;
      }
      if (depth > 4 || !isOurs(type)) continue;
      for (const property of type.getProperties()) {
        const inner = checker.getTypeOfSymbol(property);
        const label = nameOf(type) === "" ? name : nameOf(type);
        visitGiven(`${label}.${property.name}`, inner, depth + 1);
      }
    }
  }

  function partsOf(type: TypeScript.Type, depth = 0): TypeScript.Type[] {
    if (depth > 8) return [];
    if (type.isUnionOrIntersection()) return type.types.flatMap((part) => partsOf(part, depth + 1));
    if (type.flags & ts.TypeFlags.Object) return [type];
    const bound = checker.getBaseConstraintOfType(type);
    return bound === undefined || bound === type || !(bound.flags & ts.TypeFlags.StructuredType)
      ? []
      : partsOf(bound, depth + 1);
  }

  function isLater(type: TypeScript.Type): boolean {
    const { name } = type.getSymbol() ?? {};
    return ["Promise", "PromiseLike", "AsyncIterable", "Iterable", "ReadableStream"].includes(name ?? "");
  }

  function nameOf(type: TypeScript.Type): string {
    const { name } = type.aliasSymbol ?? type.getSymbol() ?? { name: "" };
    return name.startsWith("__") ? "" : name;
  }

  function isOurs(type: TypeScript.Type): boolean {
    const declared = (type.aliasSymbol ?? type.getSymbol())?.declarations ?? [];
    return declared.some((node) => node.getSourceFile().fileName.startsWith(PACKAGE));
  }
}

/** The declarations of one entry: those of modules, where CommonJS has its own. */
function typesOf(entry: unknown): string | undefined {
  const { types } = (typeof entry === "object" ? entry : {}) as { types?: string | { default: string } };
  return typeof types === "object" ? types.default : types;
}
