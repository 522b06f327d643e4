import type { Message } from '@anthropic-ai/sdk/resources/messages';
import { CodeExecutionError, type CodeExecutionErrorOptions, guardOf } from '../errors.ts';
import type { TurnLimits } from '../turn/limits.ts';
import type { TurnState } from '../turn/state.ts';
import type { Checkpoint, Turn } from '../turn/turn.ts';

/** Why a turn ended before its end: see {@link TurnInterruptedError}. */
export type InterruptionCode =
  | 'stream_cut'
  | 'idle_timeout'
  | 'response_timeout'
  | 'aborted'
  | 'stream_error'
  | 'invalid_stream'
  | 'not_a_stream'
  | 'too_large'
  | 'request_failed'
  | 'checkpoint_failed'
  | 'stop_when_failed';

/** What an error of a turn keeps of it. */
interface ReceivedSoFar {
  readonly state: TurnState;
  readonly responses: readonly Message[];
}

/**
 * The exchange broke inside a turn: the stream was cut, fell silent, carried an `error` event,
 * was aborted, or a later request of the turn failed. Nothing received is lost: `.state` holds
 * the turn as far as it came and `.responses` the messages, the last of which may be incomplete.
 *
 * Code that ran has run: sending the turn again may run it twice. `.checkpoint` is the last boundary
 * between two responses, for `resumeTurn`; where `mayRerun` is set, it wants `rerun: true`.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!isTurnInterruptedError(error)) throw error;
 *   show(error.state.answer, error.state.executions);
 *   if (error.checkpoint) await store.put(id, JSON.stringify(error.checkpoint));
 * }
 * ```
 */
export class TurnInterruptedError extends CodeExecutionError {
  override readonly name = 'TurnInterruptedError';
  declare readonly code: InterruptionCode;
  /** The turn as far as it was received; `status` is `'interrupted'`. */
  readonly state: TurnState;
  /** Every response verbatim, in order; the last one as far as it was received. */
  readonly responses: readonly Message[];
  /** The last boundary between two responses; `null` for an exchange that was not made by this package. */
  readonly checkpoint: Checkpoint | null;

  constructor(
    message: string,
    options: CodeExecutionErrorOptions &
      ReceivedSoFar & { readonly code: InterruptionCode; readonly checkpoint: Checkpoint | null },
  ) {
    super(message, options);
    this.state = options.state;
    this.responses = options.responses;
    this.checkpoint = options.checkpoint;
  }
}

/**
 * The container that a request asked for is gone, with its files and variables. Nothing of that
 * request ran. Run the turn again without `container`, or set `onLostContainer: 'restart'`.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!isContainerLostError(error)) throw error;
 *   await runTurn(client, { ...params, container: undefined, messages: [userMessage(question, { files })] });
 * }
 * ```
 */
export class ContainerLostError extends CodeExecutionError {
  override readonly name = 'ContainerLostError';
  readonly containerId: string;
  /** The turn as far as it came; `status` is `'interrupted'`. */
  readonly state: TurnState;
  /** Every response of the turn verbatim, in order. */
  readonly responses: readonly Message[];

  constructor(
    message: string,
    options: Omit<CodeExecutionErrorOptions, 'code'> & ReceivedSoFar & { readonly containerId: string },
  ) {
    super(message, { ...options, code: 'container_lost' });
    this.containerId = options.containerId;
    this.state = options.state;
    this.responses = options.responses;
  }
}

/**
 * A limit of the options was reached between two responses; `.code` is `turn_limit`.
 * The turn is not finished, and not lost: `.turn` holds everything so far.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!isTurnLimitError(error)) throw error;
 *   if (error.limit === 'maxPauses') turn = await resumeTurn(client, error.checkpoint).turn();
 * }
 * ```
 */
export class TurnLimitError extends CodeExecutionError {
  override readonly name = 'TurnLimitError';
  declare readonly code: 'turn_limit';
  /** The option that was reached, such as `maxPauses`. */
  readonly limit: keyof TurnLimits;
  /** The turn so far; `outcome` is `'paused'`. */
  readonly turn: Turn;
  /** What `resumeTurn` takes; the counter of this limit starts again from zero. */
  readonly checkpoint: Checkpoint;

  constructor(
    message: string,
    options: { readonly limit: keyof TurnLimits; readonly turn: Turn; readonly checkpoint: Checkpoint },
  ) {
    super(message, { code: 'turn_limit' });
    this.limit = options.limit;
    this.turn = options.turn;
    this.checkpoint = options.checkpoint;
  }
}

/** True for a {@link TurnInterruptedError}, also of another copy of this package. */
export const isTurnInterruptedError = /* @__PURE__ */ guardOf<TurnInterruptedError>('TurnInterruptedError');

/** True for a {@link ContainerLostError}, also of another copy of this package. */
export const isContainerLostError = /* @__PURE__ */ guardOf<ContainerLostError>('ContainerLostError');

/** True for a {@link TurnLimitError}, also of another copy of this package. */
export const isTurnLimitError = /* @__PURE__ */ guardOf<TurnLimitError>('TurnLimitError');
