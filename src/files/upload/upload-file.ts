import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { assertInput, InvalidInputError, quoted, typed } from '../../errors.ts';
import { assertFilesClient, type FilesClient } from '../../sdk/client.ts';
import { unredirected } from '../../sdk/redirects.ts';
import { type Readable, type Reader, readerOf } from '../../wire/reader.ts';
import { runUpload } from './run-upload.ts';
import { assertSize, bytesOf, maxBytesOf, sourceFailed, tooLarge } from './source-checks.ts';
import { uploadName } from './upload-name.ts';
import { assertUploadOptions, type UploadOptions } from './upload-options.ts';

/** Bytes in any form that web APIs know. No `string`: a path must not be uploaded as if it were the text. */
export type UploadSource =
  | Blob
  | Response
  | ReadableStream<Uint8Array>
  | Uint8Array
  | ArrayBuffer
  | AsyncIterable<Uint8Array>;

/** Options of {@link uploadFile}. */
export interface UploadFileOptions extends UploadOptions {
  /** The file's name in the container. A `File` has one of its own. */
  readonly name?: string | undefined;
}

/**
 * Uploads bytes, also where only web APIs exist. The result goes into `containerUpload` or `contentBlockFor`.
 *
 * The whole file is held in memory, streams too: `fetch` sends a form only from a whole. In Node,
 * `uploadPath` and `uploadStream` send with constant memory and report progress, which `fetch` cannot.
 *
 * @throws {InvalidInputError} before any request: a string or something else that is no bytes, no name,
 * a name that is to be rejected, more bytes than `maxBytes`, a response that is not ok or was read.
 * @throws {UploadError} when the source breaks off or turns out too large, and when the signal aborts.
 * @throws the SDK's errors.
 *
 * @example
 * ```ts
 * const file = await uploadFile(client, form.get('attachment') as File, { maxBytes: 20_000_000 });
 * const messages = [userMessage('Summarise it.', { files: [file] })];
 * const turn = await runTurn(client, { ...params, messages });
 * ```
 */
export function uploadFile(
  client: FilesClient,
  source: File,
  options?: UploadFileOptions,
): Promise<FileMetadata>;
export function uploadFile(
  client: FilesClient,
  source: UploadSource,
  options: UploadFileOptions & { readonly name: string },
): Promise<FileMetadata>;
export async function uploadFile(
  client: FilesClient,
  source: UploadSource,
  options: UploadFileOptions = {},
): Promise<FileMetadata> {
  return typed('uploadFile', async () => {
    assertFilesClient(client, 'uploadFile');
    assertSource(source);
    assertUploadOptions(options);
    const name = uploadName(options.name ?? (source as Partial<File>).name, 'uploadFile', options);
    const { expiresInSeconds, retries, timeoutMs } = options;
    return runUpload(quoted(name), options.signal, async (signal) => {
      const blob = await gather(source, quoted(name), { ...options, signal });
      const file = new File([blob], name, { type: options.mimeType ?? blob.type });
      const params = {
        file,
        ...(expiresInSeconds === undefined ? {} : { expires_in_seconds: expiresInSeconds }),
      };
      const request = {
        signal,
        ...(retries === undefined ? {} : { maxRetries: retries }),
        ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      };
      return await unredirected(client, request, (options) => client.files.upload(params, options));
    });
  });
}

function assertSource(source: unknown): asserts source is UploadSource {
  const cure =
    'For a file on disk call uploadPath of "code-execution-kit/node"; for the text itself pass ' +
    '`new Blob([text], { type: "text/plain" })`.';
  const isPath = typeof source === 'string' || source instanceof URL;
  assertInput(!isPath, 'uploadFile takes bytes', source, cure);
  const isStream = source instanceof ReadableStream;
  const reason =
    source instanceof Response && !source.ok
      ? `its status is ${source.status}, so it does not carry the file`
      : ((source instanceof Response && source.bodyUsed) || (isStream && source.locked)) &&
        'it was read already';
  if (reason)
    throw new InvalidInputError(`Cannot upload this ${isStream ? 'stream' : 'Response'}: ${reason}.`);
  const isBytes = source instanceof Blob || source instanceof ArrayBuffer || source instanceof Uint8Array;
  const rule =
    'uploadFile takes a File, Blob, Response, ReadableStream, Uint8Array, ArrayBuffer or async iterable of bytes';
  assertInput(isBytes || isStream || source instanceof Response || isAsyncIterable(source), rule, source);
}

async function gather(source: UploadSource, what: string, options: UploadOptions): Promise<Blob> {
  if (source instanceof Blob || source instanceof ArrayBuffer || source instanceof Uint8Array) {
    assertSize(what, source instanceof Blob ? source.size : source.byteLength, options);
    return source instanceof Blob ? source : new Blob([source as Uint8Array<ArrayBuffer> | ArrayBuffer]);
  }
  if (!(source instanceof Response)) return new Blob(await piecesOf(source, what, options));
  const { body, headers } = source;
  // With a content-encoding the length is that of what was sent, not of the file.
  const length = headers.get('content-encoding') ? null : headers.get('content-length');
  if (length !== null) assertSize(what, Number(length), options);
  const type = headers.get('content-type') ?? '';
  return new Blob(body ? await piecesOf(body, what, options) : [], { type });
}

/** Everything that a stream gives; it is closed when that is too much, or when the upload was aborted. */
async function piecesOf(
  source: Readable<Uint8Array>,
  what: string,
  options: UploadOptions,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const { signal } = options;
  let reader: Reader<Uint8Array>;
  try {
    reader = readerOf(source);
  } catch (cause) {
    throw sourceFailed(what, cause);
  }
  signal?.addEventListener('abort', () => reader.cancel(signal.reason));
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw sourceFailed(what, cause);
      });
      signal?.throwIfAborted();
      if (done) return pieces;
      const bytes = bytesOf(what, value);
      size += bytes.byteLength;
      if (size > maxBytesOf(options)) throw tooLarge(what, options);
      // A copy: a source may fill the same buffer again.
      pieces.push(bytes.slice());
    }
  } catch (error) {
    reader.cancel(error);
    throw error;
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
