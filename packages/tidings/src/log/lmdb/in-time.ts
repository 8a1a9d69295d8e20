/** What is waited for until a deadline, and goes on by itself behind it. */
import { ignore } from "../../guard/ignore.ts";
import { DeadlineTimer } from "../appending/deadline-timer.ts";

/** @param late - Why it is given up. */
export async function inTime<T>(waiting: Promise<T>, endsMs: number, late: () => Error): Promise<T> {
  let timer: DeadlineTimer | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = new DeadlineTimer(() => {
      reject(late());
      return undefined;
    });
    timer.arm(endsMs);
  });
  waiting.catch(ignore);
  try {
    return await Promise.race([waiting, over]);
  } finally {
    timer?.clear();
  }
}
