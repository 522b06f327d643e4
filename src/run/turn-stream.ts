import { InvalidInputError, reasonOf, typedError } from '../errors.ts';
import { logNotice } from '../sdk/log-notice.ts';
import type { TurnEvent, UnnumberedEvent } from '../turn/events.ts';
import { TurnFold } from '../turn/fold.ts';
import { foldEvents } from '../turn/reduce.ts';
import { initialTurnState, lastResponseIndex, type TurnState } from '../turn/state.ts';
import type { Turn } from '../turn/turn.ts';
import { type OwnSignal, ownSignal } from '../wire/signals.ts';
import { TurnInterruptedError } from './errors.ts';
import type { TurnPlan } from './plan.ts';

/**
 * A turn that is being run: its events, one after the other, and its result.
 *
 * Nothing is sent before the first `next()` or `turn()`. Events are read as they are taken, so a slow reader
 * slows the sender and memory stays bounded. There is one iterator; leaving it early aborts the turn.
 *
 * @example
 * ```ts
 * const stream = streamTurn(client, params);
 * for await (const event of stream) if (event.type === 'text-delta') process.stdout.write(event.text);
 * const turn = await stream.turn();
 * ```
 */
// Built by hand and not over an async generator, which costs 75 to 100 ns for each event: measured,
// a stream of 1e5 small deltas takes 11 % longer (npm run bench:streams).
export class TurnStream<out Parsed = unknown> implements AsyncIterable<TurnEvent>, AsyncDisposable {
  readonly #plan: () => TurnPlan | Promise<TurnPlan>;
  readonly #controller = new AbortController();
  /** The caller's signal, which aborts with it; only while the turn runs, so that nothing is left on it. */
  #outer: OwnSignal | undefined;
  /** What the events that were taken fold to. */
  #fold = new TurnFold(initialTurnState());
  #steps: AsyncGenerator<void, Turn> | undefined;
  /** Events that happened and were not taken yet: those of one chunk at most. */
  #queue: TurnEvent[] = [];
  #taken = 0;
  #seq = 0;
  #onEvent: ((event: TurnEvent) => void) | undefined;
  #client: unknown;
  #consumer: 'none' | 'iterator' | 'turn' = 'none';
  /** The last `next()` that is still waited for. */
  #lastNext: Promise<void> | undefined;
  /** The step under way; steps never overlap. */
  #step: Promise<void> | undefined;
  #ended = false;
  /** The last event has happened. */
  #closing = false;
  /** Thrown by the iterator once, after the last event. */
  #failure: { readonly error: unknown } | undefined;
  readonly #result = deferred<Turn>();

  /** @internal Use `streamTurn` or `resumeTurn`. */
  constructor(plan: () => TurnPlan | Promise<TurnPlan>) {
    // A failure that is not observed is no unhandled rejection.
    this.#result.promise.catch(() => {});
    this.#plan = plan;
  }

  /**
   * The turn as far as its events were taken; built when
   * read. Equal to folding those events with `reduceTurn`.
   */
  get state(): TurnState {
    return this.#fold.state;
  }

