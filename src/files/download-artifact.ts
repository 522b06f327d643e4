import { ArtifactError, InvalidInputError } from '../errors.ts';
import { assertFilesClient, describe, type FilesClient } from '../request/client.ts';
import type { Artifact } from '../turn/artifact.ts';

/** A file that can be read, once. */
export interface DownloadedArtifact {
  readonly fileId: string;
  /** The file's name as the model chose it. Untrusted: never use it as a path as it is. */
  readonly name: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** The bytes as they arrive. */
  stream(): ReadableStream<Uint8Array>;
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
  blob(): Promise<Blob>;
}

/** Options of {@link downloadArtifact}. */
export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens an artifact for reading: its metadata and its bytes, in one of four forms.
 *
 * Images, video and audio carry Content Credentials once downloaded, so their size can differ from `sizeBytes` of
 * the container's copy (documented Sep 2026).
 *
 * @throws {ArtifactError} `.code` `artifact_cut` when fewer bytes came than the server announced.
 * @throws the SDK's errors, such as `FileExpiredError` and `FileNotDownloadableError`.
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
  const request = { signal: options.signal };
  const known = typeof artifact === 'object' && artifact.status === 'described' ? artifact : undefined;
  const file = known ?? (await describeFile(client, fileId, request));
  const response: Response | null = await client.files.download(fileId, undefined, request);
  let isRead = false;
  const stream = () => {
    if (isRead) {
      throw new InvalidInputError(`The download of ${fileId} was read already. Call downloadArtifact again.`);
    }
    isRead = true;
    return checkedBody(response, fileId);
  };
  const whole = () => new Response(stream(), { headers: { 'content-type': file.mimeType ?? '' } });
  return {
    fileId,
    name: file.name ?? fileId,
    mimeType: file.mimeType ?? 'application/octet-stream',
    sizeBytes: file.sizeBytes ?? 0,
    stream,
    bytes: async () => new Uint8Array(await whole().arrayBuffer()),
    text: async () => whole().text(),
    blob: async () => whole().blob(),
  };
}

async function describeFile(
  client: FilesClient,
  fileId: string,
  request: object,
): Promise<Pick<Artifact, 'name' | 'mimeType' | 'sizeBytes'>> {
  const file = await client.files.retrieveMetadata(fileId, undefined, request);
  return { name: file.filename, mimeType: file.mime_type, sizeBytes: file.size_bytes };
}

/** The body, failing where it breaks, or ends before the length that its headers announce. */
function checkedBody(response: Response | null, fileId: string): ReadableStream<Uint8Array> {
  const body = response?.body;
  if (!body) return new Blob([]).stream();
  const length = response.headers.get('content-encoding') ? null : response.headers.get('content-length');
  const reader = body.getReader();
  let received = 0;
  const cut = (cause?: unknown) =>
    new ArtifactError(
      `The download of ${fileId} ended after ${received}${length === null ? '' : ` of ${length}`} bytes. Download it again.`,
      { code: 'artifact_cut', retryable: true, cause },
    );
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read().catch((cause) => {
        throw isAbort(cause) ? cause : cut(cause);
      });
      if (value) {
        received += value.byteLength;
        controller.enqueue(value);
      } else if (done) {
        if (length !== null && received !== Number(length)) throw cut();
        controller.close();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function isAbort(error: unknown): boolean {
  return (error as { readonly name?: unknown } | null)?.name === 'AbortError';
}
