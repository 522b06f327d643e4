/**
 * What all errors of this package share. Failures of the exchange are errors;
 * failures inside the sandbox are data on an `Execution`. Errors of the API itself
 * pass through as the SDK's own classes while nothing has been received yet.
 *
 * Each room has its own errors beside its code. Every class has a guard (`isTurnLimitError(error)`
 * …) that also recognises errors of a second copy of this package, where `instanceof` fails.
 */
const BRAND = Symbol.for('code-execution-kit.error');

/** Facts that every error may carry. */
export interface CodeExecutionErrorOptions {
  /** Machine-readable reason, stable between releases. */
  readonly code: string;
  /**
   * Whether the cause passes by itself. It does not say that no
   * code ran: sending again may run it twice. Default `false`.
   */
  readonly retryable?: boolean;
  readonly cause?: unknown;
  /** The API's request id (`req_…`), where one was seen. */
  readonly requestId?: string | null;
}

/**
 * Base class of all errors of this package.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (isCodeExecutionError(error)) console.error(error.code, error.retryable, error.requestId);
 * }
 * ```
 */
export class CodeExecutionError extends Error {
  override readonly name: string = 'CodeExecutionError';
  readonly code: string;
  readonly retryable: boolean;
  readonly requestId: string | null;

  constructor(message: string, options: CodeExecutionErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.requestId = options.requestId ?? null;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** The caller's input cannot be sent: thrown before any request. `.code` is always `invalid_input`. */
export class InvalidInputError extends CodeExecutionError {
  override readonly name = 'InvalidInputError';

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { code: 'invalid_input', ...options });
  }
}

/** @throws {InvalidInputError} the rule, the value, and the cure, where the input is not right. */
export function assertInput(isRight: unknown, rule: string, value: unknown, cure = ''): asserts isRight {
  if (!isRight) throw new InvalidInputError(`${rule}, got ${quoted(value)}.${cure && ` ${cure}`}`);
}

/** True for every error of this package, also of another copy of it. */
export function isCodeExecutionError(error: unknown): error is CodeExecutionError {
  return attempt(() => typeof error === 'object' && error !== null && BRAND in error, false);
}

/** Makes the guard of an error class, which knows errors of another copy of this package by their name. */
export function guardOf<E extends CodeExecutionError>(name: E['name']) {
  return (error: unknown): error is E =>
    attempt(() => isCodeExecutionError(error) && error.name === name, false);
}

/** True for an {@link InvalidInputError}, also of another copy of this package. */
export const isInvalidInputError = /* @__PURE__ */ guardOf<InvalidInputError>('InvalidInputError');

/** What reading a foreign value gives: a getter or a Proxy may throw. */
export function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** An error of this package, or of the SDK, which is known by its form: no class of it is loaded here. */
export function isTyped(error: unknown): boolean {
  if (isCodeExecutionError(error)) return true;
  return attempt(() => {
    if (!(error instanceof Error)) return false;
    // What the SDK says to a `fetch` that cannot send files has no class of its own.
    if ('status' in error || /\bdoes not support file uploads\b/.test(error.message)) return true;
    let type: unknown = error;
    do type = Object.getPrototypeOf(type);
    while (type && (type as object).constructor.name !== 'AnthropicError');
    return Boolean(type);
  }, false);
}

/**
 * The boundary of a public function: whatever escapes from it is one of this package's errors or the SDK's,
 * also where the input is no plain data, or where this package is at fault.
 *
 * @throws {CodeExecutionError} with code `internal_error` and what escaped as `cause`.
 */
export function typed<T>(what: string, work: () => T): T {
  const fail = (error: unknown): never => {
    throw typedError(what, error);
  };
  try {
    const given = work();
    return given instanceof Promise ? (given.catch(fail) as T) : given;
  } catch (error) {
    return fail(error);
  }
}

/** The error itself where it has a type; see {@link typed}. */
export function typedError(what: string, error: unknown): unknown {
  if (isTyped(error)) return error;
  const message =
    `${what} failed: ${reasonOf(error)}. Check that what it was given is plain data of the documented form. If it ` +
    'is, this is a fault of code-execution-kit: please report it, with error.cause.';
  return new CodeExecutionError(message, { code: 'internal_error', cause: error });
}

/** What a thrown value says, whatever was thrown: it may not even be made a text. */
export function reasonOf(error: unknown): string {
  const read = () => String(error instanceof Error ? error.message : error);
  return attempt(read, 'a value that cannot be shown was thrown');
}

/** A value as a message can name it. */
export function quoted(value: unknown): string {
  return attempt(() => shown(value), 'a value that cannot be shown');
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name = value.constructor?.name;
  return name && name !== 'Object'
    ? `a ${name}`
    : `an object with ${Object.keys(value).join(', ') || 'no keys'}`;
}
