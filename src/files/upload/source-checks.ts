import { InvalidInputError, quoted, reasonOf } from '../../errors.ts';
import { UploadError } from '../errors.ts';
import type { UploadOptions } from './upload-options.ts';

/**
 * "500 MB" (documented Aug 2026), read as the larger of its
 * two meanings: what the API may take is not refused here.
 */
const API_MAX_BYTES = 524_288_000;

export function maxBytesOf(options: UploadOptions): number {
  return options.maxBytes ?? API_MAX_BYTES;
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
  const message = `Cannot upload ${what}: it has more than ${maxBytesOf(options)} bytes.`;
  return new UploadError(message, { code: 'too_large' });
}

/** For a source that breaks while it is read. */
export function sourceFailed(what: string, cause: unknown): UploadError {
  const message = `Cannot upload ${what}: reading it failed: ${reasonOf(cause)}.`;
  return new UploadError(message, { code: 'source_failed', cause });
}

/** @throws {UploadError} for a piece of a source that is no bytes. */
export function bytesOf(what: string, chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  const message =
    `Cannot upload ${what}: its source gave ${quoted(chunk)} where bytes (Uint8Array) were expected. A Node stream ` +
    'must have no encoding set.';
  throw new UploadError(message, { code: 'source_failed' });
}
