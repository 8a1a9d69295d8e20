/**
 * What may be left out.
 * This module is browser compatible.
 */

/** Options that may be left out, or be undefined, as `request.ip` may be. */
export type Given<Options> = { [Name in keyof Options]?: Options[Name] | undefined };
