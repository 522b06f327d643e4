import { InvalidInputError, TurnInterruptedError } from '../errors.ts';
import { EventLog } from '../turn/event-log.ts';
import type { TurnEvent, UnnumberedEvent } from '../turn/events.ts';
import { reduceTurn } from '../turn/reduce.ts';
import { initialTurnState, type Turn, type TurnState } from '../turn/state.ts';
import { reasonOf } from '../wire/reason.ts';
import type { ResolvedTurnOptions } from './options.ts';

/** What a stream gives to the loop behind it. */
export interface TurnStage {
  readonly signal: AbortSignal;
  readonly emit: (event: UnnumberedEvent) => void;
  readonly readState: () => TurnState;
  /** Called once, before the first event, with the state that the turn goes on from. */
  readonly begin: (options: ResolvedTurnOptions, state: TurnState) => void;
}

/**
 * A turn that is being run: its events, one after the other, and its result.
 *
 * Nothing is sent before the first `next()` or `turn()`. Events are read as they are taken, so a slow reader slows
 * the sender and memory stays bounded. There is one iterator; leaving it early aborts the turn.
 *
 * @example
 * ```ts
 * const stream = streamTurn(client, params);
 * for await (const event of stream) if (event.type === 'text-delta') process.stdout.write(event.text);
 * const turn = await stream.turn();
 * ```
 */
export class TurnStream<out Parsed = unknown> implements AsyncIterable<TurnEvent>, AsyncDisposable {
  readonly #start: () => AsyncGenerator<void, Turn>;
  readonly #controller = new AbortController();
  #log = new EventLog(initialTurnState());
  #unlink = () => {};
  #loop: AsyncGenerator<void, Turn> | undefined;
  /** Events that happened and were not taken yet: those of one chunk at most. */
  #queue: TurnEvent[] = [];
  #taken = 0;
  #seq = 0;
  #onEvent: ((event: TurnEvent) => void) | undefined;
  #consumer: 'nobody' | 'iterator' | 'turn' = 'nobody';
  /** The last `next()` that is still waited for. */
  #lastNext: Promise<void> | undefined;
  /** The step under way; steps never overlap. */
  #step: Promise<void> | undefined;
  #ended = false;
  /** The last event has happened. */
  #closing = false;
  /** Thrown by the iterator once, behind the last event. */
  #failure: { readonly error: unknown } | undefined;
  readonly #result = deferred<Turn>();

  /** @internal Use `streamTurn` or `resumeTurn`. */
  constructor(start: (stage: TurnStage) => AsyncGenerator<void, Turn>) {
    // A failure that nobody observes is not an unhandled rejection.
    this.#result.promise.catch(() => {});
    this.#start = () =>
      start({
        signal: this.#controller.signal,
        emit: this.#emit,
        readState: this.#readState,
        begin: ({ signal, onEvent }, state) => {
          this.#onEvent = onEvent;
          this.#follow(signal);
          this.#log = new EventLog(state);
          this.#seq = state.seq + 1;
        },
      });
  }

  /** The turn as far as its events were taken; built when read. Equal to folding those events with `reduceTurn`. */
  get state(): TurnState {
    return this.#log.state;
  }

