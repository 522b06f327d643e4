import type { Life } from '../protocol/life.ts';
import type { ToolCall, ToolReply } from '../sandbox/sandbox.ts';
import type { CommandOutcome } from './container.ts';

/** What a cell comes to next: calls that it waits for, or its end. */
export type Moment =
  | { readonly calls: readonly ToolCall[]; readonly outcome?: undefined }
  | { readonly outcome: CommandOutcome };

/** Python code that runs while responses come and go: it may wait for tools between two of them. */
export class RunningCell {
  readonly #end: Promise<Moment>;
  readonly #abort: () => void;
  #asked = deferred<Moment>();
  #answer: ((replies: readonly ToolReply[]) => void) | undefined;

  /**
   * Starts the code. `run` is given how to call tools, and
   * what ends it. It ends with the emulator at the latest.
   */
  constructor(
    life: Life,
    run: (
      call: (calls: readonly ToolCall[]) => Promise<readonly ToolReply[]>,
      signal: AbortSignal,
    ) => Promise<CommandOutcome>,
  ) {
    const call = (calls: readonly ToolCall[]) => this.#ask(calls);
    const controller = life.begin();
    this.#abort = () => controller.abort();
    this.#end = run(call, controller.signal)
      .finally(() => life.over(controller))
      .then((outcome) => ({ outcome }));
    // The next request gets the failure; perhaps no request waits now.
    this.#end.catch(() => {});
  }

  #ask(calls: readonly ToolCall[]): Promise<readonly ToolReply[]> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#asked.resolve({ calls });
    });
  }

  next(): Promise<Moment> {
    return Promise.race([this.#end, this.#asked.promise]);
  }

  /** Brings a reply to each call of the last moment, in their order. */
  answer(replies: readonly ToolReply[]): void {
    this.#asked = deferred();
    this.#answer?.(replies);
  }

  abort(): void {
    this.#abort();
  }
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
