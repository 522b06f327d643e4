import { attempt, isCodeExecutionError, reasonOf } from '../errors.ts';
import type { TurnEvent } from '../turn/events.ts';

/** An event on its way to a reader. */
export interface SentEvent {
  /** Where a reader goes on after it; absent without a store, and of an event that was not stored. */
  readonly offset?: string | undefined;
  readonly event: TurnEvent;
}

/** The events that end a turn: no reader waits for more. */
export function isLast({ type }: TurnEvent): boolean {
  return type === 'turn-end' || type === 'turn-error';
}

/**
 * A failure as the last event. What no error of this package says stays on
 * the server: it may name what a browser should not see.
 */
export function failureEvent(error: unknown, seq: number, what: string): TurnEvent {
  const isOurs = isCodeExecutionError(error);
  return {
    type: 'turn-error',
    seq,
    code: isOurs ? error.code : 'relay_failed',
    message: isOurs ? reasonOf(error) : `${what} failed on the server, which has the reason.`,
    retryable: isOurs && error.retryable,
  };
}

/** A listener for failures that cannot fail itself: there is no place to report that to. */
export function reporterOf(onError: ((error: unknown) => void) | undefined): (error: unknown) => undefined {
  return (error) => attempt(() => void onError?.(error), undefined);
}

/** As many events in a row as are there already, and at most so many; they are stored and sent as one. */
const MOST_AT_ONCE = 128;
const NONE = Promise.resolve(undefined);

/**
 * Gathers what an iteration has ready, without a timer: a slow one gives its events one by one.
 * Leaving it early waits for the event under way, so the source must be told to stop before.
 */
export async function* batchesOf<T>(source: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (let one = await next; !one.done; one = await next) {
      const batch: T[] = [];
      for (let ready: IteratorResult<T> | undefined = one; ready && !ready.done; ) {
        batch.push(ready.value);
        next = iterator.next();
        // What fails is thrown in the next round, after the events before it were given.
        ready = await Promise.race([next, NONE]).catch(() => undefined);
        if (batch.length === MOST_AT_ONCE) break;
      }
      yield batch;
    }
  } finally {
    await iterator.return?.();
  }
}