  /**
   * The whole turn, the same promise each time. Runs the turn when nobody iterates; otherwise it settles with the
   * iteration.
   *
   * @throws {InvalidInputError} for bad input, before any request.
   * @throws {TurnInterruptedError} when the exchange broke, with everything received.
   * @throws {TurnLimitError} when a limit of the options was reached, with the turn so far.
   * @throws the SDK's own errors when the first request is refused.
   */
  turn(): Promise<Turn<Parsed>> {
    // One microtask later, so that an iteration that begins right behind this call still gets every event.
    if (this.#consumer === 'nobody') queueMicrotask(() => void this.#drain());
    // The loop does not know what the format reads; whoever made this stream does.
    return this.#result.promise as Promise<Turn<Parsed>>;
  }

  /** Ends the turn with a `TurnInterruptedError` of code `aborted`. After the end it does nothing. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  /** @throws {InvalidInputError} when `turn()` is already running the turn: events before this call would be missed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<TurnEvent> {
    if (this.#consumer === 'turn' && !this.#ended) {
      throw new InvalidInputError(
        'turn() is already running this turn and events have passed. Begin to iterate before you await turn(), or use onEvent.',
      );
    }
    if (this.#consumer === 'nobody') this.#consumer = 'iterator';
    return {
      next: () => this.#next(),
      return: async () => {
        await this.#leave();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** The next event, like the iterator's. */
  next(): Promise<IteratorResult<TurnEvent>> {
    try {
      return this[Symbol.asyncIterator]().next();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Aborts the turn if it still runs and waits until its connection is released. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }

  #next(): Promise<IteratorResult<TurnEvent, undefined>> {
    // Events are handed out in the order of the calls, also to callers who do not wait for each other.
    if (this.#lastNext) return this.#queueNext(this.#lastNext.then(() => this.#take()));
    const event = this.#queue[this.#taken];
    return event ? Promise.resolve(this.#hand(event)) : this.#queueNext(this.#take());
  }

  #queueNext<T>(result: Promise<T>): Promise<T> {
    const forget = () => {
      if (this.#lastNext === settled) this.#lastNext = undefined;
    };
    const settled: Promise<void> = result.then(forget, forget);
    this.#lastNext = settled;
    return result;
  }

  async #take(): Promise<IteratorResult<TurnEvent, undefined>> {
    while (this.#taken === this.#queue.length && !this.#ended) await this.#advance();
    const event = this.#queue[this.#taken];
    if (event) return this.#hand(event);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
    return { done: true, value: undefined };
  }

  #hand(event: TurnEvent): IteratorResult<TurnEvent, undefined> {
    this.#taken++;
    this.#log.push(event);
    return { done: false, value: event };
  }

  async #drain(): Promise<void> {
    if (this.#consumer !== 'nobody') return;
    this.#consumer = 'turn';
    while (!this.#ended) await this.#advance();
    this.#failure = undefined;
  }

  async #leave(): Promise<void> {
    if (this.#ended) return;
    if (this.#consumer === 'nobody') this.#consumer = 'iterator';
    this.#controller.abort();
    // What never began ends without a trace.
    if (!this.#loop) this.#failBeforeBegin();
    while (!this.#ended) await this.#advance();
    while (this.#queue.length > this.#taken) this.#log.push(this.#queue[this.#taken++] as TurnEvent);
    this.#failure = undefined;
  }

  /** Aborts with the caller's signal; only while the turn runs, so that nothing is left on it. */
  #follow(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const abort = () => this.#controller.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#unlink = () => signal.removeEventListener('abort', abort);
  }

  /** One step of the loop: a batch of events, or the end. */
  #advance(): Promise<void> {
    this.#step ??= this.#stepOnce().finally(() => {
      this.#step = undefined;
    });
    return this.#step;
  }

  async #stepOnce(): Promise<void> {
    if (this.#taken === this.#queue.length) {
      this.#queue = [];
      this.#taken = 0;
    }
    try {
      this.#loop ??= this.#start();
      const { done, value } = await this.#loop.next();
      if (done) this.#end(() => this.#result.resolve(value));
    } catch (error) {
      this.#fail(error);
    }
  }

  #failBeforeBegin(): void {
    const message = 'The turn was aborted before it began.';
    this.#emit({ type: 'turn-error', code: 'aborted', message, retryable: false });
    const state = this.#readState();
    this.#fail(
      new TurnInterruptedError(message, { code: 'aborted', state, responses: [], checkpoint: null }),
    );
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#end(() => this.#result.reject(error));
  }

  #end(settle: () => void): void {
    this.#ended = true;
    this.#unlink();
    settle();
  }

  /** What all events fold to that happened so far, taken or not. */
  readonly #readState = (): TurnState => this.#queue.slice(this.#taken).reduce(reduceTurn, this.#log.state);

  readonly #emit = (event: UnnumberedEvent): void => {
    const numbered = event as UnnumberedEvent & { seq: number };
    numbered.seq = this.#seq;
    if (this.#onEvent) this.#tell(this.#onEvent, numbered);
    // A listener that failed is told of before the event, since nothing stands behind the last one.
    numbered.seq = this.#seq++;
    this.#put(numbered);
    if (event.type === 'turn-end' || event.type === 'turn-error') this.#closing = true;
  };

  #put(event: TurnEvent): void {
    if (this.#consumer === 'turn') this.#log.push(event);
    else this.#queue.push(event);
  }

  #tell(listener: (event: TurnEvent) => unknown, event: TurnEvent): void {
    try {
      const returned = listener(event);
      if (isThenable(returned)) returned.then(undefined, (error) => this.#dropListener(event, error));
    } catch (error) {
      this.#dropListener(event, error);
    }
  }

  /** A listener that fails is told of, once, and not asked again: the turn goes on without it. */
  #dropListener({ type }: TurnEvent, error: unknown): void {
    // Behind the last event nothing can be told any more: a promise that rejects then goes unheard.
    if (this.#onEvent === undefined || this.#closing) return;
    this.#onEvent = undefined;
    const reason = reasonOf(error);
    const message = `onEvent failed at a ${type} event and is not called again: ${reason}`;
    this.#put({ type: 'notice', notice: { code: 'listener-failed', message }, seq: this.#seq++ });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve'];
  let reject!: Deferred<T>['reject'];
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
