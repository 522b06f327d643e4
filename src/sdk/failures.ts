import { attempt, isCodeExecutionError, reasonOf } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';
import { headerOf } from '../wire/headers.ts';
import { isTurnBreak, type TurnBreak } from '../wire/turn-break.ts';

/** What a failed request, or a response that broke off, means for sending again. */
export interface Verdict {
  /** Something may have run: sending again may run it twice. */
  readonly mayHaveRun: boolean;
  /** It passes by itself: the same again may succeed. */
  readonly passes: boolean;
}

/** Nothing ran, and the same again is refused again. */
const REFUSED: Verdict = { mayHaveRun: false, passes: false };
/** Nothing ran, and it passes. */
const HELD_BACK: Verdict = { mayHaveRun: false, passes: true };
/** Something may have run, and it passes. */
const BROKE_OFF: Verdict = { mayHaveRun: true, passes: true };
const UNKNOWN: Verdict = { mayHaveRun: true, passes: false };

/**
 * The one table of what a failure means; every other place asks it. By status,
 * where there is one: what the SDK sends again, and of that 429, 503 and 529 are
 * answered before anything starts. `null` stands for a connection that broke.
 */
const BY_STATUS: ReadonlyMap<number | null, Verdict> = new Map([
  [null, BROKE_OFF],
  [408, BROKE_OFF],
  [409, BROKE_OFF],
  [429, HELD_BACK],
  [503, HELD_BACK],
  [529, HELD_BACK],
]);

/** Of a response that broke off, by the code of the break. */
const BY_CODE: ReadonlyMap<string, Verdict> = new Map([
  ['stream_cut', BROKE_OFF],
  ['idle_timeout', BROKE_OFF],
]);

/** Kinds of errors in a stream that pass by themselves: the API's, and what gateways call them. */
const PASSING_KIND = /^(api_error|timeout_error)$|overloaded|rate_limit|too_many_requests/;

/** Failures of making a connection, in Node, Bun and Deno: no byte of the request left. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
  'FailedToOpenSocket',
]);

export { headerOf };

/** What an error of the SDK says, whichever copy of the SDK made it. */
export interface ErrorFacts {
  /** HTTP status; `null` for an error of the connection, `undefined` for what is no error of the SDK. */
  readonly status: number | null | undefined;
  readonly type: string | null;
  /** The API's `details.error_code`, which gateways and older deployments leave out. */
  readonly errorCode: string | null;
  readonly requestId: string | null;
}

const NO_FACTS: ErrorFacts = { status: undefined, type: null, errorCode: null, requestId: null };

export function factsOf(error: unknown): ErrorFacts {
  return attempt(() => readFacts(error), NO_FACTS);
}

function readFacts(error: unknown): ErrorFacts {
  const { status, type, errorCode, requestID } = (isRecord(error) ? error : {}) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  const hasStatus = isRecord(error) && 'status' in error;
  return {
    status: typeof status === 'number' ? status : hasStatus ? null : undefined,
    type: text(type),
    errorCode: text(errorCode),
    requestId: text(requestID),
  };
}

/** Asks the table. `x-should-retry` of the server overrides what it says about passing. */
export function verdictOf(error: unknown): Verdict {
  if (isTurnBreak(error)) return ofBreak(error);
  if (isCodeExecutionError(error) && error.code === 'redirected') return REFUSED;
  return attempt(() => {
    const verdict = byStatus(error);
    const advice = headerOf(error, 'x-should-retry');
    return advice === null ? verdict : { ...verdict, passes: advice === 'true' };
  }, UNKNOWN);
}

/** Whether the API said no to exactly this request: nothing ran, and it would say no again. */
export function isRefused(error: unknown): boolean {
  const { mayHaveRun, passes } = verdictOf(error);
  return !mayHaveRun && !passes;
}

/**
 * Whether the API refused a request because its thinking is bound to another prefix: `system`, `tools` or
 * messages before it are not those that it was made with. Sessions compare them before they send; this is for
 * params that change between two turns of your own. Take all thinking out, or send what was sent before.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!isPrefixMismatch(error)) throw error;
 *   // The same messages, without blocks of type `thinking`.
 * }
 * ```
 */
export function isPrefixMismatch(error: unknown): boolean {
  // Recorded Oct 2026; an error of this package has the API's as its cause.
  return attempt(() => {
    for (let one = error; isRecord(one); one = one['cause']) {
      if (factsOf(one).status === 400 && /bound to a different conversation/i.test(reasonOf(one)))
        return true;
    }
    return false;
  }, false);
}

function ofBreak({ code, subject }: TurnBreak): Verdict {
  if (code === 'stream_error') {
    const status = Number(subject);
    return (status >= 400 ? ofStatus(status).passes : PASSING_KIND.test(String(subject)))
      ? BROKE_OFF
      : UNKNOWN;
  }
  // After the stop reason, which is its subject, the whole answer is there.
  if (code === 'stream_cut' && subject !== null) return UNKNOWN;
  return BY_CODE.get(code) ?? UNKNOWN;
}

function ofStatus(status: number | null): Verdict {
  return BY_STATUS.get(status) ?? (Number(status) >= 500 ? BROKE_OFF : REFUSED);
}

function byStatus(error: unknown): Verdict {
  const { status } = factsOf(error);
  for (let cause = error; isRecord(cause); cause = cause['cause']) {
    if (typeof status !== 'number' && NEVER_CONNECTED.has(String(cause['code']))) return HELD_BACK;
  }
  if (status === undefined) return UNKNOWN;
  return ofStatus(status);
}

/** A container id with the time when it expires, where that is known. */
export interface KnownContainer {
  readonly id: string;
  readonly expiresAt: string | null;
}

/**
 * Whether a refusal says that the container of its request is gone. There is no code for it: a 404
 * or 400 whose message names it, or, as users report, a plain 500 for one that is past its expiry.
 */
export function isContainerLost(error: unknown, { id, expiresAt }: KnownContainer, now: Date): boolean {
  const { status } = factsOf(error);
  const message = reasonOf(error);
  if (status === 404 || status === 400) {
    // A 404 may speak of a file, or of another container.
    return message.includes(id) || (status === 404 && /\bcontainer (was )?not found/i.test(message));
  }
  return status === 500 && expiresAt !== null && Date.parse(expiresAt) <= now.getTime();
}
