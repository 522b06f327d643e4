import type { Artifact } from '../../turn/artifact.ts';
import { tooLarge } from './artifact-failure.ts';

/** How many bytes may come. */
export interface ByteLimits {
  /** Largest single artifact. Default: no limit; the API has 500 MB. */
  readonly maxBytes?: number | undefined;
  /** Largest sum. Artifacts that do not fit, in their order, are not begun. Default: no limit. */
  readonly maxTotalBytes?: number | undefined;
}

/** Room for artifacts, set aside in their order, so that which of them fit does not depend on the network. */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #maxTotalBytes: number;
  readonly #reserved = new Map<string, number>();
  #totalBytes = 0;

  constructor({ maxBytes, maxTotalBytes }: ByteLimits, artifacts: readonly Artifact[]) {
    this.#maxBytes = maxBytes ?? Number.POSITIVE_INFINITY;
    this.#maxTotalBytes = maxTotalBytes ?? Number.POSITIVE_INFINITY;
    for (const { fileId, sizeBytes } of artifacts) {
      const size = sizeBytes ?? 0;
      if (size > this.#maxBytes || this.#totalBytes + size > this.#maxTotalBytes) continue;
      this.#reserved.set(fileId, size);
      this.#totalBytes += size;
    }
  }

  /** @throws {ArtifactError} where there is no room for it. */
  assertRoom({ fileId, sizeBytes }: Artifact): void {
    if (this.#reserved.has(fileId)) return;
    if ((sizeBytes ?? 0) > this.#maxBytes) throw tooLarge(fileId, 'maxBytes', this.#maxBytes);
    throw tooLarge(fileId, 'maxTotalBytes', this.#maxTotalBytes);
  }

  /** @throws {ArtifactError} where more came than was announced, and the sum is too much. */
  receive(fileId: string, receivedBytes: number): void {
    const more = receivedBytes - (this.#reserved.get(fileId) ?? 0);
    if (more > 0) {
      this.#reserved.set(fileId, receivedBytes);
      this.#totalBytes += more;
    }
    if (this.#totalBytes > this.#maxTotalBytes) throw tooLarge(fileId, 'maxTotalBytes', this.#maxTotalBytes);
  }

  /** What did not arrive takes no room from the others. */
  release(fileId: string): void {
    this.#totalBytes -= this.#reserved.get(fileId) ?? 0;
    this.#reserved.delete(fileId);
  }
}
