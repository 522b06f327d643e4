import { addAbortSignal, finished, PassThrough, type Readable, Transform } from 'node:stream';
import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import FormData from 'form-data';
import { lookup } from 'mime-types';
import { assertInput, isInvalidInputError, quoted } from '../errors.ts';
import { listenerFailed, UploadError } from '../files/errors.ts';
import { bytesOf, maxBytesOf, sourceFailed, tooLarge } from '../files/upload/source-checks.ts';
import type { UploadOptions } from '../files/upload/upload-options.ts';
import { type FilesClient, ownerOf } from '../sdk/client.ts';
import { factsOf, verdictOf } from '../sdk/failures.ts';
import { assertNoRedirect } from '../sdk/redirects.ts';
import { retrier } from '../sdk/retry.ts';
import { untilAborted } from '../wire/signals.ts';

/** What waits between two steps at most, beside one piece: more only takes memory. */
const BUFFER_BYTES = 256 * 1024;

/** How far an upload has come. */
export interface UploadProgress {
  /**
   * Bytes of the file that were handed on; up to 3 MiB of them
   * may still wait to be sent. A second try begins at 0 again.
   */
  readonly bytes: number;
  /** `null` where the size is not known. */
  readonly total: number | null;
}

/** What one upload sends. */
export interface FormUpload extends UploadOptions {
  readonly signal: AbortSignal;
  readonly name: string;
  /** `undefined` where it is not known. */
  readonly sizeBytes: number | undefined;
  /** The source can be read a single time, so there is no second try. */
  readonly isOnce?: boolean;
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
}

interface PostClient {
  readonly maxRetries?: number;
  readonly fetch?: object;
  post(path: string, options: object): PromiseLike<FileMetadata>;
}

/**
 * Uploads what `open` gives, opened again for each try.
 *
 * Tried again is what the SDK, too, would try again for a body that it can
 * send twice: 408, 409, 429, 5xx and a lost connection. Some of these may
 * have stored the file; a second copy runs nothing and costs only its room.
 */
export async function uploadForm(
  client: FilesClient,
  caller: string,
  open: () => Readable | Promise<Readable>,
  upload: FormUpload,
): Promise<FileMetadata> {
  const sender = postClientOf(client, caller);
  const { signal } = upload;
  const retries = upload.isOnce ? 0 : (upload.retries ?? sender.maxRetries ?? 2);
  const again = retrier({ retries, mayRetry: (error) => verdictOf(error).passes, signal });
  for (;;) {
    try {
      return await send(sender, await opened(open, upload, signal), upload);
    } catch (error) {
      if (!learnsForeign(sender, error)) await again(error);
      else if (upload.isOnce) throw takenTwice(upload.name, error);
    }
  }
}

/**
 * Of a web stream, which is what the SDK makes of each body, node-fetch and cross-fetch send the text
 * `[object ReadableStream]`. They are known by the class of their headers once the API has refused that.
 */
const foreign = new WeakSet<object>();

function learnsForeign({ fetch }: PostClient, error: unknown): boolean {
  const { headers } = Object(error) as { readonly headers?: unknown };
  if (factsOf(error).status !== 400 || !fetch || headers instanceof Headers || foreign.has(fetch))
    return false;
  foreign.add(fetch);
  return true;
}

/** Something between the client and its `fetch` read of the stream, such as a middleware. */
const takenTwice = (name: string, cause: unknown) =>
  new UploadError(
    `Cannot upload ${quoted(name)}: this client's fetch sends no web streams, which is known only now, and the stream was ` +
      'read from. Call uploadStream again with a fresh one, or pass a function that opens it.',
    { code: 'source_failed', cause },
  );

/** The source of one try. What is opened after an abort is closed. */
function opened(
  open: () => Readable | Promise<Readable>,
  { name }: FormUpload,
  signal: AbortSignal,
): Promise<Readable> {
  const opening = (async () => open())().catch((cause) => {
    throw isInvalidInputError(cause) ? cause : sourceFailed(quoted(name), cause);
  });
  return untilAborted(opening, signal, (late) => void late.destroy());
}