  /**
   * The whole turn, the same promise each time. Runs the turn when
   * nothing iterates; otherwise it settles with the iteration.
   *
   * @throws {InvalidInputError} for bad input, before any request.
   * @throws {TurnInterruptedError} when the exchange broke, with everything received.
   * @throws {TurnLimitError} when a limit of the options was reached, with the turn so far.
   * @throws the SDK's own errors when the first request is refused.
   */
  turn(): Promise<Turn<Parsed>> {
    // One microtask later, so that an iteration that begins right after this call still gets every event.
    if (this.#consumer === 'none') queueMicrotask(() => void this.#drain());
    // The loop does not know what the format reads; the maker of this stream does.
    return this.#result.promise as Promise<Turn<Parsed>>;
  }

  /** Ends the turn with a `TurnInterruptedError` of code `aborted`. After the end it does nothing. */
  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * @throws {InvalidInputError} when `turn()` is already
   * running the turn: events before this call would be missed.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<TurnEvent> {
    if (this.#consumer === 'turn' && !this.#ended) {
      throw new InvalidInputError(
        'turn() is already running this turn and events have passed. Begin to iterate before you await turn(), or use onEvent.',
      );
    }
    if (this.#consumer === 'none') this.#consumer = 'iterator';
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
    this.#fold.push(event);
    return { done: false, value: event };
  }

  async #drain(): Promise<void> {
    if (this.#consumer !== 'none') return;
    this.#consumer = 'turn';
    while (!this.#ended) await this.#advance();
    this.#failure = undefined;
  }

  async #leave(): Promise<void> {
    if (this.#ended) return;
    if (this.#consumer === 'none') this.#consumer = 'iterator';
    this.#controller.abort();
    // What never began ends without a trace.
    if (!this.#step && !this.#steps) this.#failBeforeBegin();
    while (!this.#ended) await this.#advance();
    while (this.#queue.length > this.#taken) this.#fold.push(this.#queue[this.#taken++] as TurnEvent);
    this.#failure = undefined;
  }

  /** One step of the loop: a batch of events, or the end. */
  #advance(): Promise<void> {
    this.#step ??= this.#stepOnce();
    return this.#step;
  }

  async #stepOnce(): Promise<void> {
    if (this.#taken === this.#queue.length) {
      this.#queue = [];
      this.#taken = 0;
    }
    try {
      this.#steps ??= this.#begin(await this.#plan());
      const { done, value } = await this.#steps.next();
      if (done) this.#end(() => this.#result.resolve(value));
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#step = undefined;
    }
  }

  #begin({ client, options, state, steps }: TurnPlan): AsyncGenerator<void, Turn> {
    this.#client = client;
    this.#onEvent = options.onEvent;
    if (options.signal) this.#follow(options.signal);
    this.#fold = new TurnFold(state);
    this.#seq = state.seq + 1;
    return steps({ signal: this.#controller.signal, emit: this.#emit, readState: this.#readState });
  }

  #follow(signal: AbortSignal): void {
    this.#outer = ownSignal(signal);
    const abort = () => this.abort(signal.reason);
    if (signal.aborted) abort();
    this.#outer.signal.addEventListener('abort', abort);
  }

  #failBeforeBegin(): void {
    const message = 'The turn was aborted before it began.';
    this.#emit({ type: 'turn-error', code: 'aborted', message, retryable: false });
    const state = this.#readState();
    this.#fail(
      new TurnInterruptedError(message, { code: 'aborted', state, responses: [], checkpoint: null }),
    );
  }

  #fail(thrown: unknown): void {
    const error = typedError('The turn', thrown);
    this.#failure = { error };
    this.#end(() => this.#result.reject(error));
  }

  #end(settle: () => void): void {
    this.#ended = true;
    this.#outer?.release();
    settle();
  }

  /** What all events fold to that happened so far, taken or not. */
  readonly #readState = (): TurnState =>
    this.#taken === this.#queue.length
      ? this.#fold.state
      : foldEvents(this.#fold.state, this.#queue.slice(this.#taken));

  readonly #emit = (event: UnnumberedEvent): void => {
    const numbered = event as UnnumberedEvent & { seq: number };
    numbered.seq = this.#seq;
    const heard = this.#onEvent ? this.#report(this.#onEvent, numbered) : true;
    // The `listener-failed` notice comes before the event, because nothing may follow the last one.
    this.#put(heard ? numbered : { ...numbered, seq: this.#seq });
    this.#seq++;
    if (event.type === 'turn-end' || event.type === 'turn-error') this.#closing = true;
  };

  #put(event: TurnEvent): void {
    if (event.type === 'notice') logNotice(this.#client, event.notice);
    if (this.#consumer === 'turn') this.#fold.push(event);
    else this.#queue.push(event);
  }

  /** Returns whether the listener took the event without failing. */
  #report(listener: (event: TurnEvent) => unknown, event: TurnEvent): boolean {
    try {
      const returned = listener(event);
      if (isThenable(returned)) returned.then(undefined, (error) => this.#dropListener(event, error));
      return true;
    } catch (error) {
      this.#dropListener(event, error);
      return false;
    }
  }

  /** A listener that fails is reported once, and not called again: the turn goes on without it. */
  #dropListener({ type }: TurnEvent, error: unknown): void {
    // After the last event nothing can be reported any more: a promise that rejects then goes unheard.
    if (this.#onEvent === undefined || this.#closing) return;
    this.#onEvent = undefined;
    const message = `onEvent failed at a ${type} event and is not called again: ${reasonOf(error)}`;
    const responseIndex = lastResponseIndex(this.#readState());
    const notice = { code: 'listener-failed', message, responseIndex };
    this.#put({ type: 'notice', notice, seq: this.#seq++ });
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
