import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';

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
   * `missing`: the Files API does not know it (any more).
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

/** The artifact with what the Files API says of it; `undefined` means that it does not know the file. */
export function describedArtifact(artifact: Artifact, file: FileMetadata | undefined): Artifact {
  if (!file) return { ...artifact, status: 'missing' };
  return {
    ...artifact,
    status: 'described',
    // Gateways answer, too.
    name: typeof file.filename === 'string' ? file.filename : null,
    mimeType: file.mime_type ?? null,
    sizeBytes: file.size_bytes ?? null,
    createdAt: file.created_at ?? null,
    expiresAt: file.expires_at ?? null,
    downloadable: file.downloadable ?? null,
  };
}
