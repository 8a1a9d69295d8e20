/** Never the same twice within minutes, in all processes of tests and benchmarks. */
export function freePort(): Promise<number>;
