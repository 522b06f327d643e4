import { attempt, CodeExecutionError, isTyped, reasonOf } from '../errors.ts';
import { factsOf, verdictOf } from '../sdk/failures.ts';
import type { TurnState } from '../turn/state.ts';
import type { TurnTranslator } from '../turn/translate.ts';
import type { Checkpoint } from '../turn/turn.ts';
import { asText, type Message } from '../wire/blocks.ts';
import { isTurnBreak, turnAborted } from '../wire/turn-break.ts';
import { ContainerLostError, type InterruptionCode, TurnInterruptedError } from './errors.ts';
import type { Stage } from './plan.ts';

/** A turn at the moment when it fails. */
interface FailingTurn extends Pick<Stage, 'emit' | 'readState'> {
  readonly signal: AbortSignal | undefined;
  /** The state to give where that of now cannot be folded. */
  readonly lastState: TurnState;
  /** The responses that are whole. */
  readonly responses: readonly Message[];
  /** Holds the message of the last response, as far as it came; it may be one of them. */
  readonly translator: TurnTranslator;
}

/** A turn that failed: its last event has happened. */
export interface FailedTurn {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly requestId: string | null;
  readonly cause: unknown;
  /** What a break is about; `null` for any other error. */
  readonly subject: string | null;
  /** Everything that was received. */
  readonly state: TurnState;
  readonly responses: readonly Message[];
  /** Thrown as it is: an error of the SDK while there is nothing to lose, or one of this package. */
  readonly asItIs: boolean;
}

/** Ends the events with a `turn-error`, and gathers what is thrown with everything received. */
export function failTurn(
  error: unknown,
  { signal, emit, readState, lastState, responses, translator }: FailingTurn,
): FailedTurn {
  // What failed may fail here again, and must not take with it what was received.
  attempt(() => translator.interrupt(), undefined);
  const partial = attempt(() => translator.message, null);
  const received = partial && responses.at(-1) !== partial ? [...responses, partial] : responses;
  const facts = factsOfFailure(signal?.aborted ? turnAborted(signal.reason) : error, received.length);
  // The answer is there, and only its end is missing.
  const isThere = received !== responses && typeof partial?.stop_reason === 'string';
  const failure = isThere ? { ...facts, retryable: false } : facts;
  const { code, message, retryable } = failure;
  attempt(() => emit({ type: 'turn-error', code, message, retryable }), undefined);
  const ended = { ...lastState, status: 'interrupted' as const, error: { code, message, retryable } };
  return { ...failure, state: attempt(readState, ended), responses: received };
}

/** What is thrown for a turn that failed; `toCheckpoint` gives where it can go on. */
export function errorOf(failed: FailedTurn, toCheckpoint: () => Checkpoint | null): unknown {
  const { code, message, cause, subject, asItIs } = failed;
  if (asItIs) return cause;
  if (code === 'container_lost') {
    return new ContainerLostError(message, { ...failed, containerId: String(subject) });
  }
  const checkpoint = toCheckpoint();
  return new TurnInterruptedError(message, { ...failed, code: code as InterruptionCode, checkpoint });
}

function factsOfFailure(error: unknown, responses: number): Omit<FailedTurn, 'state' | 'responses'> {
  const retryable = verdictOf(error).passes;
  if (isTurnBreak(error)) {
    const { code, message, requestId, cause, subject } = error;
    const fromCause = requestId ?? factsOf(cause).requestId;
    return { code, message, retryable, requestId: fromCause, cause, subject, asItIs: false };
  }
  const { requestId, type } = factsOf(error);
  const facts = { retryable, requestId, cause: error, subject: null };
  const reason = reasonOf(error);
  if (responses === 0 && !isTyped(error)) {
    const message = `The request failed: ${reason}`;
    const cause = new CodeExecutionError(message, { code: 'request_failed', retryable, cause: error });
    return { ...facts, code: cause.code, message, cause, asItIs: true };
  }
  if (responses === 0) {
    const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
    return { ...facts, code: asText(code ?? type ?? name), message: reason, asItIs: true };
  }
  const after = `after ${responses} response${responses === 1 ? '' : 's'} of the turn`;
  const message = `The request ${after} failed: ${reason}`;
  return { ...facts, code: 'request_failed', message, asItIs: false };
}
