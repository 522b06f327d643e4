import { assertInput, typed } from '../errors.ts';
import type { TurnEvent } from '../turn/events.ts';
import { RelayError } from './errors.ts';
import type { EventStore, StoredEvent } from './event-store.ts';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** How many events of one turn are kept; the oldest go first. Default 100,000. */
  readonly maxEvents?: number | undefined;
  /** How long a turn is kept after its end, in milliseconds. Default one hour. */
  readonly ttlMs?: number | undefined;
  /** The clock, in milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

function resolved({ maxEvents = 100_000, ttlMs = 3_600_000, now = Date.now }: MemoryStoreOptions) {
  assertInput(maxEvents >= 1, 'maxEvents must be a number of at least 1', maxEvents);
  assertInput(ttlMs >= 1, 'ttlMs must be a number of at least 1', ttlMs);
  assertInput(typeof now === 'function', 'now must be a function', now);
  return { maxEvents, ttlMs, now };
}

/** The events of one turn. */
interface Log {
  /** Told apart from an earlier turn of the same key, whose offsets mean nothing here. */
  readonly id: string;
  /** The first of them may be gone: `events[i]` is the event number `dropped + i`. */
  events: TurnEvent[];
  dropped: number;
  closedAt: number | null;
  /** Wakes the readers that wait. */
  readonly waiting: Set<() => void>;
}

/**
 * An {@link EventStore} in the memory of this process: for one server, and for tests. Turns
 * that run are kept; those that ended are forgotten after `ttlMs`.
 *
 * @throws {InvalidInputError} for options that are no numbers of at least 1.
 *
 * @example
 * ```ts
 * const store = memoryStore({ ttlMs: 10 * 60_000 });
 * const key = crypto.randomUUID();
 * return toResponse(streamTurn(client, params), { store, key, onDisconnect: 'finish' });
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): EventStore {
  const { maxEvents, ttlMs, now } = typed('memoryStore', () => resolved(options));
  const logs = new Map<string, Log>();

  const forgetOld = () => {
    const oldest = now() - ttlMs;
    for (const [key, log] of logs) {
      if (log.closedAt !== null && log.closedAt <= oldest) logs.delete(key);
    }
  };
  const begin = (key: string): Log => {
    const id = crypto.randomUUID().slice(0, 8);
    const log: Log = { id, events: [], dropped: 0, closedAt: null, waiting: new Set() };
    logs.set(key, log);
    return log;
  };

  return {
    async append(key, events) {
      forgetOld();
      const log = logs.get(key) ?? begin(key);
      if (log.closedAt !== null) {
        throw new RelayError(`The turn ${key} has ended: use another key for the next one.`, {
          code: 'key_closed',
        });
      }
      const first = log.dropped + log.events.length;
      for (const event of events) log.events.push(event);
      // Not at each event: what is taken from the front of a list moves all of it.
      if (log.events.length >= 2 * maxEvents) {
        log.dropped += log.events.length - maxEvents;
        log.events = log.events.slice(-maxEvents);
      }
      wake(log);
      return events.map((_, index) => `${log.id}-${first + index}`);
    },

    async *read(key, afterOffset, { signal }) {
      forgetOld();
      const log = logs.get(key);
      if (!log) {
        throw new RelayError(
          `There is no turn ${key}: it never began, or it ended more than ${ttlMs} ms ago.`,
          { code: 'unknown_key' },
        );
      }
      yield* follow(log, numberAfter(log, afterOffset), signal);
    },

    async close(key) {
      const log = logs.get(key);
      if (!log || log.closedAt !== null) return;
      log.closedAt = now();
      wake(log);
    },
  };
}

async function* follow(log: Log, first: number, signal: AbortSignal): AsyncGenerator<StoredEvent> {
  for (let number = first; !signal.aborted; number++) {
    while (number >= log.dropped + log.events.length) {
      if (log.closedAt !== null) return;
      await untilWoken(log, signal);
      if (signal.aborted) return;
    }
    const event = log.events[number - log.dropped];
    if (!event) throw gone(`event ${number}`);
    yield { offset: `${log.id}-${number}`, event };
  }
}

/** The number of the event after an offset. */
function numberAfter(log: Log, offset: string | null): number {
  if (offset === null) return 0;
  const [, id, number] = /^(.*)-(\d{1,15})$/.exec(offset) ?? [];
  const next = Number(number) + 1;
  const isOurs = id === log.id && next <= log.dropped + log.events.length;
  if (!isOurs) throw gone(`the offset ${JSON.stringify(offset.slice(0, 80))}`);
  return next;
}

function gone(what: string): RelayError {
  const message = `The store does not have ${what} of this turn: read it from the start, or show the stored turn.`;
  return new RelayError(message, { code: 'events_gone' });
}

function wake({ waiting }: Log): void {
  for (const go of waiting) go();
}

function untilWoken({ waiting }: Log, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      waiting.delete(go);
      signal.removeEventListener('abort', go);
      resolve();
    };
    waiting.add(go);
    signal.addEventListener('abort', go);
  });
}
