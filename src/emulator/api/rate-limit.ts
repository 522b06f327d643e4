import { ApiFailure } from '../protocol/http.ts';

/** So many requests in so much time. */
export interface RateLimit {
  readonly requests: number;
  /** Default a minute, 60 000. A shorter one makes tests fast. */
  readonly perMs?: number | undefined;
}

/** Counts requests over a window that moves with the clock. */
export class RateLimiter {
  readonly #limit: RateLimit | undefined;
  readonly #now: () => Date;
  #times: number[] = [];

  constructor(limit: RateLimit | undefined, now: () => Date) {
    this.#limit = limit;
    this.#now = now;
  }

  /** @throws {ApiFailure} 429 with `retry-after`, in seconds, when there were too many. */
  take(): void {
    if (!this.#limit) return;
    const { requests, perMs = 60_000 } = this.#limit;
    const now = this.#now().getTime();
    this.#times = this.#times.filter((time) => time > now - perMs);
    const [oldest] = this.#times;
    if (this.#times.length < requests || oldest === undefined) {
      this.#times.push(now);
      return;
    }
    const seconds = Math.max(1, Math.ceil((oldest + perMs - now) / 1000));
    const message = `This request would exceed the rate limit of ${requests} requests per ${perMs / 1000} seconds.`;
    throw new ApiFailure(429, 'rate_limit_error', message, undefined, { 'retry-after': String(seconds) });
  }

  reset(): void {
    this.#times = [];
  }
}
