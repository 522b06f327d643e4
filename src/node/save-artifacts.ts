import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { ArtifactError, type FailedArtifact, InvalidInputError } from '../errors.ts';
import { describeArtifacts } from '../files/describe-artifacts.ts';
import { downloadArtifact } from '../files/download-artifact.ts';
import { nameKey, numberedName, safeName } from '../files/safe-name.ts';
import { assertFilesClient, describe, type FilesClient } from '../request/client.ts';
import type { Artifact } from '../turn/artifact.ts';

/** An artifact on disk. */
export interface SavedArtifact {
  readonly fileId: string;
  readonly executionId: string;
  /** The name on disk: the model's, made safe, with a number where it was taken. */
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Options of {@link saveArtifacts}. */
export interface SaveOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Saves artifacts into a folder, which is made where it is missing. Names that the model chose are made safe and never
 * leave the folder; where one is taken, `report.csv` becomes `report (2).csv`. A file appears under its name only once
 * it is whole.
 *
 * @throws {InvalidInputError} before any request: the target is a file, or the client has no `files`.
 * @throws {ArtifactError} when some could not be saved: `.saved` and `.failed` tell which.
 *
 * @example
 * ```ts
 * for (const { path } of await saveArtifacts(client, turn.artifacts, './out')) console.log(path);
 * ```
 */
export async function saveArtifacts(
  client: FilesClient,
  artifacts: readonly Artifact[],
  directory: string,
  options: SaveOptions = {},
): Promise<SavedArtifact[]> {
  assertFilesClient(client, 'saveArtifacts');
  if (!Array.isArray(artifacts) || !artifacts.every((one) => typeof one?.fileId === 'string')) {
    throw new InvalidInputError(
      `saveArtifacts takes a list of artifacts, such as turn.artifacts or artifactsOf(message); got ${describe(artifacts)}.`,
    );
  }
  const folder = await prepareFolder(directory);
  const described = artifacts.every(({ status }) => status === 'described')
    ? artifacts
    : await describeArtifacts(client, artifacts, options);

  const saved: SavedArtifact[] = [];
  const failed: FailedArtifact[] = [];
  // What is there counts as taken, also on a file system that tells cases apart: the folder may be copied to another.
  const names = new Set((await readdir(folder)).map(nameKey));
  for (const artifact of described) {
    try {
      saved.push(await saveArtifact(client, artifact, folder, names, options));
    } catch (error) {
      failed.push({ fileId: artifact.fileId, error });
    }
  }
  if (failed.length > 0) throw notAllSaved(saved, failed);
  return saved;
}

async function prepareFolder(directory: string): Promise<string> {
  if (typeof directory !== 'string' || directory === '') {
    throw new InvalidInputError(`saveArtifacts takes the path of a folder, got ${describe(directory)}.`);
  }
  const folder = resolve(directory);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const found = await stat(folder).catch(() => undefined);
    const reason = found && !found.isDirectory() ? 'it is a file' : (cause as Error).message;
    throw new InvalidInputError(
      `Cannot save artifacts in ${describe(directory)}: ${reason}. Name a folder.`,
      { cause },
    );
  }
  return folder;
}

async function saveArtifact(
  client: FilesClient,
  artifact: Artifact,
  folder: string,
  names: Set<string>,
  { signal }: SaveOptions,
): Promise<SavedArtifact> {
  const { fileId, executionId } = artifact;
  if (artifact.status === 'missing') {
    throw new ArtifactError(
      `${fileId} does not exist (any more): it was deleted, or belongs to another workspace.`,
      {
        code: 'artifact_missing',
      },
    );
  }
  const download = await downloadArtifact(client, artifact, { signal });
  const partial = join(folder, `.${randomUUID()}.part`);
  try {
    const target = createWriteStream(partial, { flags: 'wx' });
    await pipeline(Readable.fromWeb(download.stream() as NodeReadableStream), target, { signal });
    const name = await publish(partial, folder, safeName(download.name, fileId), names);
    const path = join(folder, name);
    return { fileId, executionId, name, path, sizeBytes: (await stat(path)).size };
  } finally {
    await rm(partial, { force: true });
  }
}

/**
 * Gives a whole file its name, the first that is free. A hard link appears at once and never replaces what is there,
 * be it a file or a symbolic link.
 */
async function publish(partial: string, folder: string, wanted: string, names: Set<string>): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : numberedName(wanted, number);
    if (names.has(nameKey(name))) continue;
    try {
      await link(partial, join(folder, name));
      names.add(nameKey(name));
      return name;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function notAllSaved(saved: readonly SavedArtifact[], failed: readonly FailedArtifact[]): ArtifactError {
  const [first] = failed;
  const reason = first?.error instanceof Error ? first.error.message : String(first?.error);
  return new ArtifactError(
    `${failed.length} of ${saved.length + failed.length} artifacts could not be saved; the first, ${first?.fileId}: ${reason}`,
    { code: 'artifacts_not_saved', saved, failed, cause: first?.error },
  );
}
