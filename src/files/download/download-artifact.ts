import { assertInput, InvalidInputError, typed } from '../../errors.ts';
import { assertFilesClient, type FilesClient } from '../../sdk/client.ts';
import { fetchOneFile } from '../../sdk/file-metadata.ts';
import { type Artifact, describedArtifact, listedArtifact } from '../../turn/artifact.ts';
import { ownSignal } from '../../wire/signals.ts';
import { assertWhole } from '../assert-whole.ts';
import { ArtifactBody, announcedLength } from './artifact-body.ts';
import { artifactFailure, missingArtifact } from './artifact-failure.ts';
import { openDownload, whileCut } from './open-download.ts';

/** A file that can be read, once. */
export interface DownloadedArtifact {
  readonly fileId: string;
  /** The file's name as the model chose it. Untrusted: never use it as a path as it is. */
  readonly name: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** How many bytes come, where the server says it; else `null`. */
  readonly contentLength: number | null;
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
  /**
   * More fails with `artifact_too_large`, before it is read
   * where the server sends the length. Default: no limit.
   */
  readonly maxBytes?: number | undefined;
}

/** Options of {@link downloadArtifact}. */
export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** How often a cut download begins again. Default 2. */
  readonly retries?: number | undefined;
}

/**
 * Opens an artifact for reading: its metadata and its bytes, in one of four forms.
 *
 * Images, video and audio carry Content Credentials once downloaded, so their
 * size can differ from `sizeBytes` of the container's copy (documented Sep 2026).
 *
 * @throws {ArtifactError} `.code` `artifact_expired`, `artifact_not_downloadable` or `artifact_missing`, with
 * the SDK's error as `cause`; `artifact_replaced` for an answer that is not the file, such as a proxy's page;
 * when read, `artifact_cut` when fewer bytes came than announced, and `artifact_too_large`.
 * @throws {RedirectError} and the SDK's other errors.
 *
 * @example
 * ```ts
 * for (const artifact of turn.artifacts) {
 *   const download = await downloadArtifact(client, artifact);
 *   console.log(await download.text());
 * }
 * ```
 */
export async function downloadArtifact(
  client: FilesClient,
  artifact: Artifact | string,
  options: DownloadOptions = {},
): Promise<DownloadedArtifact> {
  return typed('downloadArtifact', async () => {
    assertFilesClient(client, 'downloadArtifact');
    const fileId = typeof artifact === 'string' ? artifact : artifact?.fileId;
    const isGiven = typeof fileId === 'string' && fileId !== '';
    assertInput(isGiven, 'downloadArtifact takes an artifact or a file id', artifact);
    const { retries = 2 } = options;
    assertWhole('retries', retries, 0);
    if (typeof artifact === 'object' && artifact.status === 'missing') throw missingArtifact(fileId);
    const { signal, release } = ownSignal(options.signal);
    const isKnown = typeof artifact === 'object' && artifact.status === 'described';
    const file = isKnown ? artifact : await describeFile(client, fileId, signal);
    const first = await openDownload(client, file, { signal });
    let isRead = false;
    /** The first body is the one that was opened. */
    const bodyOf = (response: Response, { maxBytes }: ReadOptions = {}) =>
      new ArtifactBody(response, file, { maxBytes, signal });
    const begin = (readOptions?: ReadOptions) => {
      assertWhole('maxBytes', readOptions?.maxBytes, 0);
      if (isRead) {
        throw new InvalidInputError(
          `The download of ${fileId} was read already. Call downloadArtifact again.`,
        );
      }
      isRead = true;
    };
    const bytes = async (readOptions?: ReadOptions) => {
      begin(readOptions);
      const open = async (attempt: number) =>
        bodyOf(attempt === 1 ? first : await openDownload(client, file, { signal }), readOptions);
      return await whileCut(fileId, open, (body) => body.bytes(), { retries }).finally(release);
    };
    return {
      fileId,
      name: file.name ?? fileId,
      mimeType: file.mimeType ?? 'application/octet-stream',
      sizeBytes: file.sizeBytes ?? 0,
      contentLength: announcedLength(first),
      stream: () => {
        begin();
        return bodyOf(first).stream();
      },
      bytes,
      text: async (readOptions) => new TextDecoder().decode(await bytes(readOptions)),
      blob: async (readOptions) => new Blob([await bytes(readOptions)], { type: file.mimeType ?? '' }),
      cancel: async () => {
        release();
        if (!isRead) bodyOf(first).cancel();
        isRead = true;
      },
    };
  });
}

async function describeFile(client: FilesClient, fileId: string, signal: AbortSignal): Promise<Artifact> {
  const listed = listedArtifact({ fileId, executionId: '', responseIndex: 0 });
  try {
    return describedArtifact(listed, await fetchOneFile(client, fileId, signal));
  } catch (error) {
    throw artifactFailure(error, listed);
  }
}
