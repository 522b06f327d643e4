import { sleep } from '../wire/signals.ts';
import { headerOf } from './failures.ts';

/** Where the server asks for a longer wait, the request fails: its error says more than silence. */
export const LONGEST_DELAY_MS = 60_000;

/** What is sent again, and how often. */
export interface RetryPolicy {
  /** Tries after the first. */
  readonly retries: number;
  readonly mayRetry: (error: unknown) => boolean;
  readonly signal: AbortSignal;
}

/**
 * The one rule of trying again. What it gives is awaited where something failed: it
 * waits as `retry-after` says, and throws the error where that is not to be tried again.
 *
 * ```ts
 * const again = retrier({ retries, mayRetry, signal });
 * for (;;) {
 *   try {
 *     return await request();
 *   } catch (error) {
 *     await again(error);
 *   }
 * }
 * ```
 */
export function retrier({ retries, mayRetry, signal }: RetryPolicy): (error: unknown) => Promise<void> {
  let attempt = 0;
  return async (error) => {
    if (attempt >= retries || signal.aborted || !mayRetry(error)) throw error;
    const delay = retryDelayMs(error, attempt++);
    if (delay > LONGEST_DELAY_MS) throw error;
    await sleep(delay, signal);
  };
}

/** `retry-after-ms`, `retry-after` in seconds or as a date; else half a second, doubled with each try. */
export function retryDelayMs(error: unknown, attempt: number): number {
  const milliseconds = Number(headerOf(error, 'retry-after-ms') ?? Number.NaN);
  if (milliseconds >= 0) return milliseconds;
  const after = headerOf(error, 'retry-after') ?? '';
  const seconds = Number(after === '' ? Number.NaN : after);
  const wait = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
  return wait >= 0 ? wait : 500 * 2 ** attempt;
}
