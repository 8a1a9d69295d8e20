/**
 * Requests and responses of the servers that streams are opened on: as much of each as is used here.
 * This module is browser compatible.
 */

/** What we read of a request: `IncomingMessage`, `Http2ServerRequest` and Fastify's request have it. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly httpVersionMajor?: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly socket: unknown;
  /** The request that Fastify's is about. */
  readonly raw?: { readonly httpVersionMajor: number };
}

/** What we use of a response: `ServerResponse` and `Http2ServerResponse` have it. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly socket: unknown;
  setHeader(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): void;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  on(name: string, listener: () => void): unknown;
}

/** What we use of Fastify's reply. */
export interface FastifyReply {
  readonly raw: NodeResponse;
  hijack(): unknown;
  getHeaders(): Readonly<Record<string, number | string | readonly string[] | undefined>>;
}

/** What we read of a request: the standard's `Request` has it. */
export interface FetchRequest {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
  readonly signal?: AbortSignal | null;
}
