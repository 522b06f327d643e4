import { isExpired } from '../checks/check-files.ts';
import { ApiFailure, invalidRequest, json, notFound } from '../protocol/http.ts';
import { mimeTypeOf } from '../protocol/mime-type.ts';
import type { ReceivedRequest } from '../protocol/received-request.ts';
import type { Store, StoredFile } from '../store/store.ts';
import { idPage, limitOf } from './pages.ts';

/** The header that asks for the shapes before general availability, still taken (documented Aug 2026). */
const OLD_SHAPES = 'files-api-2025-04-14';
const MAX_BYTES = 500_000_000;
const MAX_IDS = 100;
/** Seconds that an upload may live: an hour to 90 days. */
const LIFETIME = { least: 3600, most: 7_776_000 };

/** The Files endpoints. `path` is what follows `/v1/files`. */
export async function handleFiles(
  request: ReceivedRequest,
  path: string,
  store: Store,
): Promise<Response | undefined> {
  const [, id, action] = path.split('/');
  const isOld = request.headers.get('anthropic-beta')?.includes(OLD_SHAPES) ?? false;
  const metadata = (file: StoredFile) => metadataOf(file, isOld);
  if (!id) {
    if (request.method === 'POST') return json(metadata(await upload(request, store)), store.ids);
    if (request.method !== 'GET') return undefined;
    const query = request.url.searchParams;
    const newestFirst = [...store.files.values()].toReversed();
    const page = isOld ? idPage(newestFirst, query) : pageOf(newestFirst, query);
    return json({ ...page, data: page.data.map(metadata) }, store.ids);
  }
  const file = store.files.get(id);
  if (!file) throw notFound(`File \`${id}\` not found.`);
  if (request.method === 'GET' && action === undefined) return json(metadata(file), store.ids);
  if (request.method === 'GET' && action === 'content') return download(file, store);
  if (request.method === 'DELETE' && action === undefined) {
    store.files.delete(file.id);
    return json({ id: file.id, type: 'file_deleted' }, store.ids);
  }
  return undefined;
}

async function upload(request: ReceivedRequest, store: Store): Promise<StoredFile> {
  const form = await request.formData().catch(() => {
    throw invalidRequest('The request body is not valid multipart/form-data');
  });
  const file = form.get('file');
  if (!(file instanceof Blob)) throw invalidRequest('file: Field required');
  if (file.size > MAX_BYTES) {
    throw new ApiFailure(
      413,
      'request_too_large',
      `file: ${file.size} bytes, and a file has at most ${MAX_BYTES}`,
    );
  }
  const mimeType = file.type.split(';')[0] || mimeTypeOf(file.name);
  return store.addFile({
    filename: checkedName(file.name),
    mimeType,
    bytes: new Uint8Array(await file.arrayBuffer()),
    downloadable: false,
    lifetimeMs: lifetimeOf(form.get('expires_in_seconds')),
  });
}

function checkedName(name: string): string {
  // Only the last part of a path is kept (SDK 1.12 doc comment).
  const filename = name.split(/[/\\]/).at(-1) || 'unnamed';
  if (
    !/^\.\.?$/.test(filename) &&
    filename.length <= 255 &&
    ![...filename].some((one) => one < ' ' || '<>:"|?*'.includes(one))
  )
    return filename;
  throw invalidRequest(
    'file: the file name must have 1 to 255 characters and none of < > : " | ? * \\ / and U+0000 to U+001F',
  );
}

function lifetimeOf(field: FormDataEntryValue | null): number | undefined {
  if (field === null) return undefined;
  const seconds = Number(field);
  const { least, most } = LIFETIME;
  if (!Number.isInteger(seconds) || seconds < least || seconds > most) {
    throw invalidRequest(`expires_in_seconds: must be a whole number from ${least} to ${most}`);
  }
  return seconds * 1000;
}

/** Newest first. With `ids[]`, those that do not exist are left out without a word. */
function pageOf(
  all: readonly StoredFile[],
  query: URLSearchParams,
): { data: readonly StoredFile[]; next_page: string | null } {
  const old = ['before_id', 'after_id'].find((name) => query.has(name));
  if (old) throw invalidRequest(`${old}: Extra inputs are not permitted`);
  const ids = new Set(query.getAll('ids[]'));
  if (ids.size > 0) {
    if (query.has('page') || query.has('limit'))
      throw invalidRequest('ids: cannot be combined with page or limit');
    if (ids.size > MAX_IDS) throw invalidRequest(`ids: at most ${MAX_IDS} ids, got ${ids.size}`);
    return { data: all.filter(({ id }) => ids.has(id)), next_page: null };
  }
  const limit = limitOf(query);
  const page = query.get('page');
  const last = page?.startsWith('page_file_') ? page.slice('page_'.length) : undefined;
  if (page !== null && last === undefined) throw invalidRequest('page: not a cursor of this list');
  // Ids are counted, so a page follows its cursor even when that file is gone.
  const rest = last === undefined ? all : all.filter(({ id }) => id < last);
  const data = rest.slice(0, limit);
  const next = data.length < rest.length ? `page_${data.at(-1)?.id}` : null;
  return { data, next_page: next };
}

function download(file: StoredFile, store: Store): Response {
  if (!file.downloadable) {
    const message = `File \`${file.id}\` is not downloadable.`;
    throw new ApiFailure(400, 'invalid_request_error', message, 'file_not_downloadable');
  }
  if (isExpired(file, store.now())) {
    throw new ApiFailure(404, 'not_found_error', `File \`${file.id}\` has expired.`, 'file_expired');
  }
  return new Response(file.bytes.slice(), {
    headers: {
      'content-type': file.mimeType,
      'content-length': String(file.bytes.byteLength),
      'request-id': store.ids.next('req'),
    },
  });
}

function metadataOf(file: StoredFile, isOld: boolean) {
  return {
    id: file.id,
    type: 'file',
    filename: file.filename,
    mime_type: file.mimeType,
    size_bytes: file.bytes.byteLength,
    created_at: file.createdAt.toISOString(),
    downloadable: file.downloadable,
    ...(isOld ? {} : { expires_at: file.expiresAt?.toISOString() ?? null }),
  };
}
