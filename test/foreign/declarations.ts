/**
 * The package as its declarations show it: every function, class and method that an application can call. What the harnesses of this
 * folder attack is read from here, so that nothing new is forgotten.
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
export const ts = require("typescript-5.9") as typeof TypeScript;

/** `hub.subscribe` with what it is given, by the name of what it belongs to. */
export interface Call {
  /** `Hub.subscribe`, `new EventSource`, `openStream` */
  readonly name: string;
  readonly signature: TypeScript.Signature;
}

export interface Declarations {
  readonly checker: TypeScript.TypeChecker;
  /** Functions and constructors, and the methods of what they return or resolve with; with all their overloads. */
  readonly calls: readonly Call[];
  /** A type as a foreign module has it: one of foreign-types.ts. */
  foreign(this: void, name: string): TypeScript.Type;
  /** The objects that a type stands for: the parts of a union, and what a parameter is bound by. */
  partsOf(this: void, type: TypeScript.Type): TypeScript.Type[];
  isOurs(this: void, type: TypeScript.Type): boolean;
  nameOf(this: void, type: TypeScript.Type): string;
}

export function readDeclarations(): Declarations {
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { exports: object };
  const files = Object.values(exports)
    .map((entry) => typesOf(entry))
    .filter((path) => path !== undefined)
    .map((path) => join(PACKAGE, path));
  const foreignTypes = join(ROOT, "test/foreign/foreign-types.ts");
  const program = ts.createProgram([...files, foreignTypes], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
    types: ["node"],
    strict: true,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const calls: Call[] = [];
  const seen = new Set<TypeScript.Type>();

  for (const symbol of files.flatMap(exportsOf)) {
    if (!(symbol.flags & ts.SymbolFlags.Value)) continue;
    const type = checker.getTypeOfSymbol(symbol);
    for (const signature of type.getCallSignatures()) visitCall(symbol.name, signature);
    for (const signature of type.getConstructSignatures()) visitCall(`new ${symbol.name}`, signature);
  }
  return { checker, calls, foreign, partsOf, isOurs, nameOf };

  function exportsOf(file: string): TypeScript.Symbol[] {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
    return checker
      .getExportsOfModule(module)
      .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));
  }

  function foreign(name: string): TypeScript.Type {
    const symbol = exportsOf(foreignTypes).find((one) => one.name === name);
    if (symbol === undefined) throw new Error(`Cannot find type ${name} in foreign-types.ts`);
    return checker.getDeclaredTypeOfSymbol(symbol);
  }

  function visitCall(name: string, signature: TypeScript.Signature): void {
    calls.push({ name, signature });
    visitReturned(name, checker.getReturnTypeOfSignature(signature));
  }

  function visitReturned(name: string, given: TypeScript.Type): void {
    for (const type of partsOf(checker.getAwaitedType(given) ?? given)) {
      const called = type.getCallSignatures();
      if (seen.has(type) || (!isOurs(type) && called.length === 0)) continue;
      seen.add(type);
      const own = nameOf(type);
      for (const signature of called) visitCall(own === "" ? `${name}()` : own, signature);
      for (const property of type.getProperties()) {
        if (property.name.startsWith("_")) continue;
        const signatures = checker.getTypeOfSymbol(property).getCallSignatures();
        for (const signature of signatures) visitCall(`${own}.${property.name}`, signature);
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

  function nameOf(type: TypeScript.Type): string {
    const { name } = type.aliasSymbol ?? type.getSymbol() ?? { name: "" };
    return name.startsWith("__") ? "" : name;
  }

  function isOurs(type: TypeScript.Type): boolean {
    const declared = (type.aliasSymbol ?? type.getSymbol())?.declarations ?? [];
    return declared.some((node) => node.getSourceFile().fileName.startsWith(PACKAGE));
  }
}

/** Entries of the package whose declarations are not read: those that have none. */
export function unreadEntries(): string[] {
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { exports: object };
  return Object.entries(exports)
    .filter(([, entry]) => typesOf(entry) === undefined)
    .map(([name]) => name);
}

/** The declarations of one entry: those of modules, where CommonJS has its own. */
function typesOf(entry: unknown): string | undefined {
  const { types } = (typeof entry === "object" ? entry : {}) as { types?: string | { default: string } };
  return typeof types === "object" ? types.default : types;
}