async function send(client: PostClient, source: Readable, upload: FormUpload): Promise<FileMetadata> {
  const { name, sizeBytes, mimeType, expiresInSeconds, timeoutMs, signal } = upload;
  const content = checked(source, upload);
  addAbortSignal(signal, content);
  const form = new FormData();
  let body: PassThrough | undefined;
  const broken = new Promise<never>((_, reject) => {
    form.on('error', (error) => {
      body?.destroy(error);
      reject(error);
    });
  });
  try {
    // form-data takes a length of 0 for an unknown one. A source without bytes is read to its end before.
    const isEmpty = sizeBytes === 0;
    if (isEmpty) for await (const _ of content);
    if (expiresInSeconds !== undefined) form.append('expires_in_seconds', String(expiresInSeconds));
    form.append('file', isEmpty ? Buffer.alloc(0) : content, {
      filename: name,
      ...(sizeBytes === undefined ? {} : { knownLength: sizeBytes }),
      contentType: mimeType ?? (lookup(name) || 'application/octet-stream'),
    });
    const headers: Record<string, string> = form.getHeaders();
    // Before it is piped: form-data forgets the parts that it has sent.
    if (sizeBytes !== undefined) headers['content-length'] = String(form.getLengthSync());
    // A FormData of this package is no Readable: handed to fetch as it
    // is, it would be sent as text. `pipe` does not hand errors on.
    body = form.pipe(new PassThrough({ highWaterMark: BUFFER_BYTES }));
    // `broken` reports it, also where the reading has not begun.
    body.on('error', () => {});
    const asItIs = { body, duplex: 'half' };
    const post = (webBody: ReadableStream | undefined) => {
      const request = {
        ...(webBody && { body: webBody }),
        headers,
        maxRetries: 0,
        // fetch keeps a copy of all that it sends, to be able to
        // follow a redirect: 590 MiB of memory for 512, measured.
        fetchOptions: { redirect: 'error', ...(!webBody && asItIs) },
        signal,
        ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      };
      return Promise.race([client.post('/v1/files', request), broken]);
    };
    if (foreign.has(client.fetch ?? globalThis.fetch)) return await post(undefined);
    const { stream, isRead } = unreadStream(body);
    try {
      return await post(stream);
    } catch (error) {
      // None of it was sent, so that also a source that can be read once is whole.
      if (isRead() || body.destroyed || !learnsForeign(client, error)) throw error;
      return await post(undefined);
    }
  } catch (error) {
    // A source that breaks off breaks the request, and which of the two is heard of first is chance.
    if (!content.errored) assertNoRedirect(error);
    throw content.errored ?? error;
  } finally {
    content.destroy();
    source.destroy();
    body?.destroy();
  }
}

/** The body as a web stream that takes nothing of it before it is asked to. */
function unreadStream(body: Readable): { readonly stream: ReadableStream; readonly isRead: () => boolean } {
  const pieces = body[Symbol.asyncIterator]();
  let isRead = false;
  const stream = new ReadableStream(
    {
      async pull(controller) {
        isRead = true;
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, isRead: () => isRead };
}

/** The bytes of a source, which must be as many as announced. */
function checked(source: Readable, upload: FormUpload): Transform {
  const { sizeBytes, onProgress } = upload;
  const what = quoted(upload.name);
  const wrong = (found: string) =>
    new UploadError(`Cannot upload ${what}: it was announced with ${sizeBytes} bytes and had ${found}.`, {
      code: 'wrong_size',
    });
  let bytes = 0;
  const report = () => {
    try {
      const returned = onProgress?.({ bytes, total: sizeBytes ?? null }) as PromiseLike<unknown> | undefined;
      const fail = (cause: unknown) => void content.destroy(listenerFailed('onProgress', cause));
      if (typeof returned?.then === 'function') returned.then(undefined, fail);
    } catch (cause) {
      throw listenerFailed('onProgress', cause);
    }
  };
  const content: Transform = new Transform({
    // Not to have texts made bytes without a word.
    writableObjectMode: true,
    writableHighWaterMark: 4,
    readableHighWaterMark: BUFFER_BYTES,
    transform(chunk, _encoding, done) {
      try {
        bytes += bytesOf(what, chunk).byteLength;
        if (sizeBytes !== undefined && bytes > sizeBytes) throw wrong('more');
        if (bytes > maxBytesOf(upload)) throw tooLarge(what, upload);
        report();
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      try {
        if (sizeBytes !== undefined && bytes < sizeBytes) throw wrong(String(bytes));
        if (bytes === 0) report();
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  finished(source, { writable: false }, (cause) => {
    if (cause) content.destroy(sourceFailed(what, cause));
  });
  return source.pipe(content);
}

/** The SDK's `files.upload` takes whole files; a stream of known length goes through the client's `post`. */
function postClientOf(client: FilesClient, caller: string): PostClient {
  // The client that its files belong to: wrappers are Proxies and copies, whose own `post` does not work.
  const owner = (ownerOf(client.files) ?? ownerOf(client)) as Partial<PostClient> | undefined;
  const rule = `${caller} needs a client of @anthropic-ai/sdk (\`new Anthropic()\` or its \`beta\`)`;
  assertInput(typeof owner?.post === 'function', rule, client);
  return owner as PostClient;
}
