import { assertFilesClient, type FilesClient } from '../../sdk/client.ts';
import { fetchFileMetadata, listFiles } from '../../sdk/file-metadata.ts';
import { type Artifact, describedArtifact } from '../../turn/artifact.ts';
import { withOwnSignal } from '../../wire/signals.ts';
import { artifactList } from './artifact-list.ts';

/**
 * Looks up names, types, sizes and expiry of artifacts: one list call per 100. Gives them in
 * the same order; those that the Files API does not know (any more) have the status `missing`.
 *
 * `runTurn` does this by itself where the client has `files`.
 *
 * @throws {InvalidInputError} when the client has no `files`, and whatever the SDK throws.
 *
 * @example
 * ```ts
 * const artifacts = await describeArtifacts(client, artifactsOf(message));
 * for (const { name, sizeBytes } of artifacts) console.log(name, sizeBytes);
 * ```
 */
export async function describeArtifacts(
  client: FilesClient,
  artifacts: readonly Artifact[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Artifact[]> {
  assertFilesClient(client, 'describeArtifacts');
  const ids = artifactList(artifacts, 'describeArtifacts').map(({ fileId }) => fileId);
  const files = await withOwnSignal(options.signal, (signal) =>
    fetchFileMetadata(ids, (some) => listFiles(client, some, { signal })),
  );
  return artifacts.map((artifact) => describedArtifact(artifact, files.get(artifact.fileId)));
}
