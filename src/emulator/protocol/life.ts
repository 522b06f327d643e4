/** Everything that runs in the emulator, which ends at its reset and when it is disposed of. */
export class Life {
  readonly #running = new Set<AbortController>();

  /** What ends the thing that begins. Its owner says when it is over. */
  begin(): AbortController {
    const controller = new AbortController();
    this.#running.add(controller);
    return controller;
  }

  over(controller: AbortController): void {
    this.#running.delete(controller);
  }

  end(): void {
    for (const controller of this.#running) controller.abort();
    this.#running.clear();
  }
}
