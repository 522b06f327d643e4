import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { quoted } from '../../errors.ts';
import { isRecord } from '../../wire/blocks.ts';
import { withOwnSignal } from '../../wire/signals.ts';
import { UploadError } from '../errors.ts';

/**
 * Runs an upload under a signal of its own, and checks its answer.
 *
 * @throws {UploadError} `aborted` for any rejection after an abort, and
 * `invalid_answer` for an answer that is no file: a proxy may say 200, too.
 */
export async function runUpload(
  what: string,
  signal: AbortSignal | undefined,
  upload: (signal: AbortSignal) => Promise<FileMetadata>,
): Promise<FileMetadata> {
  const aborted = (cause: unknown) =>
    new UploadError(`The upload of ${what} was aborted.`, { code: 'aborted', cause });
  if (signal?.aborted) throw aborted(signal.reason);
  const answer = await withOwnSignal(signal, upload).catch((error) => {
    if (signal?.aborted) throw aborted(error);
    // An answer that calls itself JSON, and is none.
    if (error instanceof SyntaxError) return error;
    throw error;
  });
  if (isRecord(answer) && 'id' in answer && typeof answer.id === 'string') return answer as FileMetadata;
  throw new UploadError(`The upload was answered with ${quoted(answer)} instead of a file.`, {
    code: 'invalid_answer',
  });
}
