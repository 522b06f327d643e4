/**
 * Why a turn breaks off. Internal: where something was received, the run room adds it, and throws what the
 * caller sees. It reports facts; what they mean for sending again is in the table of `sdk/failures.ts`.
 */
export class TurnBreak extends Error {
  override readonly name = 'TurnBreak';
  readonly code: string;
  /**
   * What it is about: the kind of the API's error, such as
   * `overloaded_error`, the option of a limit, or the id of a container.
   */
  readonly subject: string | null;
  /** Filled in from the response's headers where the event names none. */
  requestId: string | null;

  constructor(
    code: string,
    message: string,
    facts: {
      readonly cause?: unknown;
      readonly subject?: string | null;
      readonly requestId?: string | null;
    } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.subject = facts.subject ?? null;
    this.requestId = facts.requestId ?? null;
  }
}

export function turnAborted(cause?: unknown): TurnBreak {
  return new TurnBreak('aborted', 'The turn was aborted.', { cause });
}

export function silent(idleTimeoutMs: number): TurnBreak {
  return new TurnBreak(
    'idle_timeout',
    `Nothing was received for ${idleTimeoutMs} ms. Raise idleTimeoutMs if that is expected.`,
  );
}

/** More than an option allows: of bytes, characters or events. */
export function tooLarge(what: string, option: string, cause?: unknown): TurnBreak {
  return new TurnBreak('too_large', `${what}. Raise ${option} if that is expected.`, { cause });
}

export function invalidStream(message: string, cause?: unknown): TurnBreak {
  return new TurnBreak('invalid_stream', message, { cause });
}

/** An error of the API after HTTP 200. */
export function streamError(
  type: string,
  message: string,
  facts: { readonly cause: unknown; readonly requestId: string | null },
): TurnBreak {
  return new TurnBreak('stream_error', `The API ended the stream with ${type}: ${message}`, {
    ...facts,
    subject: type,
  });
}
