import { LONGEST_TIMER_MS } from './signals.ts';

/**
 * Reports a read that waits too long. One timer serves all
 * reads of a response, however many pieces it comes in.
 */
export class SilenceTimer {
  readonly #milliseconds: number;
  readonly #onSilence: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitsSince: number | undefined;
  /** What earlier reads waited that brought nothing that counts. */
  #waited = 0;

  constructor(milliseconds: number, onSilence: () => void) {
    this.#milliseconds = milliseconds;
    this.#onSilence = onSilence;
  }

  /** A read begins to wait. */
  begin(): void {
    this.#waitsSince = performance.now();
    const left = this.#milliseconds - this.#waited;
    if (left <= LONGEST_TIMER_MS) this.#timer ??= setTimeout(this.#check, left);
  }

  /**
   * It waits no more. What its reader does next takes its own time.
   * Where nothing was heard that counts, the next read waits on.
   */
  end(heard = true): void {
    if (this.#waitsSince === undefined) return;
    this.#waited = heard ? 0 : this.#waited + performance.now() - this.#waitsSince;
    this.#waitsSince = undefined;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    if (this.#waitsSince === undefined) return;
    const left = this.#milliseconds - this.#waited - (performance.now() - this.#waitsSince);
    if (left > 0) this.#timer = setTimeout(this.#check, left);
    else this.#onSilence();
  };
}
