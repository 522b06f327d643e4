import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import type { FilesClient } from './client.ts';

/** Most ids that one list call takes (documented Aug 2026). */
export const IDS_PER_CALL = 100;

/**
 * Looks up names, types and sizes of files, one list call per 100 ids. Ids that are unknown or deleted are missing
 * from the result, as the API leaves them out without a word.
 *
 * @param request the SDK's `RequestOptions`
 */
export async function fetchFileMetadata(
  client: FilesClient,
  ids: readonly string[],
  request?: Readonly<Record<string, unknown>>,
): Promise<Map<string, FileMetadata>> {
  const unique = [...new Set(ids)];
  const found = new Map<string, FileMetadata>();
  for (let start = 0; start < unique.length; start += IDS_PER_CALL) {
    const page = client.files.list({ ids: unique.slice(start, start + IDS_PER_CALL) }, request);
    for await (const file of page) found.set(file.id, file);
  }
  return found;
}
