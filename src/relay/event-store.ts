import type { TurnEvent } from '../turn/events.ts';

/** One event with its place in the store. */
export interface StoredEvent {
  /** Opaque, and unique among the events of its key. It may hold no line end. */
  readonly offset: string;
  readonly event: TurnEvent;
}

/**
 * Where the events of turns are kept while they run and for a while after, so that a
 * reader that lost its connection goes on. `memoryStore` is one for a single process.
 */
export interface EventStore {
  /**
   * Stores events at the end of a key, which the first call makes, also with
   * an empty list. Gives the offset of each, in their order.
   */
  append(key: string, events: readonly TurnEvent[]): Promise<readonly string[]>;
  /**
   * The events after an offset, from the first where it is `null`; then those that come,
   * until the key is closed. Throws where the key is unknown, or events after the offset
   * are gone. Ends, or throws, when the signal aborts.
   */
  read(
    key: string,
    afterOffset: string | null,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<StoredEvent>;
  /** No more events come: readers end after the last one. */
  close(key: string): Promise<void>;
}
