import { createParser } from 'eventsource-parser';
import { assertInput, isCodeExecutionError, quoted, reasonOf, typedError } from '../errors.ts';
import type { TurnEvent } from '../turn/events.ts';
import { damageIn, eventSchema } from '../turn/schemas.ts';
import { ownSignal, sleep, untilAborted } from '../wire/signals.ts';
import { isRelayError, RelayError } from './errors.ts';
import { isLast } from './sent-event.ts';

/** One response, or what asks for one: after a lost connection again, with the id of the last event. */
export type RelaySource = Response | ((lastEventId: string | undefined) => Promise<Response>);

/** Options of {@link readEvents}. */
export interface ReadEventsOptions {
  /** Ends the reading with a `RelayError` of code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** How often in a row a lost connection is made again, without an event between. Default 5. */
  readonly retries?: number | undefined;
  /**
   * A connection on which nothing came for so long counts as lost, in milliseconds. The relay
   * sends a heartbeat each 15 s. Default 60,000.
   */
  readonly idleTimeoutMs?: number | undefined;
  /** The longest event, in characters. Default 64 Mi. */
  readonly maxEventChars?: number | undefined;
}

/** What came on the wire. */
interface Received {
  readonly id?: string | undefined;
  readonly data: string;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

/**
 * The events of a relayed turn, each once and in order, for `reduceTurn`. Needs no SDK, and runs in browsers.
 *
 * Given a function, it connects again where a connection is lost, after the last event that came. It ends
 * after `turn-end`, and after `turn-error`, which is the turn's own failure and is not thrown.
 * Each event is checked before it is given; types of a later version come as `unknown`.
 *
 * @throws {RelayError} when the rest of the turn cannot be had: see its codes.
 *
 * @example
 * ```ts
 * const connect = (lastEventId?: string) =>
 *   fetch(`/turns/${key}`, { headers: lastEventId ? { 'last-event-id': lastEventId } : {} });
 * let state = initialTurnState();
 * for await (const event of readEvents(connect)) render((state = reduceTurn(state, event)));
 * ```
 */
export async function* readEvents(
  source: RelaySource,
  options: ReadEventsOptions = {},
): AsyncGenerator<TurnEvent> {
  try {
    yield* eventsOf(source, options);
  } catch (error) {
    throw typedError('readEvents', error);
  }
}

async function* eventsOf(source: RelaySource, options: ReadEventsOptions): AsyncGenerator<TurnEvent> {
  const { signal, retries = 5 } = options;
  assertInput(retries >= 0, 'retries must be a number of at least 0', retries);
  const check = checker();
  let lastId: string | undefined;
  let hasEvents = false;
  for (let failures = 0; ; ) {
    try {
      for await (const { id, data } of connection(source, lastId, options)) {
        // What a server repeats after a reconnect was given already.
        if (id !== undefined && id === lastId) continue;
        const event = check(data);
        lastId = id ?? lastId;
        hasEvents = true;
        failures = 0;
        yield event;
        if (isLast(event)) return;
      }
      throw cut('The connection ended before the last event of the turn.');
    } catch (error) {
      const canGoOn = typeof source === 'function' && (lastId !== undefined || !hasEvents);
      if (!isRelayError(error) || !error.retryable || !canGoOn || failures++ >= retries) throw error;
      await pause(failures, signal);
    }
  }
}

/** What one connection gives. */
async function* connection(
  source: RelaySource,
  lastId: string | undefined,
  { signal, idleTimeoutMs = 60_000, maxEventChars = 64 * 1024 * 1024 }: ReadEventsOptions,
): AsyncGenerator<Received> {
  const own = ownSignal(signal);
  const late = () => cut(`Nothing came for ${idleTimeoutMs} ms.`);
  let lift = own.limit(idleTimeoutMs, late);
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const received: Received[] = [];
  let tooLong: unknown;
  const parser = createParser({
    maxBufferSize: maxEventChars,
    onEvent: (event) => received.push(event),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') tooLong = error;
    },
  });
  const decoder = new TextDecoder();
  try {
    const response = typeof source === 'function' ? source(lastId) : Promise.resolve(source);
    reader = bodyOf(await untilAborted(response, own.signal)).getReader();
    for (;;) {
      const { done, value } = await untilAborted(reader.read(), own.signal);
      lift();
      lift = own.limit(idleTimeoutMs, late);
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* received.splice(0);
      if (tooLong) throw damaged(`is longer than ${maxEventChars} characters`, tooLong);
    }
  } catch (error) {
    if (signal?.aborted)
      throw new RelayError('Reading was aborted.', { code: 'aborted', cause: signal.reason });
    if (isCodeExecutionError(error)) throw error;
    throw cut(`The connection failed: ${reasonOf(error)}.`, error);
  } finally {
    own.release();
    // A body that fails while it is left is left all the same.
    reader?.cancel().catch(() => {});
  }
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  const isResponse = typeof response?.headers?.get === 'function';
  assertInput(isResponse, 'readEvents takes a Response, or a function that gives one', response);
  const { status, body, headers } = response;
  const type = headers.get('content-type') ?? '';
  if (response.ok && body && /^text\/event-stream\b/i.test(type)) return body;
  body?.cancel().catch(() => {});
  const passes = status === 408 || status === 425 || status === 429 || status >= 500;
  const message = `The server answered ${status} with ${quoted(type)}, and a relayed turn is text/event-stream.`;
  throw new RelayError(message, { code: 'relay_refused', status, retryable: passes });
}

/** Reads an event, and knows where the last response was for those of a later version. */
function checker(): (data: string) => TurnEvent {
  const schema = eventSchema();
  let responseIndex = 0;
  return (data) => {
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch (cause) {
      throw damaged(`is no JSON: ${quoted(data)}`, cause);
    }
    const { type, seq, responseIndex: index } = (event ?? {}) as Record<string, unknown>;
    const damage = damageIn(schema, event);
    const isOfLaterVersion =
      damage?.startsWith('type: ') && typeof type === 'string' && Number.isInteger(seq);
    if (isOfLaterVersion) return { type: 'unknown', seq: seq as number, responseIndex, raw: event };
    if (damage) throw damaged(`cannot be used: ${damage}`);
    if (typeof index === 'number') responseIndex = index;
    return event as TurnEvent;
  };
}

function cut(message: string, cause?: unknown): RelayError {
  return new RelayError(message, { code: 'relay_cut', retryable: true, cause });
}

function damaged(what: string, cause?: unknown): RelayError {
  return new RelayError(`An event of the turn ${what}.`, { code: 'event_damaged', cause });
}

async function pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const own = ownSignal(signal);
  try {
    await sleep(Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS), own.signal);
  } catch (cause) {
    throw new RelayError('Reading was aborted.', { code: 'aborted', cause });
  } finally {
    own.release();
  }
}
