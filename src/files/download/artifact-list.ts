import { assertInput } from '../../errors.ts';
import type { Artifact } from '../../turn/artifact.ts';

/**
 * The artifacts, each file once.
 *
 * @throws {InvalidInputError} for what is no list of artifacts.
 */
export function artifactList(artifacts: readonly Artifact[], caller: string): Artifact[] {
  const areArtifacts = Array.isArray(artifacts) && artifacts.every((one) => typeof one?.fileId === 'string');
  const rule = `${caller} takes a list of artifacts, such as turn.artifacts or artifactsOf(message)`;
  assertInput(areArtifacts, rule, artifacts);
  return [...new Map(artifacts.toReversed().map((one) => [one.fileId, one])).values()].toReversed();
}
