import { assertInput, typed } from '../errors.ts';
import type { TurnEvent } from '../turn/events.ts';
import { withoutRaw } from '../turn/without-raw.ts';
import { RelayError } from './errors.ts';
import type { EventStore } from './event-store.ts';
import { assertEventStreamOptions, type EventStreamOptions, eventStreamResponse } from './event-stream.ts';
import { batchesOf, failureEvent, isLast, reporterOf, type SentEvent } from './sent-event.ts';

/** Options of {@link resumeResponse}. */
export interface ResumeResponseOptions extends EventStreamOptions {
  /** Send blocks as the API sent them, too, where they were stored. Default `false`. */
  readonly raw?: boolean | undefined;
  /** Called when the store fails: a browser gets no details. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Goes on with the events of a stored turn after the reader's `last-event-id`, or from the first where
 * the request has none, as after a reload. Several readers may follow one turn. The turn itself is
 * not touched: a reader that leaves ends nothing.
 *
 * An unknown key, or an offset whose events are gone, is a `turn-error` event of code `unknown_key` or
 * `events_gone`: an `EventSource` would ask for ever after any other answer. **The caller authorises who may
 * read a key.**
 *
 * @example
 * ```ts
 * export async function GET(request: Request) {
 *   const key = await keyOf(request);
 *   return resumeResponse(store, key, request);
 * }
 * ```
 */
export function resumeResponse(
  store: EventStore,
  key: string,
  request: { readonly headers: { get(name: string): string | null } },
  options: ResumeResponseOptions = {},
): Response {
  return typed('resumeResponse', () => {
    assertInput(typeof store?.read === 'function', 'resumeResponse takes a store with read', store);
    assertInput(typeof key === 'string' && key !== '', 'resumeResponse takes the key of a turn', key);
    assertEventStreamOptions(options);
    return storedResponse(store, key, request.headers.get('last-event-id') || null, options);
  });
}

/** The events of a stored turn after an offset, once it has begun. */
export function storedResponse(
  store: EventStore,
  key: string,
  after: string | null,
  options: ResumeResponseOptions & { readonly begun?: Promise<unknown> },
): Response {
  const controller = new AbortController();
  const events = follow(store, key, after, controller, options);
  const take = async () => (await events.next()).value || undefined;
  return eventStreamResponse({ take, leave: () => controller.abort() }, options);
}

async function* follow(
  store: EventStore,
  key: string,
  after: string | null,
  controller: AbortController,
  { raw = false, onError, begun }: ResumeResponseOptions & { readonly begun?: Promise<unknown> },
): AsyncGenerator<readonly SentEvent[]> {
  const shown = (event: TurnEvent) => (raw ? event : withoutRaw(event));
  let seq = -1;
  try {
    await begun;
    const { signal } = controller;
    for await (const batch of batchesOf(store.read(key, after, { signal }))) {
      seq = batch.at(-1)?.event.seq ?? seq;
      const end = batch.findIndex(({ event }) => isLast(event));
      // A store that is not closed would be waited for.
      if (end !== -1) controller.abort();
      yield (end === -1 ? batch : batch.slice(0, end + 1)).map(({ offset, event }) => ({
        offset,
        event: shown(event),
      }));
      if (end !== -1) return;
    }
    if (controller.signal.aborted) return;
    throw new RelayError('The turn was closed before its last event.', {
      code: 'relay_cut',
      retryable: true,
    });
  } catch (error) {
    if (controller.signal.aborted) return;
    reporterOf(onError)(error);
    yield [{ event: failureEvent(error, seq + 1, 'The store') }];
  }
}
