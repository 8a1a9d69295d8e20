/**
 * Every number that an application hands us as an option, a parameter or a property of what it gives, as the package's declarations
 * show it: `HubOptions.limits.streams`, `EventStream.heartbeat(ms)`.
 */
import type * as TypeScript from "../package/older-typescript/node_modules/typescript-5.9/lib/typescript.js";
import { readDeclarations, ts } from "./declarations.ts";

export function numericOptions(): string[] {
  const { checker, calls, partsOf, isOurs, nameOf } = readDeclarations();
  const found = new Set<string>();
  const seen = new Set<TypeScript.Type>();

  for (const { name, signature } of calls) {
    for (const parameter of signature.parameters) {
      const type = checker.getTypeOfSymbol(parameter);
      if (isNumber(type)) found.add(`${name}(${parameter.name})`);
      else visit(`${name}(${parameter.name})`, type);
    }
  }
  return [...found].sort();

  function visit(owner: string, given: TypeScript.Type): void {
    for (const type of partsOf(given)) {
      const element =
        checker.isArrayType(type) && checker.getTypeArguments(type as TypeScript.TypeReference)[0];
      if (element) visit(`${owner}[]`, element);
      if (seen.has(type) || (!isOurs(type) && nameOf(type) !== "")) continue;
      seen.add(type);
      const own = nameOf(type) === "" ? owner : nameOf(type);
      for (const property of type.getProperties()) {
        if (property.name.startsWith("_")) continue;
        const held = checker.getTypeOfSymbol(property);
        if (held.getCallSignatures().length > 0) continue;
        const name = `${own}.${property.name}`;
        if (isNumber(held)) found.add(name);
        visit(name, held);
      }
    }
  }

  function isNumber(given: TypeScript.Type): boolean {
    const type = checker.getBaseConstraintOfType(given) ?? given;
    return (type.isUnion() ? type.types : [type]).some((part) => part.flags & ts.TypeFlags.NumberLike);
  }
}
