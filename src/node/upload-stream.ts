import { Readable } from 'node:stream';
import type { ReadableStream as NodeWebStream } from 'node:stream/web';
import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { InvalidInputError, quoted, typed } from '../errors.ts';
import { assertWhole } from '../files/assert-whole.ts';
import { runUpload } from '../files/upload/run-upload.ts';
import { assertSize, sourceFailed } from '../files/upload/source-checks.ts';
import { uploadName } from '../files/upload/upload-name.ts';
import { assertUploadOptions, type UploadOptions } from '../files/upload/upload-options.ts';
import { assertFilesClient, type FilesClient } from '../sdk/client.ts';
import { type UploadProgress, uploadForm } from './upload-form.ts';

/** A Node `Readable`, as far as a type is needed, so that projects without Node's types compile. */
interface NodeReadable {
  pipe(destination: never): unknown;
  destroy(error?: Error): unknown;
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

/**
 * A Node stream, such as the body of an object in a store,
 * or a stream of web APIs, or an async iterable of bytes.
 */
export type StreamSource = NodeReadable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Options of {@link uploadStream}. */
export interface UploadStreamOptions extends UploadOptions {
  /** The file's name in the container. */
  readonly name: string;
  /**
   * How many bytes the stream has, where that is known: then too large
   * a file is not sent, and a stream that ends early is an error.
   */
  readonly sizeBytes?: number | undefined;
  /** `total` is `sizeBytes`, or `null`. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
}

/**
 * Uploads a stream with constant memory. Its media type is that
 * of the name's extension unless `mimeType` says otherwise.
 *
 * A stream can be read once, so it is tried once. Pass a function that opens it, and a failed
 * upload is tried again with a fresh one. Whatever happens, a stream that was taken is destroyed.
 *
 * @throws {InvalidInputError} before any request: no stream, no
 * name, a name that is to be rejected, `sizeBytes` above `maxBytes`.
 * @throws {UploadError} when the stream breaks off, does not have
 * `sizeBytes` bytes or more than `maxBytes`, and when the signal aborts.
 * @throws the SDK's errors.
 *
 * @example
 * ```ts
 * const { Body, ContentLength } = await s3.send(new GetObjectCommand({ Bucket, Key }));
 * const file = await uploadStream(client, Body as Readable, { name: 'sales.csv', sizeBytes: ContentLength });
 * ```
 */
export async function uploadStream(
  client: FilesClient,
  source: StreamSource | (() => StreamSource | Promise<StreamSource>),
  options: UploadStreamOptions,
): Promise<FileMetadata> {
  return typed('uploadStream', async () => {
    try {
      assertFilesClient(client, 'uploadStream');
      assertUploadOptions(options ?? {});
      const name = uploadName(options?.name, 'uploadStream', options);
      const { sizeBytes } = options;
      assertWhole('sizeBytes', sizeBytes, 0);
      if (sizeBytes !== undefined) assertSize(quoted(name), sizeBytes, options);
      const opens = typeof source === 'function';
      const first = opens ? undefined : readableOf(source);
      const upload = { ...options, name, sizeBytes, isOnce: !opens };
      return await runUpload(quoted(name), options.signal, (signal) =>
        uploadForm(
          client,
          'uploadStream',
          async () => first ?? readableOf(await (source as () => StreamSource)()),
          { ...upload, signal },
        ),
      );
    } catch (error) {
      // The caller handed it over, and would wait for its end otherwise.
      if (source instanceof Readable) source.destroy();
      if (source instanceof ReadableStream && !source.locked) source.cancel(error).catch(() => {});
      throw error;
    }
  });
}

function readableOf(source: unknown): Readable {
  if (source instanceof Readable) {
    if (!source.readableDidRead && !source.destroyed) return source;
    throw new InvalidInputError(
      'Cannot upload this stream: it was read or destroyed already. Pass a fresh one, or a function that opens it.',
    );
  }
  if (source instanceof ReadableStream) {
    if (source.locked) {
      throw new InvalidInputError('Cannot upload this stream: it is being read already. Pass a fresh one.');
    }
    // Texts stay texts, which are refused; as bytes they would be sent without a word.
    return Readable.fromWeb(source as NodeWebStream, { objectMode: true, highWaterMark: 1 });
  }
  const isBytes = source instanceof Uint8Array || source instanceof Blob;
  if (!isBytes && typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    try {
      return Readable.from(source as AsyncIterable<Uint8Array>, { highWaterMark: 1 });
    } catch (cause) {
      throw sourceFailed('this iterable', cause);
    }
  }
  throw new InvalidInputError(
    `uploadStream takes a stream, got ${quoted(source)}. For a file on disk call uploadPath, for bytes uploadFile.`,
  );
}
