import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { type ArrivedArtifact, ArtifactError, type FailedArtifact } from '../../errors.ts';
import type { FilesClient } from '../../sdk/client.ts';
import { fetchFileMetadata, IDS_PER_CALL } from '../../sdk/file-metadata.ts';
import { inParallel } from '../../sdk/in-parallel.ts';
import { Pace } from '../../sdk/pace.ts';
import { type Artifact, describedArtifact } from '../../turn/artifact.ts';
import { ChildSignals } from '../../wire/child-signals.ts';
import { reasonOf } from '../../wire/reason.ts';
import { deleteFile } from '../delete-files.ts';
import { assertWhole } from '../upload/upload-options.ts';
import { ArtifactBody } from './artifact-body.ts';
import { missingArtifact, notRead, tooLarge } from './artifact-failure.ts';
import { openDownload } from './download-artifact.ts';
import { type ArtifactProgress, Progress } from './progress.ts';

/** Options of `pipeArtifacts` and `saveArtifacts`. */
export interface PipelineOptions {
  /** How many artifacts are under way at a time. Default 8. */
  readonly concurrency?: number | undefined;
  /** How often a cut download begins again, and a request that may pass is sent again. Default 2. A 429 is waited for, and not counted. */
  readonly retries?: number | undefined;
  /** Largest single artifact. Default: no limit; the API has 500 MB. */
  readonly maxBytes?: number | undefined;
  /** Largest sum. Artifacts that do not fit, in their order, are not begun. Default: no limit. */
  readonly maxTotalBytes?: number | undefined;
  /** Deletes each file at the API once it has arrived, and those that arrived in an earlier run. Default `false`. */
  readonly deleteAfter?: boolean | undefined;
  /** Told of every step. It must not throw: then it is called no more, and the run ends with an error of code `listener_failed`. */
  readonly onProgress?: ((progress: ArtifactProgress) => void) | undefined;
  /** Gets each artifact that failed, instead of one `ArtifactError` at the end. */
  readonly onFailure?: ((failure: FailedArtifact) => void) | undefined;
  /** Ends what is under way, and begins nothing more: an `ArtifactError` of code `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** One run over many artifacts: pace, limits, progress and failures, whatever becomes of the bytes. */
export class Pipeline {
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly #client: FilesClient;
  readonly #options: PipelineOptions;
  readonly #concurrency: number;
  readonly #retries: number;
  readonly #pace: Pace;
  readonly #signals: ChildSignals;
  readonly #reserved = new Map<string, number>();
  /** Why nothing is known of an artifact, by its file id. */
  readonly #undescribed = new Map<string, unknown>();
  #totalBytes = 0;

  constructor(client: FilesClient, artifacts: readonly Artifact[], options: PipelineOptions) {
    const { concurrency = 8, retries = 2 } = options;
    const signal = options.signal ?? new AbortController().signal;
    assertWhole('concurrency', concurrency, 1);
    assertWhole('retries', retries, 0);
    assertWhole('maxBytes', options.maxBytes, 0);
    assertWhole('maxTotalBytes', options.maxTotalBytes, 0);
    this.#client = client;
    this.#options = options;
    this.#concurrency = concurrency;
    this.#retries = retries;
    this.signal = signal;
    this.progress = new Progress(artifacts.length, options.onProgress);
    this.#signals = new ChildSignals(signal);
    this.#pace = new Pace({ retries, onWait: (waitMs) => this.progress.wait(waitMs) });
  }

