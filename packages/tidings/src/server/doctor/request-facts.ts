/**
 * What is read of a request, of whatever server.
 * This module is browser compatible.
 */
export interface RequestFacts {
  readonly method: string;
  readonly query: string;
  readonly httpVersion: string;
  readonly peer: string;
  readonly headers: Iterable<readonly [string, string]>;
  header(name: string): string | undefined;
}
