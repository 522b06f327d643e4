import { isCodeExecutionError, typed } from '../../errors.ts';
import { assertFilesClient, type FilesClient } from '../../sdk/client.ts';
import { lookUpFiles } from '../../sdk/file-metadata.ts';
import { type Artifact, lookedUpArtifact } from '../../turn/artifact.ts';
import { ArtifactError } from '../errors.ts';
import { artifactList } from './artifact-list.ts';

/**
 * Looks up names, types, sizes and expiry of artifacts: one list call per 100. Gives them in
 * the same order; those that the Files API does not know (any more) have the status `missing`.
 * Those of which the answer says nothing, such as a proxy's page, stay `listed`.
 *
 * `runTurn` does this by itself where the client has `files`.
 *
 * @throws {InvalidInputError} when the client has no `files`.
 * @throws {ArtifactError} `describe_failed` when the list has no end, or none within 20 seconds, and one more
 * for each further 100 artifacts.
 * @throws {RedirectError} and whatever the SDK throws.
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
  return typed('describeArtifacts', async () => {
    assertFilesClient(client, 'describeArtifacts');
    const ids = artifactList(artifacts, 'describeArtifacts').map(({ fileId }) => fileId);
    const found = await lookUpFiles(client, ids, { signal: options.signal }).catch((cause) => {
      const isTimeout = isCodeExecutionError(cause) && cause.code === 'look_up_timeout';
      throw isTimeout ? describeFailed(cause.message, cause) : cause;
    });
    if (found.isEndless) throw describeFailed(`The list of ${ids.length} files has no end`);
    return artifacts.map((artifact) => lookedUpArtifact(artifact, found));
  });
}

function describeFailed(what: string, cause?: unknown): ArtifactError {
  const message = `${what}. The artifacts can be downloaded all the same.`;
  return new ArtifactError(message, { code: 'describe_failed', cause });
}
