import { assertInput } from '../../errors.ts';
import { LONGEST_TIMER_MS } from '../../wire/signals.ts';
import { assertWhole } from '../assert-whole.ts';

/** A file goes up under another name than it was given. */
export interface UploadNotice {
  readonly code: 'name-repaired';
  /** As it was given. */
  readonly name: string;
  /** As it was sent. */
  readonly sentAs: string;
  readonly message: string;
}

/** Options that every upload takes. */
export interface UploadOptions {
  /** The media type. Default: that of the source, or by the name's extension where the function says so. */
  readonly mimeType?: string | undefined;
  /** Seconds until the API deletes the file, from 3600 (an hour) to 7 776 000 (90 days). Default: never. */
  readonly expiresInSeconds?: number | undefined;
  /**
   * What becomes of a name that the API refuses. Default
   * `'repair'`: `Q3: sales?.csv` is sent as `Q3_ sales_.csv`.
   */
  readonly badName?: 'repair' | 'reject' | undefined;
  /** Reports a repaired name, before anything is sent. What it throws ends the upload. */
  readonly onNotice?: ((notice: UploadNotice) => void) | undefined;
  /**
   * Most bytes that are sent. Default 500 MiB, about what
   * the API takes; less protects against what users send.
   */
  readonly maxBytes?: number | undefined;
  /**
   * Tries after the first. An upload that is sent again may be stored
   * twice, and nothing else. Default: the client's `maxRetries`.
   */
  readonly retries?: number | undefined;
  /**
   * Longest time from the first byte sent to the answer's head,
   * each try. Default: the client's `timeout`, 10 minutes.
   */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const LIFETIME = { least: 3600, most: 7_776_000 };

/** @throws {InvalidInputError} naming the option. */
export function assertUploadOptions(options: UploadOptions): void {
  const { mimeType, expiresInSeconds, badName, maxBytes, retries, timeoutMs } = options;
  // It may come from an end user, and stands in a header.
  const isType = mimeType === undefined || /^[\w.+-]+\/[\w.+-]+(\s*;[\x20-\x7e]*)?$/.test(mimeType);
  assertInput(isType, 'mimeType must be a media type such as "text/csv"', mimeType);
  const isChoice = badName === undefined || badName === 'repair' || badName === 'reject';
  assertInput(isChoice, "badName must be 'repair' or 'reject'", badName);
  assertWhole('expiresInSeconds', expiresInSeconds, LIFETIME.least, LIFETIME.most);
  assertWhole('maxBytes', maxBytes, 0);
  assertWhole('retries', retries, 0);
  assertWhole('timeoutMs', timeoutMs, 1, LONGEST_TIMER_MS);
}
