import { InvalidInputError, isInvalidInputError, quoted, typed } from '../errors.ts';
import { type ContainerInput, toContainerParam } from '../request/container.ts';
import type { TurnEvent, UnnumberedEvent } from '../turn/events.ts';
import { TurnFold } from '../turn/fold.ts';
import { filesNotCapturedNotice } from '../turn/notices.ts';
import { initialTurnState, outcomeOf, stopReasonOf, type TurnState } from '../turn/state.ts';
import { TurnTranslator } from '../turn/translate.ts';
import { requestedContainerId } from '../wire/container.ts';
import { readEventStream, readResponse } from '../wire/read-response.ts';
import { readSdkStream } from '../wire/read-sdk-stream.ts';
import type { ReadOptions } from '../wire/reader.ts';
import { ownSignal } from '../wire/signals.ts';
import { overtime } from '../wire/turn-break.ts';
import { errorOf, failTurn } from './failure.ts';
import { type ResolvedTurnOptions, resolveTurnOptions, type TurnOptions } from './options.ts';

/** A response that was asked for without this package: the SDK's raw stream, a `Response`, or its body. */
export type TurnEventSource = AsyncIterable<object> | Response | ReadableStream<Uint8Array>;

/** Options of {@link turnEvents}; those of reading are as for `streamTurn`. */
export interface TurnEventsOptions
  extends Pick<
    TurnOptions,
    'signal' | 'idleTimeoutMs' | 'maxResponseMs' | 'maxEventBytes' | 'maxTurnBytes' | 'maxTurnEvents'
  > {
  /** The state of the turn so far, when this response continues one. Default: a new turn. */
  readonly state?: TurnState;
  /**
   * The container in the request, or `null` for none.
   * Default: not known, and `container` events say `unknown`.
   */
  readonly container?: ContainerInput;
}

/**
 * The events of one response of an exchange made without this package, the same as `streamTurn` gives,
 * but for times, which are `null`. Ends with `pause` when the response did, else with `turn-end`.
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
  const { state, resolved, fold, requestedContainer, responseIndex } = typed('turnEvents', () =>
    begin(options),
  );
  let { seq } = state;
  let queue: TurnEvent[] = [];
  const emit = (event: UnnumberedEvent) => {
    const numbered = { ...event, seq: ++seq } as TurnEvent;
    fold.push(numbered);
    queue.push(numbered);
  };
  const take = () => {
    const taken = queue;
    queue = [];
    return taken;
  };

  const translator = new TurnTranslator(emit, state, { maxEvents: resolved.maxTurnEvents });
  translator.beginResponse({ responseIndex, requestedContainer, startedAt: null });
  let failure: { readonly error: unknown } | undefined;
  const own = ownSignal(resolved.signal);
  own.limit(resolved.maxResponseMs, () => overtime(resolved.maxResponseMs));
  try {
    const limits = { ...resolved, signal: own.signal };
    for await (const _ of read(source, limits, (event) => translator.push(event))) {
      yield* take();
      if (translator.stopped) break;
    }
    const response = translator.complete(null);
    const outcome = outcomeOf(response);
    if (outcome === 'paused') emit({ type: 'pause', responseIndex });
    else {
      const notice = filesNotCapturedNotice(fold.state);
      if (notice) emit({ type: 'notice', notice });
      emit({ type: 'turn-end', outcome, stopReason: stopReasonOf(response) });
    }
  } catch (error) {
    if (isInvalidInputError(error)) throw error;
    const { signal } = resolved;
    const turn = { signal, emit, readState: () => fold.state, lastState: state, responses: [], translator };
    failure = { error: errorOf(failTurn(error, turn), () => null) };
  } finally {
    own.release();
  }
  yield* take();
  if (failure) throw failure.error;
}

function begin({ state = initialTurnState(), container, ...rest }: TurnEventsOptions) {
  const isKnown = container !== undefined;
  return {
    state,
    resolved: resolveTurnOptions(rest),
    fold: new TurnFold(state),
    requestedContainer: isKnown ? requestedContainerId(toContainerParam(container)) : undefined,
    responseIndex: state.exchanges.filter(({ interrupted }) => !interrupted).length,
  };
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
    `turnEvents takes the SDK's raw stream (\`await client.messages.create({ …, stream: true })\`), a Response or its body, got ${quoted(source)}.`,
  );
}
