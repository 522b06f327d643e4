/**
 * Signals of their own for many pieces of work, all aborted with one. Each request adds listeners to its signal, and Node warns of a
 * leak where many share one.
 */
export class ChildSignals {
  readonly #parent: AbortSignal | undefined;
  readonly #children = new Set<AbortController>();
  readonly #abort = () => {
    for (const child of this.#children) child.abort(this.#parent?.reason);
  };

  constructor(parent: AbortSignal | undefined) {
    this.#parent = parent;
  }

  async run<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const child = new AbortController();
    if (this.#parent?.aborted) child.abort(this.#parent.reason);
    if (this.#children.size === 0) this.#parent?.addEventListener('abort', this.#abort);
    this.#children.add(child);
    try {
      return await work(child.signal);
    } finally {
      this.#children.delete(child);
      if (this.#children.size === 0) this.#parent?.removeEventListener('abort', this.#abort);
    }
  }
}
