import { InvalidInputError, quoted } from '../../errors.ts';
import type { Artifact } from '../../turn/artifact.ts';

/**
 * The artifacts, each file once.
 *
 * @throws {InvalidInputError} for what is no list of artifacts.
 */
export function artifactList(artifacts: readonly Artifact[], caller: string): Artifact[] {
  if (!Array.isArray(artifacts) || !artifacts.every((one) => typeof one?.fileId === 'string')) {
    throw new InvalidInputError(
      `${caller} takes a list of artifacts, such as turn.artifacts or artifactsOf(message); got ${quoted(artifacts)}.`,
    );
  }
  return [...new Map(artifacts.toReversed().map((one) => [one.fileId, one])).values()].toReversed();
}
