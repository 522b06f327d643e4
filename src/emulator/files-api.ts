import { ApiFailure, invalidRequest, json, notFound } from './http.ts';
import { mimeTypeOf } from './mime-type.ts';
import type { Store, StoredFile } from './store.ts';

/** The Files endpoints. `path` is what follows `/v1/files`. */
export async function handleFiles(
  request: Request,
  path: string,
  store: Store,
): Promise<Response | undefined> {
  const [, id, action] = path.split('/');
  if (!id) {
    if (request.method === 'POST') return json(metadata(await upload(request, store)), store.ids);
    if (request.method === 'GET') return json(list(new URL(request.url).searchParams, store), store.ids);
    return undefined;
  }
  const file = store.files.get(id);
  if (!file) throw notFound(`File \`${id}\` not found.`);
  if (request.method === 'GET' && action === undefined) return json(metadata(file), store.ids);
  if (request.method === 'GET' && action === 'content') return download(file);
  if (request.method === 'DELETE' && action === undefined) {
    store.files.delete(file.id);
    return json({ id: file.id, type: 'file_deleted' }, store.ids);
  }
  return undefined;
}

async function upload(request: Request, store: Store): Promise<StoredFile> {
  const form = await request.formData().catch(() => {
    throw invalidRequest('The request body is not valid multipart/form-data');
  });
  const file = form.get('file');
  if (!(file instanceof Blob)) throw invalidRequest('file: Field required');
  // Only the last part of a path is kept (SDK 1.12 doc comment).
  const filename = file.name.split(/[/\\]/).at(-1) || 'unnamed';
  if (filename.length > 255 || [...filename].some((one) => one < ' ' || '<>:"|?*'.includes(one))) {
    throw invalidRequest(
      'file: the file name must have 1 to 255 characters and none of < > : " | ? * \\ / and U+0000 to U+001F',
    );
  }
  return store.addFile({
    filename,
    mimeType: file.type.split(';')[0] || mimeTypeOf(filename),
    bytes: new Uint8Array(await file.arrayBuffer()),
    downloadable: false,
  });
}

/** Newest first. With `ids[]`, those that do not exist are left out without a word. */
function list(query: URLSearchParams, store: Store) {
  const ids = query.getAll('ids[]');
  const newestFirst = [...store.files.values()].toReversed();
  if (ids.length > 0)
    return { data: newestFirst.filter(({ id }) => ids.includes(id)).map(metadata), next_page: null };
  const limit = Number(query.get('limit') ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw invalidRequest('limit: must be 1 to 1000');
  const from = Number(query.get('page')?.replace('page_', '') ?? 0);
  const data = newestFirst.slice(from, from + limit).map(metadata);
  return { data, next_page: from + limit < newestFirst.length ? `page_${from + limit}` : null };
}

function download(file: StoredFile): Response {
  if (!file.downloadable) {
    const message = `File \`${file.id}\` is not downloadable.`;
    throw new ApiFailure(400, 'invalid_request_error', message, 'file_not_downloadable');
  }
  return new Response(file.bytes.slice(), {
    headers: { 'content-type': file.mimeType, 'content-length': String(file.bytes.byteLength) },
  });
}

function metadata(file: StoredFile) {
  return {
    id: file.id,
    type: 'file',
    filename: file.filename,
    mime_type: file.mimeType,
    size_bytes: file.bytes.byteLength,
    created_at: file.createdAt.toISOString(),
    downloadable: file.downloadable,
    expires_at: null,
  };
}
