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
