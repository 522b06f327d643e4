import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { CodeExecutionError } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';
import { ownSignal, untilAborted, withOwnSignal } from '../wire/signals.ts';
import type { FilesClient } from './client.ts';
import { inParallel } from './in-parallel.ts';
import { unredirected } from './redirects.ts';

/** Most ids that one list call takes (documented Aug 2026). */
const IDS_PER_CALL = 100;
/** The smallest page that the API makes by itself; one of ids comes on one page (documented Aug 2026). */
const IDS_PER_PAGE = 20;
/** Pages that may come beside those that the ids can need. */
const SPARE_PAGES = 2;
/** Longest time of a look-up: one call, and each further one. */
const LOOK_UP_MS = 20_000;
const FURTHER_CALL_MS = 1_000;

/** What the Files API says of some ids. Of those that are in neither, nothing is known. */
export interface FileLookUp {
  readonly files: ReadonlyMap<string, FileMetadata>;
  /** Those that the API itself left out of a list of these ids: unknown, or deleted. */
  readonly missing: ReadonlySet<string>;
  /** The list went on for longer than these ids can need. */
  readonly isEndless: boolean;
}

/**
 * Asks for at most 100 ids in one list; `request` is the SDK's `RequestOptions`.
 *
 * A gateway may answer, too. An id is missing only where the answer is as the API documents it: a
 * list of files that were all asked for, and its end. What is no list, or has other files, proves nothing.
 */
export async function listFiles(
  client: FilesClient,
  ids: readonly string[],
  request: Readonly<Record<string, unknown>> & { readonly signal: AbortSignal },
): Promise<FileLookUp> {
  const asked = new Set(ids);
  const files = new Map<string, FileMetadata>();
  const known = (missing: readonly string[] = [], isEndless = false) => ({
    files,
    missing: new Set(missing),
    isEndless,
  });
  let isProof = true;
  let cursor: string | undefined;
  const mostPages = Math.ceil(ids.length / IDS_PER_PAGE) + SPARE_PAGES;
  for (let pages = 0; pages < mostPages; pages++) {
    request.signal.throwIfAborted();
    const query = { ids, ...(cursor === undefined ? {} : { page: cursor }) };
    const page = await withOwnSignal(request.signal, (signal) =>
      unredirected(client, { ...request, signal }, (options) => pageOf(client.files.list(query, options))),
    );
    if (!isRecord(page) || !Array.isArray(page['data'])) return known();
    for (const file of page['data'] as unknown[]) {
      if (isRecord(file) && asked.has(file['id'] as string)) {
        files.set(file['id'] as string, file as unknown as FileMetadata);
      } else isProof = false;
    }
    const { next_page, has_more } = page;
    const missing = ids.filter((id) => !files.has(id));
    if (missing.length === 0) return known();
    if (typeof next_page !== 'string' || next_page === '') {
      // The older form has no `next_page`.
      const isEnd = next_page === null || (next_page === undefined && has_more === false);
      return known(isProof && isEnd ? missing : []);
    }
    cursor = next_page;
  }
  return known([], true);
}

/** Looks up names, types and sizes of files: `list` is called once per 100 ids, so many calls at a time. */
export async function fetchFileMetadata(
  ids: readonly string[],
  list: (ids: readonly string[]) => Promise<FileLookUp>,
  concurrency = 1,
): Promise<FileLookUp> {
  const unique = [...new Set(ids)];
  const calls = Array.from({ length: Math.ceil(unique.length / IDS_PER_CALL) }, (_, call) =>
    unique.slice(call * IDS_PER_CALL, (call + 1) * IDS_PER_CALL),
  );
  const found = await inParallel(calls, concurrency, list);
  return {
    files: new Map(found.flatMap(({ files }) => [...files])),
    missing: new Set(found.flatMap(({ missing }) => [...missing])),
    isEndless: found.some(({ isEndless }) => isEndless),
  };
}

/** A whole look-up that is bounded in requests and in time, whatever answers. */
export function lookUpFiles(
  client: FilesClient,
  ids: readonly string[],
  { signal, ...request }: Readonly<Record<string, unknown>> & { readonly signal?: AbortSignal | undefined },
): Promise<FileLookUp> {
  return inTime(ids.length, signal, (own) =>
    fetchFileMetadata(ids, (some) => listFiles(client, some, { ...request, signal: own })),
  );
}

/**
 * Runs a look-up of so many ids under a deadline: of a `fetch` that ignores its signal, too.
 *
 * @throws {CodeExecutionError} `look_up_timeout` after it.
 */
export async function inTime<T>(
  ids: number,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, abort, release } = ownSignal(parent);
  const most = LOOK_UP_MS + Math.max(0, Math.ceil(ids / IDS_PER_CALL) - 1) * FURTHER_CALL_MS;
  const message = `The look-up of ${ids} files did not end within ${most / 1000} seconds`;
  const timer = setTimeout(() => abort(new CodeExecutionError(message, { code: 'look_up_timeout' })), most);
  try {
    return await untilAborted(work(signal), signal);
  } catch (error) {
    // The SDK has an error of its own for a request that was aborted.
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
    release();
  }
}

/** What the Files API says of one file; `undefined` for an answer that is no JSON. */
export async function fetchOneFile(
  client: FilesClient,
  fileId: string,
  signal: AbortSignal,
): Promise<unknown> {
  return await unredirected(client, { signal }, async (options) => {
    const answer = client.files.retrieveMetadata(fileId, undefined, options);
    return hasResponse(answer) ? jsonOf(answer) : answer;
  });
}

/** A page as it came. Of a client that is not the SDK's, so many of its files. */
async function pageOf(answer: AsyncIterable<FileMetadata>): Promise<unknown> {
  if (hasResponse(answer)) return jsonOf(answer);
  const data: FileMetadata[] = [];
  for await (const file of await answer) {
    data.push(file);
    if (data.length > IDS_PER_CALL) return { data };
  }
  return { data, next_page: null };
}

/** An answer of the SDK before it is read: its own reading fails with errors that say nothing. */
interface Answer {
  asResponse(): Promise<Response>;
}

function hasResponse(answer: object): answer is Answer {
  return typeof (answer as Partial<Answer>).asResponse === 'function';
}

async function jsonOf(answer: Answer): Promise<unknown> {
  const text = await (await answer.asResponse()).text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
