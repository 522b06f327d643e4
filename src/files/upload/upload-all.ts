import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { type FailedUpload, InvalidInputError, UploadError } from '../../errors.ts';
import { describe } from '../../sdk/client.ts';
import { assertWhole } from './upload-options.ts';

/** Options of {@link uploadAll}. */
export interface UploadAllOptions {
  /** Uploads at a time. Default 4; the API takes about 500 file requests a minute. */
  readonly concurrency?: number | undefined;
  /** Once it aborts, no further upload begins. Hand it to the uploads too, to end those that run. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Uploads many files, so many at a time, with whichever upload you name. One that fails does not stop the others.
 * Gives the files in the order of the sources.
 *
 * @throws {UploadError} with code `incomplete` when some failed, `aborted` after an abort: `.uploaded` and `.failed` report every one.
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
  if (typeof upload !== 'function') {
    throw new InvalidInputError(
      `uploadAll takes a function that uploads one source, such as \`(path) => uploadPath(client, path)\`, got ${describe(upload)}.`,
    );
  }
  if (
    typeof sources === 'string' ||
    typeof (sources as Partial<Iterable<Source>> | null)?.[Symbol.iterator] !== 'function'
  ) {
    throw new InvalidInputError(`uploadAll takes a list of sources, got ${describe(sources)}.`);
  }
  const { concurrency = 4, signal } = options;
  assertWhole('concurrency', concurrency, 1);
  const all = [...sources];
  const uploaded = new Map<number, FileMetadata>();
  const failed: FailedUpload[] = [];
  const waiting = all.entries();
  const work = async () => {
    for (const [index, source] of waiting) {
      try {
        if (signal?.aborted) {
          throw new UploadError('Not begun, since the uploads were aborted.', {
            code: 'aborted',
            cause: signal.reason,
          });
        }
        uploaded.set(index, await upload(source, index));
      } catch (error) {
        failed.push({ index, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, all.length) }, work));
  const inOrder = [...uploaded].sort(([a], [b]) => a - b).map(([index, file]) => ({ index, file }));
  if (failed.length === 0) return inOrder.map(({ file }) => file);
  failed.sort((a, b) => a.index - b.index);
  const first = failed[0]?.error;
  throw new UploadError(
    `${failed.length} of ${all.length} files could not be uploaded. The first: ${first instanceof Error ? first.message : String(first)}`,
    { code: signal?.aborted ? 'aborted' : 'incomplete', cause: first, uploaded: inOrder, failed },
  );
}
