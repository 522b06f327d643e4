import { attempt } from '../errors.ts';

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

/** Whatever was thrown, also a Proxy that throws when it is asked. */
export function isTurnBreak(error: unknown): error is TurnBreak {
  return attempt(() => error instanceof TurnBreak, false);
}

/** What an abort means: a limit of time aborts with its own break as the reason. */
export function turnAborted(cause?: unknown): TurnBreak {
  if (isTurnBreak(cause)) return cause;
  return new TurnBreak('aborted', 'The turn was aborted.', { cause });
}

export function silent(idleTimeoutMs: number): TurnBreak {
  return new TurnBreak(
    'idle_timeout',
    `Nothing was received for ${idleTimeoutMs} ms. Raise idleTimeoutMs if that is expected.`,
  );
}

/** The whole response took too long, however much of it came. */
export function overtime(maxResponseMs: number): TurnBreak {
  const message = `The response had not ended ${maxResponseMs} ms after its request. Raise maxResponseMs if that is expected.`;
  return new TurnBreak('response_timeout', message);
}

/** The answer and its stop reason came, and then nothing, or pings alone. */
export function stopOverdue(stopReason: string, milliseconds: number): TurnBreak {
  const message =
    `The answer came with its stop reason (${stopReason}), but no message_stop in ${milliseconds} ms after it. ` +
    'error.responses holds the whole message.';
  return new TurnBreak('stream_cut', message, { subject: stopReason });
}

/** What an answer is that should be a stream, as far as that is known. */
export interface AnswerFacts {
  readonly status?: number | undefined;
  readonly contentType?: string | null | undefined;
}

/** `begin` is what came, or its beginning; `words` are what it says of an error. */
export function notAStream(
  { status, contentType }: AnswerFacts,
  begin: string,
  words?: string | undefined,
): TurnBreak {
  const text = printable(begin.slice(0, 1000)).slice(0, 300);
  const http = status === undefined ? '' : `HTTP ${status}, `;
  const message =
    `The server answered with what is no event stream (${http}${contentType ?? 'no content type'})` +
    `${words ? `: ${words}` : ''}. ${text === '' ? 'The body is blank.' : `It begins: ${text}`}`;
  return new TurnBreak('not_a_stream', message, { cause: { status, contentType, text } });
}

/** Without control characters, which would do things to a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}

/** More than an option allows: of bytes, characters or events. */
export function tooLarge(what: string, option: string, cause?: unknown): TurnBreak {
  return new TurnBreak('too_large', `${what}. Raise ${option} if that is expected.`, { cause });
}

export function invalidStream(message: string, cause?: unknown): TurnBreak {
  return new TurnBreak('invalid_stream', message, { cause });
}

/** An error of the API, or of what stands before it, after HTTP 200. */
export function streamError(
  { name, subject }: { readonly name: string; readonly subject: string },
  words: string,
  facts: { readonly cause: unknown; readonly requestId: string | null },
): TurnBreak {
  return new TurnBreak('stream_error', `The API ended the stream with ${name}: ${words}`, {
    ...facts,
    subject,
  });
}
