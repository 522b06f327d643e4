import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { InvalidInputError, UploadError } from '../../errors.ts';
import { describe } from '../../sdk/client.ts';
import type { Notice } from '../../turn/state.ts';

/** A file goes up under another name than it was given. */
export interface UploadNotice extends Notice {
  readonly code: 'name-repaired';
  /** As it was given. */
  readonly name: string;
  /** As it was sent. */
  readonly sentAs: string;
}

/** Options that every upload takes. */
export interface UploadOptions {
  /** The media type. Default: that of the source, or by the name's extension where the function says so. */
  readonly mimeType?: string | undefined;
  /** Seconds until the API deletes the file, from 3600 (an hour) to 7 776 000 (90 days). Default: never. */
  readonly expiresInSeconds?: number | undefined;
  /** What becomes of a name that the API refuses. Default `'repair'`: `Q3: sales?.csv` is sent as `Q3_ sales_.csv`. */
  readonly badName?: 'repair' | 'reject' | undefined;
  /** Told of a repaired name, before anything is sent. What it throws ends the upload. */
  readonly onNotice?: ((notice: UploadNotice) => void) | undefined;
  /** Most bytes that are sent. Default 500 MiB, about what the API takes; less protects against what users send. */
  readonly maxBytes?: number | undefined;
  /** Tries after the first. An upload that is sent again may be stored twice, and nothing else. Default: the client's `maxRetries`. */
  readonly retries?: number | undefined;
  /** Longest time from the first byte sent to the answer's head, each try. Default: the client's `timeout`, 10 minutes. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** "500 MB" (documented Aug 2026), read as the larger of its two meanings: what the API may take is not refused here. */
const API_MAX_BYTES = 500 * 1024 * 1024;
const LIFETIME = { least: 3600, most: 7_776_000 };

export function maxBytesOf(options: UploadOptions): number {
  return options.maxBytes ?? API_MAX_BYTES;
}

/** @throws {InvalidInputError} naming the option. */
export function assertUploadOptions(options: UploadOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidInputError(`options must be an object, got ${describe(options)}.`);
  }
  const { mimeType, expiresInSeconds, badName, maxBytes, retries, timeoutMs } = options;
  if (
    mimeType !== undefined &&
    !(typeof mimeType === 'string' && /^[\w.+-]+\/[\w.+-]+(\s*;[\x20-\x7e]*)?$/.test(mimeType))
  ) {
    throw new InvalidInputError(
      `mimeType must be a media type such as "text/csv", got ${describe(mimeType)}.`,
    );
  }
  assertWhole('expiresInSeconds', expiresInSeconds, LIFETIME.least, LIFETIME.most);
  assertWhole('maxBytes', maxBytes, 0);
  assertWhole('retries', retries, 0);
  // What a timer can hold.
  assertWhole('timeoutMs', timeoutMs, 1, 2 ** 31 - 1);
  if (badName !== undefined && badName !== 'repair' && badName !== 'reject') {
    throw new InvalidInputError(`badName must be 'repair' or 'reject', got ${describe(badName)}.`);
  }
}

export function assertWhole(
  option: string,
  value: number | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
) {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new InvalidInputError(`${option} must be a whole number ${range}, got ${describe(value)}.`);
}

/** @throws {InvalidInputError} for a size that is known before anything is sent. */
export function assertSize(what: string, sizeBytes: number, options: UploadOptions): void {
  const most = maxBytesOf(options);
  if (sizeBytes <= most) return;
  const limit = options.maxBytes === undefined ? `the API takes ${most} (500 MiB)` : `maxBytes is ${most}`;
  throw new InvalidInputError(`Cannot upload ${what}: it has ${sizeBytes} bytes and ${limit} at most.`);
}

/** For a size that shows only while reading. */
export function tooLarge(what: string, options: UploadOptions): UploadError {
  return new UploadError(`Cannot upload ${what}: it has more than ${maxBytesOf(options)} bytes.`, {
    code: 'too_large',
  });
}

/** What breaks while reading. */
export function sourceFailed(what: string, cause: unknown): UploadError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UploadError(`Cannot upload ${what}: reading it failed: ${reason}.`, {
    code: 'source_failed',
    cause,
  });
}

/** @throws {UploadError} for a piece of a source that is no bytes. */
export function bytesOf(what: string, chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new UploadError(
    `Cannot upload ${what}: its source gave ${describe(chunk)} where bytes (Uint8Array) were expected. A Node stream ` +
      'must have no encoding set.',
    { code: 'source_failed' },
  );
}

/** @throws {UploadError} for an answer that is no file: a proxy may say 200, too. */
export function checkedAnswer(answer: FileMetadata): FileMetadata {
  if (typeof (answer as Partial<FileMetadata> | null)?.id === 'string') return answer;
  throw new UploadError(`The upload was answered with ${describe(answer)} instead of a file.`, {
    code: 'invalid_answer',
  });
}

/** Runs an upload; whatever it rejects with once the signal has aborted means just that. */
export async function untilCancelled<T>(
  what: string,
  signal: AbortSignal | undefined,
  upload: () => Promise<T>,
): Promise<T> {
  const aborted = (cause: unknown) =>
    new UploadError(`The upload of ${what} was aborted.`, { code: 'aborted', cause });
  if (signal?.aborted) throw aborted(signal.reason);
  try {
    return await upload();
  } catch (error) {
    throw signal?.aborted ? aborted(error) : error;
  }
}
