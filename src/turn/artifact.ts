import { isRecord } from '../wire/blocks.ts';

/**
 * A file that an execution produced. The API gives its id
 * only; the rest comes from the Files API. Plain JSON.
 */
export interface Artifact {
  /** `file_…` */
  readonly fileId: string;
  /** The execution whose command left the file in `$OUTPUT_DIR`. */
  readonly executionId: string;
  /** Index of the response with the result that lists it. */
  readonly responseIndex: number;
  /**
   * `listed`: only the id is known; `described`: looked up;
   * `missing`: the Files API said that it does not know it (any more).
   */
  readonly status: 'listed' | 'described' | 'missing';
  /** The file's name as the model chose it. Untrusted: never use it as a path as it is. */
  readonly name: string | null;
  readonly mimeType: string | null;
  readonly sizeBytes: number | null;
  /** ISO time. */
  readonly createdAt: string | null;
  /** ISO time after which the content is gone; `null` when it stays, or is not known. */
  readonly expiresAt: string | null;
  readonly downloadable: boolean | null;
}

/** What a look-up found, by file id. */
interface Files {
  readonly files: ReadonlyMap<string, unknown>;
  readonly missing: ReadonlySet<string>;
}

const NOT_DESCRIBED = {
  status: 'listed',
  name: null,
  mimeType: null,
  sizeBytes: null,
  createdAt: null,
  expiresAt: null,
  downloadable: null,
} as const;

/** The artifact as the result lists it, without what the Files API says of it. */
export function listedArtifact({
  fileId,
  executionId,
  responseIndex,
}: Pick<Artifact, 'fileId' | 'executionId' | 'responseIndex'>): Artifact {
  return { fileId, executionId, responseIndex, ...NOT_DESCRIBED };
}

/** The artifact with what the Files API says of it; as it was where the answer is not of this file. */
export function describedArtifact(artifact: Artifact, file: unknown): Artifact {
  // Gateways answer, too, with whatever they have.
  if (!isRecord(file) || file['id'] !== artifact.fileId) return artifact;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  const { size_bytes: size, downloadable } = file;
  return {
    ...artifact,
    status: 'described',
    name: text(file['filename']),
    mimeType: text(file['mime_type']),
    sizeBytes: Number.isSafeInteger(size) && Number(size) >= 0 ? Number(size) : null,
    createdAt: text(file['created_at']),
    expiresAt: text(file['expires_at']),
    downloadable: typeof downloadable === 'boolean' ? downloadable : null,
  };
}

/** The artifact after a look-up; what that does not know stays `listed`. */
export function lookedUpArtifact(artifact: Artifact, { files, missing }: Files): Artifact {
  return missing.has(artifact.fileId)
    ? { ...artifact, status: 'missing' }
    : describedArtifact(artifact, files.get(artifact.fileId));
}
