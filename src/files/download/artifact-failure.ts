import { ArtifactError } from '../../errors.ts';
import type { Artifact } from '../../turn/artifact.ts';

/** What is known of an artifact when its download fails. */
export type KnownArtifact = Pick<Artifact, 'fileId'> & Partial<Pick<Artifact, 'expiresAt' | 'downloadable'>>;

/**
 * The refusals of the Files API that will not pass, as an `ArtifactError` with the SDK's error as its `cause`; any
 * other error as it is. The SDK has classes for them, but only where the answer carries `error_code`, which gateways
 * and older deployments leave out.
 */
export function artifactFailure(error: unknown, artifact: KnownArtifact, now = Date.now()): unknown {
  const { status, errorCode } = (error ?? {}) as { readonly status?: unknown; readonly errorCode?: unknown };
  const isPast = Boolean(artifact.expiresAt) && Date.parse(String(artifact.expiresAt)) <= now;
  if (status === 404 || errorCode === 'file_expired' || (status === 400 && isPast)) {
    return errorCode === 'file_expired' || isPast
      ? typed(`${artifact.fileId} has expired: its content is gone.`, 'artifact_expired', error)
      : missingArtifact(artifact.fileId, error);
  }
  if (errorCode === 'file_not_downloadable' || (status === 400 && artifact.downloadable === false)) {
    const message = `${artifact.fileId} cannot be downloaded: only files that a tool made can, not uploads.`;
    return typed(message, 'artifact_not_downloadable', error);
  }
  return error;
}

export function missingArtifact(fileId: string, cause?: unknown): ArtifactError {
  const message = `${fileId} does not exist (any more): it was deleted, or belongs to another workspace.`;
  return typed(message, 'artifact_missing', cause);
}

/** For a sink that was done before the bytes were. */
export function notRead(fileId: string, bytes: number): ArtifactError {
  const message = `The sink was done with ${fileId} after ${bytes} bytes of it, before its end. Await what takes the body.`;
  return typed(message, 'artifact_not_read');
}

export function tooLarge(fileId: string, option: string, limit: number): ArtifactError {
  return typed(
    `${fileId} does not fit: ${option} is ${limit} bytes. Raise it, or leave the file where it is.`,
    'artifact_too_large',
  );
}

function typed(message: string, code: string, cause?: unknown): ArtifactError {
  const requestId = (cause as { readonly requestID?: string | null } | undefined)?.requestID ?? null;
  return new ArtifactError(message, { code, cause, requestId });
}
