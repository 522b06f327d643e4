import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { CodeExecutionError, type CodeExecutionErrorOptions, guardOf, reasonOf } from '../errors.ts';

/** One artifact that did not arrive, and why. */
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

/** Why one artifact failed, or many did: see {@link ArtifactError}. */
export type ArtifactErrorCode =
  | 'artifact_cut'
  | 'artifact_expired'
  | 'artifact_not_downloadable'
  | 'artifact_missing'
  | 'artifact_too_large'
  | 'artifact_not_read'
  | 'artifact_replaced'
  | 'name_taken'
  | 'folder_failed'
  | 'describe_failed'
  | 'artifacts_not_saved'
  | 'aborted'
  | 'listener_failed';

/** What came with HTTP 200 and is not the file. */
export interface ForeignAnswer {
  readonly status: number;
  /** The media type as sent. */
  readonly contentType: string;
  /** Its first 300 characters, without control characters. */
  readonly text: string;
}

/**
 * An artifact, or some of many, could not be fetched or saved; those that could be are in `.saved`.
 *
 * `.code` of one: `artifact_cut`, `artifact_expired`, `artifact_not_downloadable`, `artifact_missing`,
 * `artifact_too_large`, `artifact_not_read`, `artifact_replaced` (something else came in its place: an answer
 * that is not the file, with `.answer`, or a file on disk that is not ours), `name_taken`. Of many:
 * `artifacts_not_saved`, `aborted`, `listener_failed`, `describe_failed`, and `folder_failed` of one or
 * all: the folder cannot be used, or became another one.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!isArtifactError(error)) throw error;
 *   for (const { fileId, error: reason } of error.failed) console.error(fileId, reason);
 * }
 * ```
 */
export class ArtifactError extends CodeExecutionError {
  override readonly name = 'ArtifactError';
  declare readonly code: ArtifactErrorCode;
  /** What was saved, in the order of the artifacts. */
  readonly saved: readonly ArrivedArtifact[];
  /** What was not, each with its own error. */
  readonly failed: readonly FailedArtifact[];
  /** What was answered instead of the file, with `artifact_replaced`; else `null`. */
  readonly answer: ForeignAnswer | null;

  constructor(
    message: string,
    options: CodeExecutionErrorOptions & {
      readonly code: ArtifactErrorCode;
      readonly answer?: ForeignAnswer;
      readonly saved?: readonly ArrivedArtifact[];
      readonly failed?: readonly FailedArtifact[];
    },
  ) {
    super(message, options);
    this.saved = options.saved ?? [];
    this.failed = options.failed ?? [];
    this.answer = options.answer ?? null;
  }
}

/** One file that was not uploaded, and why. */
export interface FailedUpload {
  /** Its place in the list that `uploadAll` got. */
  readonly index: number;
  readonly error: unknown;
}

/**
 * An upload failed for a reason other than an API error. `.code`: `source_failed` (reading broke off, or gave
 * something other than bytes), `wrong_size` (more or fewer bytes than announced), `too_large` (found while
 * reading), `invalid_answer` (no file), `listener_failed` (a function of the options threw), `aborted`, and
 * `incomplete` of `uploadAll`: some files are up (`.uploaded`), others not (`.failed`).
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!isUploadError(error)) throw error;
 *   for (const { index } of error.failed) console.error('not uploaded:', paths[index]);
 * }
 * ```
 */
export class UploadError extends CodeExecutionError {
  override readonly name = 'UploadError';
  declare readonly code:
    | 'source_failed'
    | 'wrong_size'
    | 'too_large'
    | 'invalid_answer'
    | 'listener_failed'
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

/** For a function of an upload's options that threw, or rejected. */
export function listenerFailed(listener: 'onNotice' | 'onProgress', cause: unknown): UploadError {
  const message = `${listener} threw, which ended the upload: ${reasonOf(cause)}.`;
  return new UploadError(message, { code: 'listener_failed', cause });
}

/** True for an {@link ArtifactError}, also of another copy of this package. */
export const isArtifactError = /* @__PURE__ */ guardOf<ArtifactError>('ArtifactError');

/** True for an {@link UploadError}, also of another copy of this package. */
export const isUploadError = /* @__PURE__ */ guardOf<UploadError>('UploadError');