  /** Names and sizes of those that are only listed, in as few requests as may be. After an abort, what is known. */
  async describe(artifacts: readonly Artifact[]): Promise<Artifact[]> {
    const ids = artifacts.filter(({ status }) => status === 'listed').map(({ fileId }) => fileId);
    const calls = Array.from({ length: Math.ceil(ids.length / IDS_PER_CALL) }, (_, call) =>
      ids.slice(call * IDS_PER_CALL, (call + 1) * IDS_PER_CALL),
    );
    const found = await inParallel(calls, this.#concurrency, (some) =>
      this.#signals.run(async (signal) => {
        const request = { signal, maxRetries: 0 };
        try {
          return await this.#pace.send(() => fetchFileMetadata(this.#client, some, request), signal);
        } catch (error) {
          // The others go on.
          for (const id of some) this.#undescribed.set(id, error);
          return new Map<string, FileMetadata>();
        }
      }),
    );
    const files = new Map(found.flatMap((some) => [...some]));
    return artifacts.map((artifact) => {
      const isAnswered = artifact.status === 'listed' && !this.#undescribed.has(artifact.fileId);
      return isAnswered ? describedArtifact(artifact, files.get(artifact.fileId)) : artifact;
    });
  }

  /** Sets room aside in the order of the artifacts, so that which of them fit does not depend on the network. */
  reserve(artifacts: readonly Artifact[]): void {
    const { maxBytes = Number.POSITIVE_INFINITY, maxTotalBytes = Number.POSITIVE_INFINITY } = this.#options;
    for (const { fileId, sizeBytes } of artifacts) {
      const size = sizeBytes ?? 0;
      if (size > maxBytes || this.#totalBytes + size > maxTotalBytes) continue;
      this.#reserved.set(fileId, size);
      this.#totalBytes += size;
    }
  }

  /**
   * Does `work` for every artifact, and gives its results in their order.
   *
   * @throws {ArtifactError} with `saved` and `failed`.
   */
  async run<Arrived extends ArrivedArtifact>(
    artifacts: readonly Artifact[],
    work: (artifact: Artifact, signal: AbortSignal) => Promise<Arrived>,
  ): Promise<Arrived[]> {
    const results: { arrived?: Arrived; failure?: FailedArtifact }[] = await inParallel(
      artifacts,
      this.#concurrency,
      async (artifact) => {
        const { fileId } = artifact;
        const result: { arrived?: Arrived; failure?: FailedArtifact } = {};
        try {
          this.signal.throwIfAborted();
          if (this.#undescribed.has(fileId)) throw this.#undescribed.get(fileId);
          await this.#signals.run(async (signal) => {
            result.arrived = await work(artifact, signal);
            if (this.#options.deleteAfter) await this.#deleteAfter(fileId, signal);
          });
          this.progress.end(artifact);
        } catch (error) {
          result.failure = { fileId, error };
          this.#release(fileId, result.arrived);
          this.progress.failure(artifact, error);
        }
        return result;
      },
    );
    return this.#outcome(
      results.flatMap(({ arrived }) => (arrived ? [arrived] : [])),
      results.flatMap(({ failure }) => (failure ? [failure] : [])),
    );
  }

  /** Downloads one artifact into `take`, again from the start when the body is cut. */
  async fetch<Taken>(
    artifact: Artifact,
    signal: AbortSignal,
    take: (body: ArtifactBody, attempt: number) => Promise<Taken>,
  ): Promise<Taken> {
    if (artifact.status === 'missing') throw missingArtifact(artifact.fileId);
    this.#assertReserved(artifact);
    const request = { signal, maxRetries: 0 };
    for (let attempt = 1; ; attempt++) {
      this.progress.start(artifact, attempt);
      const response = await this.#pace.send(() => openDownload(this.#client, artifact, request), signal);
      const body = this.#bodyOf(response, artifact, signal);
      try {
        const taken = await take(body, attempt);
        if (body.failure !== undefined) throw body.failure;
        if (!body.isWhole) throw notRead(artifact.fileId, body.receivedBytes);
        return taken;
      } catch (error) {
        if (!body.isCut) throw error;
        if (attempt > this.#retries) throw body.failure;
        this.progress.retry(artifact, attempt + 1, body.failure);
      } finally {
        void body.cancel();
      }
    }
  }

  #bodyOf(response: Response, artifact: Artifact, signal: AbortSignal): ArtifactBody {
    const { maxBytes, maxTotalBytes = Number.POSITIVE_INFINITY } = this.#options;
    const { fileId, mimeType, sizeBytes } = artifact;
    let received = 0;
    const onBytes = (bytes: number) => {
      received += bytes;
      const more = received - (this.#reserved.get(fileId) ?? 0);
      if (more > 0) {
        this.#reserved.set(fileId, received);
        this.#totalBytes += more;
      }
      if (this.#totalBytes > maxTotalBytes) throw tooLarge(fileId, 'maxTotalBytes', maxTotalBytes);
      this.progress.bytes(artifact, received);
    };
    return new ArtifactBody(response, { fileId, mimeType, sizeBytes, maxBytes, onBytes, signal });
  }

  /** What did not arrive takes no room from the others. */
  #release(fileId: string, arrived: unknown): void {
    if (arrived) return;
    this.#totalBytes -= this.#reserved.get(fileId) ?? 0;
    this.#reserved.delete(fileId);
  }

  #assertReserved({ fileId, sizeBytes }: Artifact): void {
    if (this.#reserved.has(fileId)) return;
    const { maxBytes = Number.POSITIVE_INFINITY, maxTotalBytes = 0 } = this.#options;
    const isAlone = (sizeBytes ?? 0) > maxBytes;
    throw isAlone ? tooLarge(fileId, 'maxBytes', maxBytes) : tooLarge(fileId, 'maxTotalBytes', maxTotalBytes);
  }

  async #deleteAfter(fileId: string, signal: AbortSignal): Promise<void> {
    const { status, error: cause } = await deleteFile(this.#client, fileId, this.#pace, signal);
    if (status !== 'failed') return;
    const message = `${fileId} arrived, but could not be deleted: ${reasonOf(cause)}`;
    throw new ArtifactError(message, { code: 'artifact_not_deleted', cause });
  }

  #outcome<Arrived extends ArrivedArtifact>(saved: Arrived[], failed: FailedArtifact[]): Arrived[] {
    const all = { saved, failed };
    if (this.signal.aborted) {
      const message = `Aborted with ${saved.length} artifacts there and ${failed.length} not. The same call again completes them.`;
      throw new ArtifactError(message, { ...all, code: 'aborted', cause: this.signal.reason });
    }
    const { onFailure } = this.#options;
    const [first] = failed;
    if (first && !onFailure) {
      const message =
        `${failed.length} of ${this.progress.total} artifacts failed, and ${saved.length} arrived. ` +
        `The first failure, of ${first.fileId}: ${reasonOf(first.error)}`;
      throw new ArtifactError(message, { ...all, code: 'artifacts_not_saved', cause: first.error });
    }
    for (const failure of failed) this.progress.hear(() => onFailure?.(failure));
    if (this.progress.listenerFailed) {
      const cause = this.progress.listenerError;
      const message = `A listener threw: ${reasonOf(cause)}. ${saved.length} artifacts are there.`;
      throw new ArtifactError(message, { ...all, code: 'listener_failed', cause });
    }
    return saved;
  }
}
