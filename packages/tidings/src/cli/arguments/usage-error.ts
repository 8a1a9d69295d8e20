/**
 * Something that the user can put right: it is shown as one line, without a stack trace.
 */
export class UsageError extends Error {
  /** The line below: what to do. Default: where the help is. */
  readonly hint: string | undefined;
  /** The exit status. */
  readonly status: number;

  constructor(message: string, hint?: string, status = 2) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
    this.status = status;
  }
}

/** What the system refused, in the words of `what` it was asked for. */
export function systemProblem(what: string, error: unknown, hint?: string): UsageError {
  return new UsageError(`${what}: ${reasonOf(error)}`, hint ?? "", 1);
}

/** The innermost message that says something, without the prefixes of Node. */
export function reasonOf(error: unknown): string {
  const { code, message, errors } = Object(error) as { code?: string; message?: string; errors?: unknown[] };
  // Node tries each address of a name, and joins what went wrong with an empty message.
  if (errors !== undefined && errors.length > 0) return reasonOf(errors[0]);
  const plain = code === undefined ? undefined : PLAIN[code];
  return plain ?? (message || code || String(error));
}

const PLAIN: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "permission denied",
  EADDRNOTAVAIL: "this machine has no such address",
  ECONNREFUSED: "connection refused: nothing is listening there",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "the host cannot be reached",
  EISDIR: "it is a directory",
  ENETUNREACH: "the network cannot be reached",
  ENOENT: "no such file or directory",
  ENOTDIR: "part of the path is not a directory",
  ENOTFOUND: "host not found (DNS has no address for it)",
  EAI_AGAIN: "DNS did not answer",
  ETIMEDOUT: "timed out",
  EMFILE: "this process has no file descriptors left (see ulimit -n)",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed (--insecure accepts it)",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate chain is self-signed (--insecure accepts it)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate cannot be verified (--insecure accepts it)",
  CERT_HAS_EXPIRED: "its certificate has expired (--insecure accepts it)",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host (--insecure accepts it)",
  EPROTO: "the server does not speak TLS on this port",
};
