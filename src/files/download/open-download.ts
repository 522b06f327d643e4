import type { FilesClient } from '../../sdk/client.ts';
import { unredirected } from '../../sdk/redirects.ts';
import type { Artifact } from '../../turn/artifact.ts';
import type { ArtifactBody } from './artifact-body.ts';
import { artifactFailure, notRead } from './artifact-failure.ts';
import { assertFile } from './assert-file.ts';

/**
 * Asks for the content, and gives the response once its headers are there.
 *
 * @throws {ArtifactError} for refusals that will not pass, and for an answer
 * that is not the file; else what the SDK throws.
 */
export async function openDownload(
  client: FilesClient,
  artifact: Artifact,
  request: Readonly<Record<string, unknown>>,
): Promise<Response> {
  let response: Response;
  try {
    response = await unredirected(client, request, (options) =>
      client.files.download(artifact.fileId, undefined, options),
    );
  } catch (error) {
    throw artifactFailure(error, artifact);
  }
  await assertFile(response, artifact);
  return response;
}

/** How a download is tried again. */
export interface CutOptions {
  /** Tries after the first. */
  readonly retries: number;
  /** Called before a cut download begins again. */
  readonly onRetry?: (attempt: number, error: unknown) => void;
}

/**
 * Downloads into `take`, again from the start while the body is cut.
 *
 * @throws {ArtifactError} `artifact_not_read` where `take` was done before the body was.
 */
export async function whileCut<Taken>(
  fileId: string,
  open: (attempt: number) => Promise<ArtifactBody>,
  take: (body: ArtifactBody, attempt: number) => Promise<Taken>,
  { retries, onRetry }: CutOptions,
): Promise<Taken> {
  for (let attempt = 1; ; attempt++) {
    const body = await open(attempt);
    try {
      const taken = await take(body, attempt);
      if (body.failure !== undefined) throw body.failure;
      if (!body.isWhole) throw notRead(fileId, body.receivedBytes);
      return taken;
    } catch (error) {
      if (!body.isCut) throw error;
      if (attempt > retries) throw body.failure;
      onRetry?.(attempt + 1, body.failure);
    } finally {
      body.cancel();
    }
  }
}
