import type { Life } from '../protocol/life.ts';

/** What becomes of a response, once: it was delivered, it was abandoned, or its script is at fault. */
export class Delivery {
  readonly #controller: AbortController;
  readonly #life: Life;
  readonly #request: AbortSignal | undefined;
  readonly #giveBack: () => void;
  #isSettled = false;

  /** Abandoned with the request; `giveBack` has what was played asked for again. */
  constructor(life: Life, request: AbortSignal | undefined, giveBack: () => void) {
    this.#controller = life.begin();
    this.#life = life;
    this.#request = request;
    this.#giveBack = giveBack;
    request?.addEventListener('abort', this.abandon);
    if (request?.aborted) this.abandon();
  }

  /** Ends what runs for the response. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The client reads no further. */
  readonly abandon = (): void => {
    this.#controller.abort();
    this.settle(this.#giveBack);
  };

  settle(how: () => void): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#life.over(this.#controller);
    this.#request?.removeEventListener('abort', this.abandon);
    how();
  }
}
