import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import type { Message } from '@anthropic-ai/sdk/resources/messages';
import type { Checkpoint, Turn, TurnState } from './turn/state.ts';

/**
 * Everything this layer throws. Failures of the exchange are errors; failures inside the sandbox are data on an
 * `Execution`. Errors of the API itself pass through as the SDK's own classes while nothing has been received yet.
 *
 * Every class that the library throws has a guard (`isTurnLimitError(error)` …) that also recognises errors of a second copy of this
 * package, where `instanceof` fails.
 */
const BRAND = Symbol.for('code-execution-kit.error');

/** Facts that every error may carry. */
export interface CodeExecutionErrorOptions {
  /** Machine-readable reason, stable between releases. */
  readonly code: string;
  /** Whether the cause passes by itself. It does not say that no code ran: sending again may run it twice. Default `false`. */
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

/** Why a turn ended before its end: see {@link TurnInterruptedError}. */
export type InterruptionCode =
  | 'stream_cut'
  | 'idle_timeout'
  | 'aborted'
  | 'stream_error'
  | 'invalid_stream'
  | 'too_large'
  | 'request_failed'
  | 'checkpoint_failed'
  | 'stop_when_failed';

/**
 * The exchange broke inside a turn: the stream was cut, fell silent, carried an `error` event, was aborted, or a
 * later request of the turn failed. Nothing received is lost: `.state` holds the turn as far as it came and
 * `.responses` the messages, the last of which may be incomplete.
 *
 * Code that ran has run: sending the turn again may run it twice. `.checkpoint` is the last boundary between two responses, for
 * `resumeTurn`; where `mayRerun` is set, it wants `rerun: true`.
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
    options: CodeExecutionErrorOptions & {
      readonly code: InterruptionCode;
      readonly state: TurnState;
      readonly responses: readonly Message[];
      readonly checkpoint: Checkpoint | null;
    },
  ) {
    super(message, options);
    this.state = options.state;
    this.responses = options.responses;
    this.checkpoint = options.checkpoint;
  }
}

/**
 * The container that a request asked for is gone, with its files and variables. Nothing of that request ran. Send the
 * turn again without `container`, or let `onLostContainer: 'restart'` do it.
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
    options: Omit<CodeExecutionErrorOptions, 'code'> & {
      readonly containerId: string;
      readonly state: TurnState;
      readonly responses: readonly Message[];
    },
  ) {
    super(message, { ...options, code: 'container_lost' });
    this.containerId = options.containerId;
    this.state = options.state;
    this.responses = options.responses;
  }
}

/**
 * A limit of the options was reached between two responses. The turn is not finished, and not lost: `.turn` holds
 * everything so far, and `resumeTurn(client, error.checkpoint)` goes on.
 */
export class TurnLimitError extends CodeExecutionError {
  override readonly name = 'TurnLimitError';
  /** The option that was reached, such as `maxPauses`. */
  readonly limit: string;
  /** The turn so far; `outcome` is `'paused'`. */
  readonly turn: Turn;
  /** What `resumeTurn` takes; the counter of this limit begins anew. */
  readonly checkpoint: Checkpoint;

  constructor(
    message: string,
    options: { readonly limit: string; readonly turn: Turn; readonly checkpoint: Checkpoint },
  ) {
    super(message, { code: 'turn_limit' });
    this.limit = options.limit;
    this.turn = options.turn;
    this.checkpoint = options.checkpoint;
  }
}

/** One thing that a schema refused. */
export interface StdoutIssue {
  readonly message: string;
  /** Keys and indices from the value to the place; empty for the value itself. */
  readonly path: readonly PropertyKey[];
}

/**
 * What an execution printed is not the value that `parseStdout` was asked for. `.code`: `not_succeeded` (the program or the tool
 * failed, or no result came), `no_stdout`, `encrypted_stdout`, `not_json`, `schema_mismatch`.
 */
export class StdoutError extends CodeExecutionError {
  override readonly name = 'StdoutError';
  declare readonly code: 'not_succeeded' | 'no_stdout' | 'encrypted_stdout' | 'not_json' | 'schema_mismatch';
  readonly executionId: string;
  /** What was printed, whole; `null` where there is none. */
  readonly stdout: string | null;
  /** What the schema refused, with `schema_mismatch`; else empty. */
  readonly issues: readonly StdoutIssue[];

