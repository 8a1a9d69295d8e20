/**
 * What tells two request bodies apart, for JSON to compare. JSON by itself shows forms, parameters and files as `{}`.
 * Not identity: a body is often made anew with each drawing.
 * This module is browser compatible.
 */

export function bodyKey(body: unknown): unknown {
  if (typeof body !== "object" || body === null) return body;
  if (body instanceof URLSearchParams) return String(body);
  if (body instanceof FormData) return [...body].map(([name, value]) => [name, bodyKey(value)]);
  if (body instanceof Blob) {
    const { size, type, name, lastModified } = body as Partial<File>;
    // A form makes a file of a blob, and of the time at which it does.
    return name === undefined || name === "blob" ? { size, type } : { size, type, name, lastModified };
  }
  // Views show their bytes to JSON; a buffer by itself, and a DataView, show nothing.
  if (body instanceof ArrayBuffer) return [...new Uint8Array(body)];
  if (body instanceof DataView)
    return bodyKey(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength));
  return body;
}
