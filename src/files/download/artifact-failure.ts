import { factsOf } from '../../sdk/failures.ts';
import type { Artifact } from '../../turn/artifact.ts';
import { ArtifactError, type ArtifactErrorCode } from '../errors.ts';

/**
 * The refusals of the Files API that will not pass, as an `ArtifactError` with the SDK's
 * error as its `cause`; any other error as it is. The SDK has classes for them, but only
 * where the answer carries `error_code`, which gateways and older deployments leave out.
 */
export function artifactFailure(error: unknown, artifact: Artifact, now = Date.now()): unknown {
  const { status, errorCode } = factsOf(error);
  const { fileId, expiresAt, downloadable } = artifact;
  const isPast = expiresAt !== null && Date.parse(expiresAt) <= now;
  if (errorCode === 'file_expired' || (isPast && (status === 404 || status === 400))) {
    return typed(`${fileId} has expired: its content is gone.`, 'artifact_expired', error);
  }
  if (status === 404) return missingArtifact(fileId, error);
  if (errorCode === 'file_not_downloadable' || (status === 400 && downloadable === false)) {
    const message = `${fileId} cannot be downloaded: only files that a tool made can, not uploads.`;
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
  const message = `${fileId} does not fit: ${option} is ${limit} bytes. Raise it, or leave the file where it is.`;
  return typed(message, 'artifact_too_large');
}

function typed(message: string, code: ArtifactErrorCode, cause?: unknown): ArtifactError {
  return new ArtifactError(message, { code, cause, requestId: factsOf(cause).requestId });
}