  constructor(
    message: string,
    options: {
      readonly code: StdoutError['code'];
      readonly executionId: string;
      readonly stdout: string | null;
      readonly issues: readonly StdoutIssue[];
    },
  ) {
    super(message, { code: options.code });
    this.executionId = options.executionId;
    this.stdout = options.stdout;
    this.issues = options.issues;
  }
}

/** One artifact that was not saved, and why. */
export interface FailedArtifact {
  readonly fileId: string;
  readonly error: unknown;
}

/** One artifact that arrived: on disk with its path, or in the sink of `pipeArtifacts`. */
export interface ArrivedArtifact {
  readonly fileId: string;
  /** The name it got: the model's, made safe. */
  readonly name: string;
  /** Absolute path, of those on disk. */
  readonly path?: string;
  readonly executionId?: string;
  readonly sizeBytes?: number;
  /** Of those on disk, hexadecimal. */
  readonly sha256?: string;
  /** What the sink of `pipeArtifacts` gave. */
  readonly value?: unknown;
}

/**
 * An artifact, or some of many, could not be fetched or saved; those that could are in `.saved`.
 *
 * `.code` of one: `artifact_cut`, `artifact_expired`, `artifact_not_downloadable`, `artifact_missing`, `artifact_too_large`, `artifact_not_read`,
 * `name_taken`, and `artifact_not_deleted`, which arrived: it is in `.saved`, too. Of many: `artifacts_not_saved`, `aborted`, `listener_failed`.
 */
export class ArtifactError extends CodeExecutionError {
  override readonly name = 'ArtifactError';
  /** What was saved, in the order of the artifacts. */
  readonly saved: readonly ArrivedArtifact[];
  /** What was not, each with its own error. */
  readonly failed: readonly FailedArtifact[];

  constructor(
    message: string,
    options: CodeExecutionErrorOptions & {
      readonly saved?: readonly ArrivedArtifact[];
      readonly failed?: readonly FailedArtifact[];
    },
  ) {
    super(message, options);
    this.saved = options.saved ?? [];
    this.failed = options.failed ?? [];
  }
}

/** One file that was not uploaded, and why. */
export interface FailedUpload {
  /** Its place in the list that `uploadAll` got. */
  readonly index: number;
  readonly error: unknown;
}

/**
 * An upload did not come about for a reason that is not an answer of the API. `.code`: `source_failed` (reading broke off, or gave
 * something else than bytes), `wrong_size` (more or fewer bytes than announced), `too_large` (found while reading), `invalid_answer` (no file), `aborted`, and
 * `incomplete` of `uploadAll`: some files are up (`.uploaded`), others not (`.failed`).
 */
export class UploadError extends CodeExecutionError {
  override readonly name = 'UploadError';
  declare readonly code:
    | 'source_failed'
    | 'wrong_size'
    | 'too_large'
    | 'invalid_answer'
    | 'aborted'
    | 'incomplete';
  /** What is up, with its place in the list that `uploadAll` got, in that order. */
  readonly uploaded: readonly { readonly index: number; readonly file: FileMetadata }[];
  /** What is not, each with its own error. */
  readonly failed: readonly FailedUpload[];

  constructor(
    message: string,
    options: Omit<CodeExecutionErrorOptions, 'code'> & {
      readonly code: UploadError['code'];
      readonly uploaded?: UploadError['uploaded'];
      readonly failed?: UploadError['failed'];
    },
  ) {
    super(message, options);
    this.uploaded = options.uploaded ?? [];
    this.failed = options.failed ?? [];
  }
}

/**
 * The emulator was used in a way that a test should hear of. `.code`: `script_left_over`, `script_failed`, `sandbox_missing`,
 * `sandbox_file`, `sandbox_failed`, `faults_left_over`, `not_node`, `cannot_listen`; of recordings `fixtures_exist`, `fixtures_missing`, `fixture_damaged`,
 * `fixture_not_written`, `fixtures_left_over`.
 */
export class EmulatorError extends CodeExecutionError {
  override readonly name = 'EmulatorError';
}

function hasBrand(error: unknown): error is CodeExecutionError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/** True for every error of this package, also of another copy of it. */
export const isCodeExecutionError = hasBrand;

/** True for an {@link InvalidInputError}, also of another copy of this package. */
export const isInvalidInputError = (error: unknown): error is InvalidInputError =>
  hasBrand(error) && error.name === 'InvalidInputError';

/** True for a {@link TurnInterruptedError}, also of another copy of this package. */
export const isTurnInterruptedError = (error: unknown): error is TurnInterruptedError =>
  hasBrand(error) && error.name === 'TurnInterruptedError';

/** True for a {@link ContainerLostError}, also of another copy of this package. */
export const isContainerLostError = (error: unknown): error is ContainerLostError =>
  hasBrand(error) && error.name === 'ContainerLostError';

/** True for a {@link TurnLimitError}, also of another copy of this package. */
export const isTurnLimitError = (error: unknown): error is TurnLimitError =>
  hasBrand(error) && error.name === 'TurnLimitError';

/** True for an {@link ArtifactError}, also of another copy of this package. */
export const isArtifactError = (error: unknown): error is ArtifactError =>
  hasBrand(error) && error.name === 'ArtifactError';

/** True for an {@link UploadError}, also of another copy of this package. */
export const isUploadError = (error: unknown): error is UploadError =>
  hasBrand(error) && error.name === 'UploadError';

/** True for a {@link StdoutError}, also of another copy of this package. */
export const isStdoutError = (error: unknown): error is StdoutError =>
  hasBrand(error) && error.name === 'StdoutError';
