/**
 * Everything of the package that takes what a peer sent, read from its own declarations: requests, whole servers, the addresses of
 * other servers, and their responses.
 */
import { type Declarations, readDeclarations, ts } from "./declarations.ts";

/** `Hub.subscribe` takes a request of node:http, `Hub.respond` one of the Fetch standard, `createAcceptor` a server. */
export function requestTakers(): string[] {
  const declarations = readDeclarations();
  return takers(declarations, [
    ["node", "NodeHttpRequest", "headers"],
    ["http2", "NodeHttp2Request", "headers"],
    ["Fastify", "FastifysRequest", "headers"],
    ["fetch", "StandardRequest", "headers"],
    ["server", "NodeHttpServer", "listeners"],
    ["server", "FastifyServer", "addHook"],
  ]);
}

/** `Answers.stop(id)`: what applications take from a request's path or body and pass on. */
export function nameTakers(): string[] {
  const { calls, checker } = readDeclarations();
  const found = calls.flatMap(({ name, signature }) =>
    signature
      .getParameters()
      .filter((parameter) => NAMES.test(parameter.name))
      .filter((parameter) => checker.getTypeOfSymbol(parameter).flags & ts.TypeFlags.String)
      .map((parameter) => `${name}(${parameter.name})`),
  );
  return [...new Set(found)].sort();
}

const NAMES = /^(?:.*[iI]d|topic|subscriber|offset|cursor|text|name|key)$/;

/** `connect` takes the address of a server, `readMessages` a response, `Parser.push` bytes of one. */
export function responseReaders(): string[] {
  const declarations = readDeclarations();
  const { calls, checker, nameOf } = declarations;
  const found = takers(declarations, [
    ["response", "StandardResponse", "body"],
    ["url", "StandardUrl", "href"],
    ["bytes", "Bytes", "byteLength"],
  ]);
  for (const { name, signature } of calls) {
    if (signature.getParameters().some((parameter) => parameter.name === "url")) found.push(`${name}: url`);
    if (nameOf(checker.getReturnTypeOfSignature(signature)) === "Transport") found.push(`${name}: transport`);
  }
  return [...new Set(found)].sort();
}

/** @param kinds - What a parameter takes: how it is called here, its type in foreign-types.ts, and a member that it needs. */
function takers(
  { checker, calls, foreign, partsOf }: Declarations,
  kinds: readonly (readonly [kind: string, type: string, member: string])[],
): string[] {
  const found = new Set<string>();
  for (const { name, signature } of calls) {
    for (const parameter of signature.getParameters()) {
      for (const part of partsOf(checker.getTypeOfSymbol(parameter))) {
        for (const [kind, type, member] of kinds) {
          // What takes any object, and options that may all be left out, take these too, and mean something else.
          const needed = part.getProperty(member);
          if (needed === undefined || needed.flags & ts.SymbolFlags.Optional) continue;
          if (checker.isTypeAssignableTo(foreign(type), part)) found.add(`${name}: ${kind}`);
        }
      }
    }
  }
  return [...found].sort();
}
