import { discard } from '../wire/reader.ts';
import { sleep, untilAborted } from '../wire/signals.ts';
import { factsOf, verdictOf } from './failures.ts';
import { LONGEST_DELAY_MS, retrier, retryDelayMs } from './retry.ts';

/** So many waits without one request that passes in between, and a request fails. */
const MOST_WAITS = 10;

/** Options of a {@link Pace}. */
export interface PaceOptions {
  /** Tries after the first, for failures that may pass; a wait that the server asks for is not counted. */
  readonly retries: number;
  readonly onWait?: (waitMs: number) => void;
}

/**
 * Sends many requests at one pace. When the API says that there were too many
 * (429), none is sent for as long as it says: the SDK's own retries would
 * hold back that one request only, while the others use up what it waits for.
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
    const again = retrier({ retries, mayRetry: (error) => verdictOf(error).passes, signal });
    for (;;) {
      signal.throwIfAborted();
      for (let wait = this.#waitMs(); wait > 0; wait = this.#waitMs()) await sleep(wait, signal);
      const sentAt = performance.now();
      try {
        // Also of a `fetch` that ignores its signal.
        const response = await untilAborted(request(), signal, discard);
        this.#waits = 0;
        return response;
      } catch (error) {
        if (signal.aborted) throw error;
        if (factsOf(error).status !== 429) await again(error);
        else if (!this.#hold(error, sentAt)) throw error;
      }
    }
  }

  #waitMs(): number {
    return this.#heldUntil - performance.now();
  }

  /** Holds everything back; `false` where that would take too long. */
  #hold(error: unknown, sentAt: number): boolean {
    const wait = retryDelayMs(error, Math.min(this.#waits, 6));
    // Requests already in flight when the hold began count as one refusal.
    const isNew = sentAt >= this.#heldSince;
    if (wait > LONGEST_DELAY_MS || (isNew && this.#waits >= MOST_WAITS)) return false;
    if (isNew) {
      this.#waits++;
      this.#heldSince = performance.now();
      this.#options.onWait?.(wait);
    }
    this.#heldUntil = Math.max(this.#heldUntil, performance.now() + wait);
    return true;
  }
}
