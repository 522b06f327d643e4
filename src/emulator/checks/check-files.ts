import { ApiFailure, notFound } from '../protocol/http.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import type { Store, StoredFile } from '../store/store.ts';

export const isExpired = ({ expiresAt }: StoredFile, now: Date) =>
  expiresAt !== undefined && expiresAt <= now;

/** The file with this id, for a message that refers to it. */
export function usableFile(id: string, store: Store): StoredFile {
  const file = store.files.get(id);
  if (!file) throw notFound(`File \`${id}\` not found.`);
  if (!isExpired(file, store.now())) return file;
  throw new ApiFailure(404, 'not_found_error', `File \`${id}\` has expired.`, 'file_expired');
}

/** Documents and images that name a file must find it; uploads are looked at when they are mounted. */
export function checkFiles({ messages }: MessagesBody, store: Store): void {
  for (const { content } of messages) {
    for (const block of typeof content === 'string' ? [] : content) {
      const source = block['source'] as { type?: unknown; file_id?: unknown } | undefined;
      if (source?.type === 'file') usableFile(String(source.file_id), store);
    }
  }
}
