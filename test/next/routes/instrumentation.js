/** None, but Next takes that of a folder above where there is no file. */
export function register() {}
