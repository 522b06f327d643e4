import { reasonOf } from '../../errors.ts';
import type { FilesClient } from '../../sdk/client.ts';
import { type FileLookUp, fetchFileMetadata, inTime, listFiles } from '../../sdk/file-metadata.ts';
import { inParallel } from '../../sdk/in-parallel.ts';
import { Pace } from '../../sdk/pace.ts';
import { type Artifact, lookedUpArtifact } from '../../turn/artifact.ts';
import { withOwnSignal } from '../../wire/signals.ts';
import { assertWhole } from '../assert-whole.ts';
import { type ArrivedArtifact, ArtifactError, type FailedArtifact } from '../errors.ts';
import { ArtifactBody } from './artifact-body.ts';
import { missingArtifact } from './artifact-failure.ts';
import { ByteBudget, type ByteLimits } from './byte-budget.ts';
import { openDownload, whileCut } from './open-download.ts';
import { type ArtifactProgress, Progress } from './progress.ts';

/** Options of `pipeArtifacts` and `saveArtifacts`. */
export interface PipelineOptions extends ByteLimits {
  /** How many artifacts are under way at a time. Default 8. */
  readonly concurrency?: number | undefined;
  /**
   * How often a cut download begins again, and a request that may pass
   * is sent again. Default 2. A 429 is waited for, and not counted.
   */
  readonly retries?: number | undefined;
  /**
   * Called at every step. It must not throw: then it is called no
   * more, and the run ends with an error of code `listener_failed`.
   */
  readonly onProgress?: ((progress: ArtifactProgress) => void) | undefined;
  /** Ends what is under way, and begins nothing more: an `ArtifactError` of code `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** One download, again from the start while it is cut. */
export type Fetch = <Taken>(
  artifact: Artifact,
  take: (body: ArtifactBody, attempt: number, signal: AbortSignal) => Promise<Taken>,
) => Promise<Taken>;

/** What becomes of the artifacts. */
interface Destination<Arrived> {
  /** Those that are there already, by file id: they are not fetched. */
  readonly present?: ReadonlyMap<string, Arrived>;
  /**
   * Gets those that are to be fetched, described, before any
   * is: names follow their order. Gives what is done with each.
   */
  readonly plan: (
    missing: readonly Artifact[],
  ) => Promise<(artifact: Artifact, fetch: Fetch) => Promise<Arrived>>;
}

/**
 * Fetches many artifacts, several at a time: looks up their names and
 * sizes in as few requests as may be, sets room aside, and downloads each
 * into its destination. Gives what arrived, in the order of the artifacts.
 *
 * @throws {InvalidInputError} for an option that is no number within its range.
 * @throws {ArtifactError} with `saved` and `failed`.
 */
export async function transfer<Arrived extends ArrivedArtifact>(
  client: FilesClient,
  artifacts: readonly Artifact[],
  options: PipelineOptions,
  { present = new Map<string, Arrived>(), plan }: Destination<Arrived>,
): Promise<Arrived[]> {
  const { concurrency = 8, retries = 2, signal } = options;
  assertWhole('concurrency', concurrency, 1);
  assertWhole('retries', retries, 0);
  assertWhole('maxBytes', options.maxBytes, 0);
  assertWhole('maxTotalBytes', options.maxTotalBytes, 0);
  const progress = new Progress(artifacts.length, options.onProgress);
  const pace = new Pace({ retries, onWait: (waitMs) => progress.wait(waitMs) });

  const missing = artifacts.filter(({ fileId }) => !present.has(fileId));
  const { described, failures } = await describeAll(client, missing, { concurrency, pace, signal });
  const byId = new Map(described.map((artifact) => [artifact.fileId, artifact]));
  const budget = new ByteBudget(options, described);
  const fetch = fetching(client, { ...options, retries, pace, progress, budget });
  const deliver = await plan(described);

  const results = await inParallel(artifacts, concurrency, async ({ fileId }, index) => {
    const artifact = byId.get(fileId) ?? (artifacts[index] as Artifact);
    try {
      let arrived = present.get(fileId);
      if (!arrived) {
        signal?.throwIfAborted();
        if (failures.has(fileId)) throw failures.get(fileId);
        arrived = await deliver(artifact, fetch);
      }
      progress.end(artifact);
      return { arrived };
    } catch (error) {
      budget.release(fileId);
      progress.fail(artifact, error);
      return { failure: { fileId, error } };
    }
  });
  const saved = results.flatMap(({ arrived }) => (arrived ? [arrived] : []));
  const failed = results.flatMap(({ failure }) => (failure ? [failure] : []));
  assertAllArrived(saved, failed, progress, signal);
  return saved;
}

/**
 * Names and sizes of those that are only listed. Where a call fails, the others go
 * on; where its answer does not know a file, its content is asked for all the same.
 */
async function describeAll(
  client: FilesClient,
  artifacts: readonly Artifact[],
  { concurrency, pace, signal }: { concurrency: number; pace: Pace; signal: AbortSignal | undefined },
) {
  const failures = new Map<string, unknown>();
  const list = (ids: readonly string[]): Promise<FileLookUp> =>
    withOwnSignal(signal, (own) =>
      pace.send(
        () => inTime(ids.length, own, (timed) => listFiles(client, ids, { signal: timed, maxRetries: 0 })),
        own,
      ),
    ).catch((error) => {
      for (const id of ids) failures.set(id, error);
      return { files: new Map(), missing: new Set(), isEndless: false };
    });
  const listed = artifacts.filter(({ status }) => status === 'listed').map(({ fileId }) => fileId);
  const found = await fetchFileMetadata(listed, list, concurrency);
  const described = artifacts.map((artifact) =>
    artifact.status === 'listed' ? lookedUpArtifact(artifact, found) : artifact,
  );
  return { described, failures };
}

/** What the downloads of one transfer share. */
interface FetchContext extends PipelineOptions {
  readonly retries: number;
  readonly pace: Pace;
  readonly progress: Progress;
  readonly budget: ByteBudget;
}

function fetching(client: FilesClient, context: FetchContext): Fetch {
  const { signal, maxBytes, retries, pace, progress, budget } = context;
  return (artifact, take) =>
    withOwnSignal(signal, async (own) => {
      const { fileId } = artifact;
      if (artifact.status === 'missing') throw missingArtifact(fileId);
      budget.assertRoom(artifact);
      const open = async (attempt: number) => {
        progress.start(artifact, attempt);
        const request = { signal: own, maxRetries: 0 };
        const response = await pace.send(() => openDownload(client, artifact, request), own);
        let received = 0;
        const onBytes = (bytes: number) => {
          received += bytes;
          budget.receive(fileId, received);
          progress.bytes(artifact, received);
        };
        return new ArtifactBody(response, artifact, { maxBytes, onBytes, signal: own });
      };
      const onRetry = (attempt: number, error: unknown) => progress.retry(artifact, attempt, error);
      return await whileCut(fileId, open, (body, attempt) => take(body, attempt, own), { retries, onRetry });
    });
}

/** @throws {ArtifactError} where some did not arrive, or the listener failed. */
function assertAllArrived(
  saved: readonly ArrivedArtifact[],
  failed: readonly FailedArtifact[],
  progress: Progress,
  signal: AbortSignal | undefined,
): void {
  const all = { saved, failed };
  if (signal?.aborted) {
    const message = `Aborted with ${saved.length} artifacts there and ${failed.length} not. The same call again completes them.`;
    throw new ArtifactError(message, { ...all, code: 'aborted', cause: signal.reason });
  }
  const [first] = failed;
  if (first) {
    const message =
      `${failed.length} of ${progress.total} artifacts failed, and ${saved.length} arrived. ` +
      `The first failure, of ${first.fileId}: ${reasonOf(first.error)}`;
    throw new ArtifactError(message, { ...all, code: 'artifacts_not_saved', cause: first.error });
  }
  if (progress.failure) {
    const cause = progress.failure.error;
    const message = `onProgress threw: ${reasonOf(cause)}. ${saved.length} artifacts are there.`;
    throw new ArtifactError(message, { ...all, code: 'listener_failed', cause });
  }
}
