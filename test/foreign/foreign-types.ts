/** What servers, frameworks and platforms hand to the package, as they declare it: see declarations.ts. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { IncomingMessage, Server } from "node:http";
import type { Http2ServerRequest } from "node:http2";

export type NodeHttpRequest = IncomingMessage;
export type NodeHttp2Request = Http2ServerRequest;
export type FastifysRequest = FastifyRequest;
export type StandardRequest = Request;
export type NodeHttpServer = Server;
export type FastifyServer = FastifyInstance;
export type StandardResponse = Response;
export type StandardUrl = URL;
export type Bytes = Uint8Array;
