import { assertInput, typed } from '../../errors.ts';
import { assertFilesClient, type FilesClient } from '../../sdk/client.ts';
import type { Artifact } from '../../turn/artifact.ts';
import { untilAborted } from '../../wire/signals.ts';
import { artifactList } from './artifact-list.ts';
import { Names, safeName } from './safe-name.ts';
import { type PipelineOptions, transfer } from './transfer.ts';

/** An artifact on its way into a sink. */
export interface ArtifactInput {
  readonly artifact: Artifact;
  readonly fileId: string;
  /** A name that is safe in a folder, a zip or a URL's path, and that no other artifact of this call has. */
  readonly name: string;
  readonly mimeType: string;
  /** Length of the body, where the server sends it; on workerd the body has it, too, as R2 wants. */
  readonly contentLength: number | null;
  /** The bytes. They end with an error when they are cut; the sink is then called again, with all of them. */
  readonly body: ReadableStream<Uint8Array>;
  /** 1, and more when a cut download began again. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

/** Takes an artifact: a bucket, a response, a zip. It has arrived once the promise resolves. */
export type ArtifactSink<Value> = (input: ArtifactInput) => Value | PromiseLike<Value>;

/** An artifact that a sink took. */
export interface PipedArtifact<Value> {
  readonly fileId: string;
  readonly executionId: string;
  readonly name: string;
  /** Bytes that were read. */
  readonly sizeBytes: number;
  /** What the sink gave. */
  readonly value: Value;
}

/**
 * Downloads artifacts into a sink, several at a time, and gives what it made of them, in their order.
 *
 * A sink that cannot begin again, such as a response that is being sent, wants `retries: 0`; one that takes
 * one file at a time, such as a zip, `concurrency: 1`. One that does not read its body to the end fails, with
 * `artifact_not_read`: leave artifacts that you do not want out of the list. A 429 holds all downloads for as
 * long as it says. An abort does not wait for sinks.
 *
 * @throws {InvalidInputError} before any request.
 * @throws {ArtifactError} when some did not arrive: `.saved` and `.failed` report which.
 *
 * @example
 * ```ts
 * await pipeArtifacts(client, turn.artifacts, ({ name, body, mimeType }) =>
 *   env.BUCKET.put(`runs/${runId}/${name}`, body, { httpMetadata: { contentType: mimeType } }));
 * ```
 */
export async function pipeArtifacts<Value>(
  client: FilesClient,
  artifacts: readonly Artifact[],
  sink: ArtifactSink<Value>,
  options: PipelineOptions = {},
): Promise<PipedArtifact<Value>[]> {
  return typed('pipeArtifacts', async () => {
    assertFilesClient(client, 'pipeArtifacts');
    const wanted = artifactList(artifacts, 'pipeArtifacts');
    const rule = 'pipeArtifacts takes a function as its sink, `({ name, body }) => bucket.put(name, body)`';
    assertInput(typeof sink === 'function', rule, sink);
    return transfer(client, wanted, options, {
      plan: async (described) => {
        const names = new Names([]);
        const nameOf = new Map(
          described.map(({ fileId, name }) => [fileId, names.claim(safeName(name ?? fileId, fileId))]),
        );
        return (artifact, fetch) =>
          fetch(artifact, async (body, attempt, signal) => {
            const { fileId, executionId, mimeType } = artifact;
            const name = nameOf.get(fileId) ?? fileId;
            const input = {
              artifact,
              fileId,
              name,
              mimeType: mimeType ?? 'application/octet-stream',
              contentLength: body.length,
              body: body.stream(),
              attempt,
              signal,
            };
            const value = await untilAborted((async () => sink(input))(), signal);
            return { fileId, executionId, name, sizeBytes: body.receivedBytes, value };
          });
      },
    });
  });
}
