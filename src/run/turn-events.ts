import { InvalidInputError } from '../errors.ts';
import { type ContainerInput, requestedContainerId, toContainerParam } from '../request/container.ts';
import { describe } from '../sdk/client.ts';
import { EventLog } from '../turn/event-log.ts';
import type { TurnEvent, UnnumberedEvent } from '../turn/events.ts';
import { initialTurnState, outcomeOf, type TurnState } from '../turn/state.ts';
import { TurnTranslator } from '../turn/translate.ts';
import { type ReadOptions, readEventStream, readResponse } from '../wire/read-response.ts';
import { readSdkStream } from '../wire/read-sdk-stream.ts';
import { failTurn } from './failure.ts';
import { filesNotCapturedNotice } from './notices.ts';
import { type ResolvedTurnOptions, resolveTurnOptions } from './options.ts';

/** A response that was asked for without this package: the SDK's raw stream, a `Response`, or its body. */
export type TurnEventSource = AsyncIterable<object> | Response | ReadableStream<Uint8Array>;

/** Options of {@link turnEvents}. */
export interface TurnEventsOptions {
  /** The state of the turn so far, when this response continues one. Default: a new turn. */
  readonly state?: TurnState;
  /** The container in the request, or `null` for none. Default: not known, and `container` events say `unknown`. */
  readonly container?: ContainerInput;
  /** Ends with a `TurnInterruptedError` of code `aborted`. The SDK's raw stream can be ended by its own controller, too. */
  readonly signal?: AbortSignal | undefined;
  /** As for `streamTurn`. */
  readonly idleTimeoutMs?: number | undefined;
  readonly maxEventBytes?: number | undefined;
  readonly maxTurnBytes?: number | undefined;
}

/**
 * The events of one response of an exchange made without this package, the same as `streamTurn` gives. Ends with
 * `pause` when the response did, else with `turn-end`.
 *
 * @throws {InvalidInputError} for a source that is none of the three.
 * @throws {TurnInterruptedError} when the response ends without `message_stop`, with everything received.
 *
 * @example
 * ```ts
 * const stream = await client.messages.create({ ...params, stream: true });
 * let state = initialTurnState();
 * for await (const event of turnEvents(stream)) state = reduceTurn(state, event);
 * ```
 */
export async function* turnEvents(
  source: TurnEventSource,
  options: TurnEventsOptions = {},
): AsyncGenerator<TurnEvent> {
  const { state = initialTurnState(), container, ...rest } = options;
  const resolved = resolveTurnOptions(rest);
  const { signal } = resolved;
  const log = new EventLog(state);
  let { seq } = state;
  let queue: TurnEvent[] = [];
  const emit = (event: UnnumberedEvent) => {
    const numbered = { ...event, seq: ++seq } as TurnEvent;
    log.push(numbered);
    queue.push(numbered);
  };
  const take = () => {
    const taken = queue;
    queue = [];
    return taken;
  };

  const translator = new TurnTranslator(emit, state);
  const requestedContainer =
    container === undefined ? undefined : requestedContainerId(toContainerParam(container));
  translator.beginResponse({ responseIndex: state.responseCount, requestedContainer });
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const _ of read(source, resolved, (event) => translator.push(event))) {
      yield* take();
      if (translator.stopped) break;
    }
    const { stop_reason: stopReason } = translator.complete(null);
    if (stopReason === 'pause_turn') emit({ type: 'pause', responseIndex: state.responseCount });
    else {
      const notice = filesNotCapturedNotice(translator);
      if (notice) emit({ type: 'notice', notice });
      emit({ type: 'turn-end', outcome: outcomeOf(stopReason), stopReason });
    }
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    const facts = { emit, readState: () => log.state, responses: [], translator };
    failure = { error: failTurn(error, signal ? { ...facts, signal } : facts) };
  }
  yield* take();
  if (failure) throw failure.error;
}

function read(
  source: TurnEventSource,
  options: ResolvedTurnOptions,
  onEvent: Parameters<typeof readResponse>[2],
): AsyncGenerator<void> {
  const { signal, idleTimeoutMs, maxEventBytes, maxTurnBytes } = options;
  const budget = { bytesLeft: maxTurnBytes, maxBytes: maxTurnBytes };
  const limits: ReadOptions = { signal, idleTimeoutMs, maxEventBytes, budget };
  if (typeof source === 'object' && source !== null) {
    // By shape: a Response of another realm or of a polyfill is one, too.
    if ('body' in source && 'headers' in source) {
      if (source.bodyUsed) throw new InvalidInputError('The Response given to turnEvents was read already.');
      return readResponse(source, limits, onEvent);
    }
    if ('getReader' in source) return readEventStream(source, limits, onEvent);
    if (Symbol.asyncIterator in source) return readSdkStream(source, limits, onEvent);
  }
  throw new InvalidInputError(
    `turnEvents takes the SDK's raw stream (\`await client.messages.create({ …, stream: true })\`), a Response or its body, got ${describe(source)}.`,
  );
}
