import { untilAborted } from '../wire/until-aborted.ts';
import { mayPass } from './may-pass.ts';
import { retryDelayMs, sleep } from './send.ts';

/** Told to wait longer than this, a request fails instead. */
const LONGEST_WAIT_MS = 120_000;
/** So many waits without one request that passes in between, and a request fails. */
const MOST_WAITS = 10;

/** Options of a {@link Pace}. */
export interface PaceOptions {
  /** Tries after the first, for failures that may pass; being told to wait is not counted. */
  readonly retries: number;
  readonly onWait: (waitMs: number) => void;
}

/**
 * Sends requests of one pipeline. When the API says that there were too many (429), none is sent for as long as it says: the SDK's own
 * retries would hold back that one request only, while the others use up what it waits for.
 *
 * Requests go out with `maxRetries: 0`, and must be safe to repeat.
 */
export class Pace {
  readonly #options: PaceOptions;
  #heldUntil = 0;
  #heldSince = 0;
  /** Waits since a request passed. */
  #waits = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  async send<T>(request: () => PromiseLike<T>, signal: AbortSignal): Promise<T> {
    const { retries } = this.#options;
    for (let attempt = 0; ; ) {
      signal.throwIfAborted();
      for (let wait = this.#waitMs(); wait > 0; wait = this.#waitMs()) await sleep(wait, signal);
      const sentAt = performance.now();
      try {
        // Also of a `fetch` that ignores its signal.
        const response = await untilAborted(request(), signal, cancelBody);
        this.#waits = 0;
        return response;
      } catch (error) {
        if (signal.aborted) throw error;
        if (statusOf(error) === 429) {
          if (!this.#hold(error, sentAt)) throw error;
        } else {
          if (attempt >= retries || !mayPass(error)) throw error;
          const delay = retryDelayMs(error, attempt++);
          if (delay > LONGEST_WAIT_MS) throw error;
          await sleep(delay, signal);
        }
      }
    }
  }

  #waitMs(): number {
    return this.#heldUntil - performance.now();
  }

  /** Holds everything back; `false` where that would take too long. */
  #hold(error: unknown, sentAt: number): boolean {
    const wait = retryDelayMs(error, Math.min(this.#waits, 6));
    // Those that were under way when the first was refused are one refusal.
    const isNew = sentAt >= this.#heldSince;
    if (wait > LONGEST_WAIT_MS || (isNew && this.#waits >= MOST_WAITS)) return false;
    if (isNew) {
      this.#waits++;
      this.#heldSince = performance.now();
      this.#options.onWait(wait);
    }
    this.#heldUntil = Math.max(this.#heldUntil, performance.now() + wait);
    return true;
  }
}

function cancelBody(late: unknown): void {
  if (late instanceof Response) void late.body?.cancel().catch(() => {});
}

function statusOf(error: unknown): unknown {
  return (error as { readonly status?: unknown } | null)?.status;
}
