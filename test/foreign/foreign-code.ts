/**
 * Every place where the package takes code, a promise, an iterable or a store that is not ours, read from its own declarations:
 * a new option is in the list by itself, and the harness fails until it has a case.
 */
import type * as TypeScript from "../package/older-typescript/node_modules/typescript-5.9/lib/typescript.js";
import { readDeclarations } from "./declarations.ts";

/** `Type.member` and `function(parameter)`, sorted. */
export function foreignCode(): string[] {
  const { checker, calls, partsOf, isOurs, nameOf } = readDeclarations();
  const found = new Set<string>();
  for (const { name, signature } of calls) {
    for (const parameter of signature.getParameters()) {
      visitGiven(`${name}(${parameter.name})`, checker.getTypeOfSymbol(parameter), 0);
    }
  }
  return [...found].sort();

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

  function isLater(type: TypeScript.Type): boolean {
    const { name } = type.getSymbol() ?? {};
    return ["Promise", "PromiseLike", "AsyncIterable", "Iterable", "ReadableStream"].includes(name ?? "");
  }
}
