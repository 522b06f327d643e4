import { InvalidInputError } from '../../errors.ts';
import { describe } from '../../sdk/client.ts';
import type { Artifact } from '../../turn/artifact.ts';

/**
 * The artifacts, each file once.
 *
 * @throws {InvalidInputError} for what is no list of artifacts.
 */
export function checkedArtifacts(artifacts: readonly Artifact[], caller: string): Artifact[] {
  assertArtifacts(artifacts, caller);
  return [...new Map(artifacts.toReversed().map((one) => [one.fileId, one])).values()].toReversed();
}

/** @throws {InvalidInputError} for what is no list of artifacts. */
export function assertArtifacts(artifacts: unknown, caller: string): void {
  if (Array.isArray(artifacts) && artifacts.every((one) => typeof one?.fileId === 'string')) return;
  throw new InvalidInputError(
    `${caller} takes a list of artifacts, such as turn.artifacts or artifactsOf(message); got ${describe(artifacts)}.`,
  );
}
