import type { InterruptionCode } from '../errors.ts';

/**
 * How reading a response failed. Internal: the turn room adds what was received so far and throws it as a
 * `TurnInterruptedError`.
 */
export class StreamFailure extends Error {
  override readonly name = 'StreamFailure';
  readonly code: InterruptionCode;
  readonly retryable: boolean;
  /** Filled in from the response's headers where the event names none. */
  requestId: string | null;

  constructor(
    message: string,
    options: {
      readonly code: InterruptionCode;
      readonly cause?: unknown;
      readonly retryable?: boolean;
      readonly requestId?: string | null;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.requestId = options.requestId ?? null;
  }
}

export function turnAborted(cause?: unknown): StreamFailure {
  return new StreamFailure('The turn was aborted.', { code: 'aborted', cause });
}

export function silent(idleTimeoutMs: number, cause?: unknown): StreamFailure {
  return new StreamFailure(
    `Nothing was received for ${idleTimeoutMs} ms. Raise idleTimeoutMs if that is expected.`,
    { code: 'idle_timeout', cause },
  );
}

export function connectionBroke(cause: unknown): StreamFailure {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StreamFailure(`The connection broke while the response was arriving (${reason}).`, {
    code: 'stream_cut',
    cause,
  });
}

export function turnTooLarge(maxBytes: number): StreamFailure {
  return new StreamFailure(
    `The responses of this turn are larger than ${maxBytes} bytes. Raise maxTurnBytes if that is expected.`,
    { code: 'too_large' },
  );
}

export function eventTooLarge(maxEventBytes: number, cause?: unknown): StreamFailure {
  return new StreamFailure(
    `One event of the response is larger than ${maxEventBytes} characters. Raise maxEventBytes if that is expected.`,
    { code: 'too_large', cause },
  );
}

/** Whether a kind of API error passes by itself. */
export function isPassing(type: string): boolean {
  return ['overloaded_error', 'api_error', 'rate_limit_error', 'timeout_error'].includes(type);
}
