import {
  CodeExecutionError,
  ContainerLostError,
  type InterruptionCode,
  TurnInterruptedError,
  type TurnLimitError,
} from '../errors.ts';
import { mayPass } from '../sdk/may-pass.ts';
import { showsThatNothingRan } from '../sdk/send.ts';
import type { UnnumberedEvent } from '../turn/events.ts';
import type { Checkpoint, TurnState } from '../turn/state.ts';
import type { TurnTranslator } from '../turn/translate.ts';
import type { Message } from '../wire/blocks.ts';
import { reasonOf } from '../wire/reason.ts';
import { StreamFailure } from '../wire/stream-failure.ts';

/** A limit forbids to go on. The error is made behind the last event, so that numbers go on from there. */
export class LimitReached extends Error {
  readonly toError: (state: TurnState) => TurnLimitError;

  constructor(message: string, toError: (state: TurnState) => TurnLimitError) {
    super(message);
    this.toError = toError;
  }
}

/** The container of a request is gone. */
export class LostContainer extends Error {
  readonly containerId: string;

  constructor(containerId: string, cause: unknown) {
    super(`Container ${containerId} is gone, with its files and variables.`, { cause });
    this.containerId = containerId;
  }
}

/** A function of the caller's threw between two responses. */
export class CallbackFailure extends Error {
  readonly code: InterruptionCode;

  constructor(name: 'onCheckpoint' | 'stopWhen', cause: unknown) {
    super(`${name} failed: ${reasonOf(cause)}`, { cause });
    this.code = name === 'onCheckpoint' ? 'checkpoint_failed' : 'stop_when_failed';
  }
}

/** Whether a response broke off in a way that passes by itself. Its code may have run; where nothing ran, `retries` did what they can. */
export function brokeOff(error: unknown): boolean {
  if (error instanceof StreamFailure)
    return error.retryable || error.code === 'stream_cut' || error.code === 'idle_timeout';
  return mayPass(error) && !showsThatNothingRan(error);
}

/** A turn at the moment when it failed. */
interface FailedTurn {
  readonly signal?: AbortSignal;
  readonly emit: (event: UnnumberedEvent) => void;
  readonly readState: () => TurnState;
  /** The responses that are whole. */
  readonly responses: readonly Message[];
  /** Holds the message of the last response, as far as it came; it may be one of them. */
  readonly translator: TurnTranslator;
  readonly checkpoint?: Checkpoint;
}

/** Ends the events with a `turn-error`, and makes what is thrown: with everything received, wherever anything was. */
export function failTurn(error: unknown, turn: FailedTurn): unknown {
  turn.translator.interrupt();
  const partial = turn.translator.message;
  const responses =
    partial && turn.responses.at(-1) !== partial ? [...turn.responses, partial] : turn.responses;
  const failure = failureOf(error, turn.signal, responses.length);
  turn.emit({
    type: 'turn-error',
    code: failure.code,
    message: failure.message,
    retryable: failure.retryable,
  });
  const state = turn.readState();
  if (error instanceof LimitReached && failure.code === 'turn_limit') return error.toError(state);
  if (error instanceof LostContainer && failure.code === 'container_lost') {
    const { containerId } = error;
    return new ContainerLostError(failure.message, { ...failure, containerId, state, responses });
  }
  if (!failure.interrupts) return error;
  const { checkpoint = null } = turn;
  const code = failure.code as InterruptionCode;
  return new TurnInterruptedError(failure.message, { ...failure, code, state, responses, checkpoint });
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly requestId: string | null;
  readonly cause: unknown;
  /** Whether it is thrown as a `TurnInterruptedError`; else the error itself is. */
  readonly interrupts: boolean;
}

function failureOf(error: unknown, signal: AbortSignal | undefined, responses: number): Failure {
  const { code, type, name, message, retryable, requestID } = (error ?? {}) as Record<string, unknown>;
  const reason = typeof message === 'string' ? message : reasonOf(error);
  const facts = {
    message: reason,
    retryable: retryable === true,
    requestId: typeof requestID === 'string' ? requestID : null,
    cause: error,
  };
  if (signal?.aborted) {
    return {
      ...facts,
      code: 'aborted',
      message: 'The turn was aborted.',
      cause: signal.reason,
      interrupts: true,
    };
  }
  if (error instanceof StreamFailure) {
    return { ...facts, code: error.code, requestId: error.requestId, cause: error.cause, interrupts: true };
  }
  if (error instanceof LimitReached) return { ...facts, code: 'turn_limit', interrupts: false };
  if (error instanceof LostContainer) {
    const { requestID: id } = (error.cause ?? {}) as Record<string, unknown>;
    const requestId = typeof id === 'string' ? id : null;
    return { ...facts, code: 'container_lost', requestId, cause: error.cause, interrupts: false };
  }
  if (error instanceof CallbackFailure) {
    return { ...facts, code: error.code, cause: error.cause, interrupts: true };
  }
  // Errors of the SDK pass through as they are while there is nothing to lose; they name their kind in `type`.
  if (error instanceof CodeExecutionError || responses === 0) {
    return { ...facts, code: String(code ?? type ?? name ?? 'unknown_error'), interrupts: false };
  }
  const after = `after ${responses} response${responses === 1 ? '' : 's'} of the turn`;
  return {
    ...facts,
    code: 'request_failed',
    message: `The request ${after} failed: ${reason}`,
    interrupts: true,
  };
}
