import { assertInput, quoted, typed } from '../errors.ts';
import { assertFilesClient, type FilesClient } from '../sdk/client.ts';
import { factsOf } from '../sdk/failures.ts';
import { inParallel } from '../sdk/in-parallel.ts';
import { Pace } from '../sdk/pace.ts';
import { unredirected } from '../sdk/redirects.ts';
import { withOwnSignal } from '../wire/signals.ts';
import { assertWhole } from './assert-whole.ts';
import { ArtifactError } from './errors.ts';

/** What became of one file. */
export interface DeletedResult {
  readonly fileId: string;
  /** `missing`: there was no such file (any more). */
  readonly status: 'deleted' | 'missing' | 'failed';
  /** Why it failed; else `null`. */
  readonly error: unknown;
}

/** Options of {@link deleteFiles}. */
export interface DeleteOptions {
  /** How many are deleted at a time. Default 8. */
  readonly concurrency?: number | undefined;
  /** Tries after the first, where a failure may pass. Default 2. */
  readonly retries?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Deletes files, each once, and reports what became of each, in their order. One that fails
 * does not keep the others; after an abort the rest has failed with the signal's reason.
 *
 * @param files ids, artifacts, or what an upload gave
 *
 * @throws {InvalidInputError} before any request.
 *
 * @example
 * ```ts
 * const saved = await saveArtifacts(client, turn.artifacts, './out');
 * const left = (await deleteFiles(client, saved)).filter(({ status }) => status === 'failed');
 * ```
 */
export async function deleteFiles(
  client: FilesClient,
  files: readonly (string | { readonly fileId: string } | { readonly id: string })[],
  options: DeleteOptions = {},
): Promise<DeletedResult[]> {
  return typed('deleteFiles', async () => {
    assertFilesClient(client, 'deleteFiles');
    const ids = Array.isArray(files) ? files.map(idOf) : [''];
    const areIds = ids.every((id) => typeof id === 'string' && id !== '');
    assertInput(areIds, 'deleteFiles takes a list of file ids, artifacts or uploads', files);
    const { concurrency = 8, retries = 2 } = options;
    assertWhole('concurrency', concurrency, 1);
    assertWhole('retries', retries, 0);
    const pace = new Pace({ retries });
    return inParallel([...new Set(ids as string[])], concurrency, async (fileId) => {
      try {
        const answer = await withOwnSignal(options.signal, (signal) =>
          pace.send(
            () =>
              unredirected(client, { maxRetries: 0, signal }, (request) =>
                client.files.delete(fileId, undefined, request),
              ),
            signal,
          ),
        );
        // A proxy may say 200, too; and 204 says nothing.
        if (answer == null || (answer as { readonly id?: unknown }).id === fileId) {
          return { fileId, status: 'deleted', error: null };
        }
        const message = `The deletion of ${fileId} was answered with ${quoted(answer)}, so it may still be there.`;
        return { fileId, status: 'failed', error: new ArtifactError(message, { code: 'artifact_replaced' }) };
      } catch (error) {
        const isMissing = factsOf(error).status === 404;
        return { fileId, status: isMissing ? 'missing' : 'failed', error: isMissing ? null : error };
      }
    });
  });
}

function idOf(file: string | { readonly fileId?: string; readonly id?: string }): string | undefined {
  return typeof file === 'string' ? file : (file?.fileId ?? file?.id);
}
