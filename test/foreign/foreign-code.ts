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
        // What it gives may have code in it, too.
        if (depth > 4) continue;
        for (const signature of type.getCallSignatures()) {
          const given = checker.getReturnTypeOfSignature(signature);
          visitGiven(`${name}()`, checker.getAwaitedType(given) ?? given, depth + 1);
        }
        continue;
      }
      if (depth > 4) continue;
      if (checker.isArrayType(type) || checker.isTupleType(type)) {
        for (const inner of checker.getTypeArguments(type as TypeScript.TypeReference)) {
          visitGiven(`${name}[]`, inner, depth + 1);
        }
        continue;
      }
      if (!isOurs(type)) {
        if (isOfOtherPackage(type)) found.add(name);
        continue;
      }
      for (const { type: inner } of checker.getIndexInfosOfType(type)) {
        visitGiven(`${nameOf(type) || name}[]`, inner, depth + 1);
      }
      for (const property of type.getProperties()) {
        // The compiler's own numbers for well-known symbols differ from one to the next.
        if (property.name.startsWith("__@")) continue;
        const inner = checker.getTypeOfSymbol(property);
        const label = nameOf(type) === "" ? name : nameOf(type);
        visitGiven(`${label}.${property.name}`, inner, depth + 1);
      }
    }
  }

  /** An object with methods that some other package declares, and not the platform. */
  function isOfOtherPackage(type: TypeScript.Type): boolean {
    const [node] = type.getSymbol()?.declarations ?? [];
    const file = node?.getSourceFile().fileName ?? "";
    return (
      file.includes("/node_modules/") &&
      !/\/node_modules\/(?:@types\/node|typescript[^/]*|undici-types)\//.test(file) &&
      type
        .getProperties()
        .some((property) => checker.getTypeOfSymbol(property).getCallSignatures().length > 0)
    );
  }

  function isLater(type: TypeScript.Type): boolean {
    const { name } = type.getSymbol() ?? {};
    return ["Promise", "PromiseLike", "AsyncIterable", "Iterable", "ReadableStream"].includes(name ?? "");
  }
}
