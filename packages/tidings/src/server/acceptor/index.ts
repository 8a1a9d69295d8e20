/**
 * Event streams in front of a node:http server: most of what an idle stream costs there is saved.
 */
export {
  type Acceptor,
  type AcceptorAuthorization,
  type AcceptorAuthorize,
  type AcceptorOptions,
  type AcceptorServer,
  type AcceptorStatistics,
  createAcceptor,
  type StreamHandler,
  type StreamRequest,
} from "./acceptor.ts";
