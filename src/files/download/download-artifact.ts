import { InvalidInputError } from '../../errors.ts';
import { assertFilesClient, describe, type FilesClient } from '../../sdk/client.ts';
import type { Artifact } from '../../turn/artifact.ts';
import { assertWhole } from '../upload/upload-options.ts';
import { ArtifactBody } from './artifact-body.ts';
import { artifactFailure, missingArtifact } from './artifact-failure.ts';

/** A file that can be read, once. */
export interface DownloadedArtifact {
  readonly fileId: string;
  /** The file's name as the model chose it. Untrusted: never use it as a path as it is. */
  readonly name: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** The bytes as they arrive. A cut ends them with an error: what was handed out cannot be called back. */
  stream(): ReadableStream<Uint8Array>;
  /** All bytes; a cut download begins again. */
  bytes(options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** As UTF-8; a cut download begins again. */
  text(options?: ReadOptions): Promise<string>;
  /** With its type; a cut download begins again. */
  blob(options?: ReadOptions): Promise<Blob>;
  /** Ends a download that is not read, and frees its connection. */
  cancel(): Promise<void>;
}

/** Options of the readers of {@link DownloadedArtifact}. */
export interface ReadOptions {
  /** More fails with `artifact_too_large`, before it is read where the server tells the length. Default: no limit. */
  readonly maxBytes?: number | undefined;
}

/** Options of {@link downloadArtifact}. */
export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** How often a cut download begins again. Default 2. */
  readonly retries?: number | undefined;
  /** Told when a cut download begins again, with the error that cut it. */
  readonly onRetry?: ((retry: DownloadRetry) => void) | undefined;
}

/** A download that begins again. */
export interface DownloadRetry {
  readonly fileId: string;
  /** The try that begins now: 2 is the first after a cut. */
  readonly attempt: number;
  readonly error: unknown;
}

/**
 * Opens an artifact for reading: its metadata and its bytes, in one of four forms.
 *
 * Images, video and audio carry Content Credentials once downloaded, so their size can differ from `sizeBytes` of
 * the container's copy (documented Sep 2026).
 *
 * @throws {ArtifactError} `.code` `artifact_expired`, `artifact_not_downloadable` or `artifact_missing`, with the SDK's error as
 * `cause`; when read, `artifact_cut` when fewer bytes came than announced, and `artifact_too_large`.
 * @throws the SDK's other errors.
 *
 * @example
 * ```ts
 * for (const artifact of turn.artifacts) console.log(await (await downloadArtifact(client, artifact)).text());
 * ```
 */
export async function downloadArtifact(
  client: FilesClient,
  artifact: Artifact | string,
  options: DownloadOptions = {},
): Promise<DownloadedArtifact> {
  assertFilesClient(client, 'downloadArtifact');
  const fileId = typeof artifact === 'string' ? artifact : artifact?.fileId;
  if (typeof fileId !== 'string' || fileId === '') {
    throw new InvalidInputError(
      `downloadArtifact takes an artifact or a file id, got ${describe(artifact)}.`,
    );
  }
  const { retries = 2, onRetry } = options;
  assertWhole('retries', retries, 0);
  // One of its own: the SDK leaves listeners on the signal that it is given.
  const signal = options.signal ? AbortSignal.any([options.signal]) : undefined;
  const isKnown = typeof artifact === 'object' && artifact.status === 'described';
  if (typeof artifact === 'object' && artifact.status === 'missing') throw missingArtifact(fileId);
  const file = isKnown ? artifact : await describeFile(client, fileId, { signal });
  const open = () => openDownload(client, file, { signal });
  const response = await open();
  let isRead = false;
  const read = (from: Response, { maxBytes }: ReadOptions = {}) =>
    new ArtifactBody(from, { fileId, mimeType: file.mimeType, sizeBytes: file.sizeBytes, maxBytes, signal });
  const readOnce = (readOptions?: ReadOptions) => {
    assertWhole('maxBytes', readOptions?.maxBytes, 0);
    if (isRead) {
      throw new InvalidInputError(`The download of ${fileId} was read already. Call downloadArtifact again.`);
    }
    isRead = true;
    return read(response, readOptions);
  };
  const bytes = async (readOptions?: ReadOptions) => {
    let body = readOnce(readOptions);
    for (let attempt = 2; ; attempt++) {
      try {
        return await body.bytes();
      } catch (error) {
        if (!body.isCut || attempt > retries + 1) throw error;
        onRetry?.({ fileId, attempt, error });
        body = read(await open(), readOptions);
      }
    }
  };
  return {
    fileId,
    name: file.name ?? fileId,
    mimeType: file.mimeType ?? 'application/octet-stream',
    sizeBytes: file.sizeBytes ?? 0,
    stream: () => readOnce().stream(),
    bytes,
    text: async (readOptions) => new TextDecoder().decode(await bytes(readOptions)),
    blob: async (readOptions) => new Blob([await bytes(readOptions)], { type: file.mimeType ?? '' }),
    cancel: async () => {
      if (!isRead) await readOnce().cancel();
    },
  };
}

/** What a download needs to know of a file. */
type FileFacts = Pick<Artifact, 'fileId' | 'name' | 'mimeType' | 'sizeBytes' | 'expiresAt' | 'downloadable'>;

/** Asks for the content, and gives the response once its headers are there. */
export async function openDownload(
  client: FilesClient,
  file: FileFacts,
  request: Readonly<Record<string, unknown>>,
): Promise<Response> {
  try {
    return await client.files.download(file.fileId, undefined, request);
  } catch (error) {
    throw artifactFailure(error, file);
  }
}

async function describeFile(client: FilesClient, fileId: string, request: object): Promise<FileFacts> {
  try {
    const file = await client.files.retrieveMetadata(fileId, undefined, request);
    return {
      fileId,
      name: file.filename ?? null,
      mimeType: file.mime_type ?? null,
      sizeBytes: file.size_bytes ?? null,
      expiresAt: file.expires_at ?? null,
      downloadable: file.downloadable ?? null,
    };
  } catch (error) {
    throw artifactFailure(error, { fileId });
  }
}
