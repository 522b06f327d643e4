import { assertInput } from '../errors.ts';
import type { TurnEvent } from '../turn/events.ts';
import type { Turn } from '../turn/turn.ts';
import { withoutRaw } from '../turn/without-raw.ts';
import { RelayError } from './errors.ts';
import type { EventStore } from './event-store.ts';
import {
  assertEventStreamOptions,
  type EventSource,
  type EventStreamOptions,
  eventStreamResponse,
} from './event-stream.ts';
import { Handover } from './handover.ts';
import { storedResponse } from './resume-response.ts';
import { batchesOf, failureEvent, isLast, reporterOf, type SentEvent } from './sent-event.ts';

/** A turn that runs, as `streamTurn`, `resumeTurn` and a session's `stream` give it. */
export interface RelayedTurn<Parsed = unknown> extends AsyncIterable<TurnEvent> {
  turn(): Promise<Turn<Parsed>>;
  abort(reason?: unknown): void;
}

/** Options of `toResponse`. */
export interface ToResponseOptions<Parsed = unknown> extends EventStreamOptions {
  /**
   * Awaited before the last event is sent, so that a reader that saw it finds the turn
   * saved. What it throws goes to `onError`, and the reader gets a `turn-error`.
   */
  readonly onTurn?: ((turn: Turn<Parsed>) => unknown) | undefined;
  /** Called for each failure of the turn, of `onTurn` and of the store: a browser gets no details. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** What becomes of the turn when its reader leaves. Default `'abort'`. */
  readonly onDisconnect?: 'abort' | 'finish' | undefined;
  /** Gets a promise that lasts as long as the turn, for hosts that end a function with its response. */
  readonly waitUntil?: ((promise: Promise<void>) => void) | undefined;
  /** Keeps each event before it is sent, so that `resumeResponse` goes on. Needs `key`. */
  readonly store?: EventStore | undefined;
  /** The name of this turn in the store: another one for each turn, and hard to guess. */
  readonly key?: string | undefined;
  /** Send blocks as the API sent them, too; see `withoutRaw`. Default `false`. */
  readonly raw?: boolean | undefined;
}

/** How events are written, where not as their JSON. */
export type Encoding = Pick<EventSource, 'encode' | 'headers'>;

/** Runs a turn and sends its events to its one reader, as it takes them. */
export function liveResponse<Parsed>(
  stream: RelayedTurn<Parsed>,
  options: ToResponseOptions<Parsed>,
  encoding: Encoding = {},
): Response {
  const { onDisconnect = 'abort', waitUntil } = options;
  const handover = new Handover<readonly SentEvent[]>();
  const put = (batch: readonly SentEvent[]) => handover.put(batch);
  const run = relayTurn(stream, options, beginStoring(options), put).finally(() => handover.end());
  waitUntil?.(run);
  const leave = () => {
    handover.leave();
    if (onDisconnect === 'abort') stream.abort('The reader left.');
  };
  return eventStreamResponse({ take: () => handover.take(), leave, ...encoding }, options);
}

/** Runs a turn that waits for no reader: its reader follows the store like any other. */
export function detachedResponse<Parsed>(
  stream: RelayedTurn<Parsed>,
  options: ToResponseOptions<Parsed> & { readonly store: EventStore },
): Response {
  const { store, key = '', waitUntil } = options;
  const begun = beginStoring(options);
  const run = relayTurn(stream, options, begun, async () => {});
  waitUntil?.(run);
  return storedResponse(store, key, null, { ...options, begun });
}

/** @throws {InvalidInputError} naming what is wrong, before anything begins. */
export function assertRelay(stream: unknown, options: ToResponseOptions<never>): void {
  const isStream =
    typeof stream === 'object' && stream !== null && Symbol.asyncIterator in stream && 'turn' in stream;
  assertInput(
    isStream,
    'The first argument must be the stream of streamTurn, resumeTurn or session.stream',
    stream,
  );
  const { onDisconnect, store, key } = options;
  const isKnown = onDisconnect === undefined || onDisconnect === 'abort' || onDisconnect === 'finish';
  assertInput(isKnown, "onDisconnect must be 'abort' or 'finish'", onDisconnect);
  const hasBoth = store === undefined ? key === undefined : typeof key === 'string' && key !== '';
  assertInput(hasBoth, 'store and key belong together, and key must be a text', key);
  assertEventStreamOptions(options);
}

/** Makes the key at once, for readers that come before the first event. Gives whether it could be made. */
async function beginStoring({ store, key = '', onError }: ToResponseOptions<never>): Promise<boolean> {
  if (!store) return false;
  try {
    await store.append(key, []);
    return true;
  } catch (error) {
    reporterOf(onError)(error);
    return false;
  }
}

/** Runs the turn to its end, and sends each event once it is stored. Never rejects. */
async function relayTurn<Parsed>(
  stream: RelayedTurn<Parsed>,
  { onTurn, onError, store, key = '', raw = false }: ToResponseOptions<Parsed>,
  begun: Promise<boolean>,
  send: (batch: readonly SentEvent[]) => Promise<void>,
): Promise<void> {
  const report = reporterOf(onError);
  let seq = -1;
  let isStoring = await begun;
  // Where the store fails, the turn goes on: it may be worth more than its events.
  const sendKept = async (events: readonly TurnEvent[]): Promise<void> => {
    const shown = raw ? events : events.map((event) => withoutRaw(event));
    const offsets = isStoring
      ? await store?.append(key, shown).then(checkedOffsets(shown)).catch(report)
      : [];
    isStoring = offsets?.length === shown.length;
    await send(shown.map((event, index) => ({ event, offset: offsets?.[index] })));
  };

  let last: TurnEvent | undefined;
  try {
    // The last event is held back; after it comes the end, or what the turn failed with.
    for await (const batch of batchesOf(stream)) {
      const events = batch.filter((event) => !isLast(event));
      last = batch.find(isLast) ?? last;
      seq = batch.at(-1)?.seq ?? seq;
      if (events.length > 0) await sendKept(events);
    }
    const turn = await stream.turn();
    await onTurn?.(turn);
  } catch (error) {
    report(error);
    if (last?.type === 'turn-end') last = failureEvent(error, seq, 'What follows the turn');
    else last ??= failureEvent(error, seq + 1, 'The turn');
  }
  if (last) await sendKept([last]);
  await store?.close(key).catch(report);
}

function checkedOffsets(events: readonly TurnEvent[]) {
  return (offsets: unknown): readonly string[] => {
    const isOffset = (one: unknown) => typeof one === 'string' && one !== '' && !/[\r\n\0]/.test(one);
    if (Array.isArray(offsets) && offsets.length === events.length && offsets.every(isOffset)) return offsets;
    const message = 'The store did not give an offset, a text of one line, for each event that it was given.';
    throw new RelayError(message, { code: 'store_failed' });
  };
}
