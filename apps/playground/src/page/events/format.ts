/**
 * Numbers as a reader wants them, the same in every language.
 */

/** `"0 B"`, `"1.4 kB"`, `"2.0 MB"`: thousands, as networks count. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** `"12 ms"`, `"3.2 s"`, `"4:05"`, `"1:04:05"`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return (hours > 0 ? [hours, ...parts] : parts).join(":").replace(/^0/, "");
}

/** `"14:03:07.042"`, in the reader's time zone. */
export function formatTime(at: Date): string {
  const parts = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${parts.join(":")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** `"1,000"`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}
