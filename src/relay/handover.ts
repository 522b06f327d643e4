/**
 * Hands batches from the run of a turn to its reader, one at a time: a slow reader holds the run up,
 * so that memory stays bounded, and one that left holds nothing up.
 */
export class Handover<Batch> {
  #batch: Batch | undefined;
  #isOver = false;
  #hasLeft = false;
  /** Wakes the side that waits; the two never wait at the same time. */
  #wake: () => void = () => {};

  /** Resolves when there is room for the next one. */
  async put(batch: Batch): Promise<void> {
    while (this.#batch !== undefined && !this.#hasLeft) await this.#change();
    if (this.#hasLeft) return;
    this.#batch = batch;
    this.#wake();
  }

  /** The next batch; `undefined` at the end. */
  async take(): Promise<Batch | undefined> {
    while (this.#batch === undefined && !this.#isOver) await this.#change();
    const batch = this.#batch;
    this.#batch = undefined;
    this.#wake();
    return batch;
  }

  /** No more batches come. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** The reader left: what is put after this is dropped. */
  leave(): void {
    this.#hasLeft = true;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
