import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { reasonOf, typed } from '../../errors.ts';
import { inParallel } from '../../sdk/in-parallel.ts';
import { assertWhole } from '../assert-whole.ts';
import { type FailedUpload, UploadError } from '../errors.ts';

/** Options of {@link uploadAll}. */
export interface UploadAllOptions {
  /** Uploads at a time. Default 4; the API takes about 500 file requests a minute. */
  readonly concurrency?: number | undefined;
  /** Once it aborts, no further upload begins. Hand it to the uploads too, to end those that run. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Uploads many files, a few at a time, with the upload function that you pass. One
 * that fails does not stop the others. Gives the files in the order of the sources.
 *
 * @throws {UploadError} with code `incomplete` when some failed,
 * `aborted` after an abort: `.uploaded` and `.failed` report every one.
 *
 * @example
 * ```ts
 * const files = await uploadAll(paths, (path) => uploadPath(client, path), { concurrency: 8 });
 * await runTurn(client, { ...params, messages: [userMessage('Compare them.', { files })] });
 * ```
 */
export async function uploadAll<Source>(
  sources: Iterable<Source>,
  upload: (source: Source, index: number) => PromiseLike<FileMetadata>,
  options: UploadAllOptions = {},
): Promise<FileMetadata[]> {
  return typed('uploadAll', async () => {
    const { concurrency = 4, signal } = options;
    assertWhole('concurrency', concurrency, 1);
    const uploaded: { index: number; file: FileMetadata }[] = [];
    const failed: FailedUpload[] = [];
    const all = [...sources];
    await inParallel(all, concurrency, async (source, index) => {
      try {
        if (signal?.aborted) {
          const message = 'Not begun, since the uploads were aborted.';
          throw new UploadError(message, { code: 'aborted', cause: signal.reason });
        }
        uploaded.push({ index, file: await upload(source, index) });
      } catch (error) {
        failed.push({ index, error });
      }
    });
    uploaded.sort((a, b) => a.index - b.index);
    failed.sort((a, b) => a.index - b.index);
    const [first] = failed;
    if (!first) return uploaded.map(({ file }) => file);
    throw new UploadError(
      `${failed.length} of ${all.length} files could not be uploaded. The first: ${reasonOf(first.error)}`,
      { code: signal?.aborted ? 'aborted' : 'incomplete', cause: first.error, uploaded, failed },
    );
  });
}
