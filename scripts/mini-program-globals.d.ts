/**
 * What every mini program's realm has beside ES2015, and so all that our code may use of it.
 */
declare function setTimeout(callback: () => void, delayMs: number): number;
declare function clearTimeout(timer: number | undefined): void;
