import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import type { FilesClient } from './client.ts';
import { inParallel } from './in-parallel.ts';

/** Most ids that one list call takes (documented Aug 2026). */
const IDS_PER_CALL = 100;

/**
 * What the Files API says of some ids; those that are unknown
 * or deleted are missing, as it leaves them out silently.
 */
export type FilesById = ReadonlyMap<string, FileMetadata>;

/** Asks for at most 100 ids in one list call; `request` is the SDK's `RequestOptions`. */
export async function listFiles(
  client: FilesClient,
  ids: readonly string[],
  request?: Readonly<Record<string, unknown>>,
): Promise<FilesById> {
  const found = new Map<string, FileMetadata>();
  for await (const file of client.files.list({ ids }, request)) found.set(file.id, file);
  return found;
}

/** Looks up names, types and sizes of files: `list` is called once per 100 ids, so many calls at a time. */
export async function fetchFileMetadata(
  ids: readonly string[],
  list: (ids: readonly string[]) => Promise<FilesById>,
  concurrency = 1,
): Promise<FilesById> {
  const unique = [...new Set(ids)];
  const calls = Array.from({ length: Math.ceil(unique.length / IDS_PER_CALL) }, (_, call) =>
    unique.slice(call * IDS_PER_CALL, (call + 1) * IDS_PER_CALL),
  );
  const found = await inParallel(calls, concurrency, list);
  return new Map(found.flatMap((files) => [...files]));
}
