import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { assertInput, InvalidInputError, quoted, reasonOf } from '../errors.ts';
import { artifactList } from '../files/download/artifact-list.ts';
import { Names, safeName } from '../files/download/safe-name.ts';
import { type Fetch, type PipelineOptions, transfer } from '../files/download/transfer.ts';
import { ArtifactError } from '../files/errors.ts';
import { assertFilesClient, type FilesClient } from '../sdk/client.ts';
import type { Artifact } from '../turn/artifact.ts';
import { Manifest, type ManifestEntry, OWN_NAMES } from './manifest.ts';
import { newPartPath, publish, removeLeftParts, syncFolder, type Written, writePart } from './part-file.ts';
import { pathOfUrl } from './path-of-url.ts';

/** An artifact on disk. */
export interface SavedArtifact {
  readonly fileId: string;
  readonly executionId: string;
  /** The name on disk: the model's, made safe, with a number where it was taken. */
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Of the bytes on disk, hexadecimal. */
  readonly sha256: string;
}

/** Options of {@link saveArtifacts}. */
export interface SaveOptions extends PipelineOptions {
  /**
   * What happens where a name is taken. `'rename'` (default): `report.csv` becomes `report
   * (2).csv`. `'overwrite'` replaces what was there before this call, in one step; artifacts
   * of one call never replace each other. `'error'`: that artifact fails with `name_taken`.
   */
  readonly onCollision?: 'rename' | 'overwrite' | 'error' | undefined;
}

/**
 * Saves artifacts into a folder, which is made where it is missing, several at a time.
 * Names that the model chose are made safe and never leave the folder. A file appears
 * under its name only once it is whole and on disk, whenever the process is killed.
 *
 * What was saved is written into `.artifacts.jsonl` in the
 * folder: the same call again fetches only what is missing there.
 *
 * @throws {InvalidInputError} before any request: the target is a file, or the client has no `files`.
 * @throws {ArtifactError} when some could not be saved: `.saved` and `.failed` report which.
 *
 * @example
 * ```ts
 * for (const { path } of await saveArtifacts(client, turn.artifacts, './out')) console.log(path);
 * ```
 */
export async function saveArtifacts(
  client: FilesClient,
  artifacts: readonly Artifact[],
  directory: string | URL,
  options: SaveOptions = {},
): Promise<SavedArtifact[]> {
  assertFilesClient(client, 'saveArtifacts');
  const wanted = artifactList(artifacts, 'saveArtifacts');
  const { onCollision = 'rename' } = options;
  const isChoice = ['rename', 'overwrite', 'error'].includes(onCollision);
  assertInput(isChoice, "onCollision must be 'rename', 'overwrite' or 'error'", onCollision);
  const folder = await prepareFolder(directory);
  const manifest = await Manifest.read(folder);
  try {
    const present = await savedBefore(wanted, folder, manifest, options.signal);
    return await transfer(client, wanted, options, {
      present,
      plan: async (missing) => {
        const names = await readdir(folder);
        await removeLeftParts(folder, names);
        const kept = new Set(Array.from(present.values(), ({ name }) => name));
        const saving = new Saving(folder, manifest, onCollision, names, kept);
        for (const artifact of missing) saving.plan(artifact);
        return (artifact, fetch) => saving.save(artifact, fetch);
      },
    });
  } finally {
    await manifest.close();
    await syncFolder(folder);
  }
}

async function prepareFolder(target: string | URL): Promise<string> {
  const directory = target instanceof URL ? pathOfUrl(target, 'saveArtifacts') : target;
  const isPath = typeof directory === 'string' && directory !== '';
  assertInput(isPath, 'saveArtifacts takes the path of a folder', directory);
  const folder = resolve(directory);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const found = await stat(folder).catch(() => undefined);
    const reason = found && !found.isDirectory() ? 'it is a file' : reasonOf(cause);
    throw new InvalidInputError(`Cannot save artifacts in ${quoted(directory)}: ${reason}. Name a folder.`, {
      cause,
    });
  }
  return folder;
}

/** Those that an earlier run saved, and that are still as it left them. */
async function savedBefore(
  artifacts: readonly Artifact[],
  folder: string,
  manifest: Manifest,
  signal: AbortSignal | undefined,
): Promise<Map<string, SavedArtifact>> {
  const saved = new Map<string, SavedArtifact>();
  for (const { fileId, executionId, createdAt } of artifacts) {
    const entry = manifest.entryOf(fileId);
    const isAnother = createdAt && entry?.createdAt && entry.createdAt !== createdAt;
    if (!entry || isAnother || signal?.aborted || !(await isAsWritten(folder, entry))) continue;
    const { path: name, sizeBytes, sha256 } = entry;
    saved.set(fileId, { fileId, executionId, name, path: join(folder, name), sizeBytes, sha256 });
  }
  return saved;
}

async function isAsWritten(folder: string, entry: ManifestEntry): Promise<boolean> {
  const path = join(folder, entry.path);
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  if (found.size !== entry.sizeBytes) {
    // The process was killed before the whole file had the name.
    if (found.size === 0 && entry.isReserving) await rm(path, { force: true });
    return false;
  }
  const hash = createHash('sha256');
  // One that cannot be read is fetched beside.
  return pipeline(createReadStream(path), hash).then(
    () => hash.digest('hex') === entry.sha256,
    () => false,
  );
}

/**
 * Puts artifacts into one folder. Names are given before any artifact is fetched, so that they follow the
 * order of the artifacts and not the network. Each is written as a part file and published under its name by
 * a hard link, which appears at once and replaces nothing. Before that its line is in the manifest, so that a
 * process that is killed between the two leaves no unknown file.
 */
class Saving {
  readonly #folder: string;
  readonly #manifest: Manifest;
  readonly #onCollision: 'rename' | 'overwrite' | 'error';
  /**
   * What is there counts as taken, also on a file system
   * where case matters: the folder may be copied to another.
   */
  readonly #names: Names;
  readonly #replaceable: Set<string>;
  readonly #planned = new Map<string, { readonly name: string; readonly replaces: boolean }>();

  constructor(
    folder: string,
    manifest: Manifest,
    onCollision: 'rename' | 'overwrite' | 'error',
    present: readonly string[],
    kept: ReadonlySet<string>,
  ) {
    this.#folder = folder;
    this.#manifest = manifest;
    this.#onCollision = onCollision;
    // What an earlier run saved of this list stays.
    this.#replaceable = new Set(present.filter((name) => !kept.has(name)));
    this.#names = new Names(present);
  }

  /**
   * Gives an artifact its name, before any is fetched: names
   * follow the order of the artifacts, not that of the network.
   */
  plan({ fileId, name, status }: Artifact): void {
    if (status === 'missing') return;
    const wanted = nameOnDisk(name ?? fileId, fileId);
    // Each name is replaced once.
    const replaces = this.#onCollision === 'overwrite' && this.#replaceable.delete(wanted);
    this.#planned.set(fileId, { name: replaces ? wanted : this.#names.claim(wanted), replaces });
  }

  async save(artifact: Artifact, fetch: Fetch): Promise<SavedArtifact> {
    const { fileId, executionId } = artifact;
    const wanted = nameOnDisk(artifact.name ?? fileId, fileId);
    const plan = this.#planned.get(fileId) ?? { name: wanted, replaces: false };
    if (this.#onCollision === 'error' && plan.name !== wanted) throw nameTaken(fileId, wanted);
    const part = newPartPath(this.#folder);
    try {
      const written = await fetch(artifact, async (body) => {
        await rm(part, { force: true });
        return writePart(part, body);
      });
      const name = await this.#publish(part, artifact, plan, written);
      return { fileId, executionId, name, path: join(this.#folder, name), ...written };
    } finally {
      await rm(part, { force: true });
    }
  }

  async #publish(
    part: string,
    { fileId, executionId, name: chosen, createdAt }: Artifact,
    { name: planned, replaces }: { readonly name: string; readonly replaces: boolean },
    written: Written,
  ): Promise<string> {
    for (let name = planned; ; ) {
      const entry = { fileId, executionId, name: chosen ?? fileId, path: name, ...written, createdAt };
      await this.#manifest.append(entry);
      const target = join(this.#folder, name);
      if (replaces) {
        await rename(part, target).catch((cause) => {
          throw isFolder(cause) ? nameTaken(fileId, name, cause) : cause;
        });
        return name;
      }
      let isReserved = false;
      const reserve = () => {
        isReserved = true;
        return this.#manifest.append({ ...entry, isReserving: true });
      };
      if (await publish(part, target, reserve)) {
        if (isReserved) await this.#manifest.append(entry);
        return name;
      }
      // Another process was faster.
      if (this.#onCollision === 'error') throw nameTaken(fileId, name);
      name = this.#names.claim(nameOnDisk(chosen ?? fileId, fileId));
    }
  }
}

function nameOnDisk(name: string, fileId: string): string {
  const safe = safeName(name, fileId);
  return OWN_NAMES.test(safe) ? safeName(`_${safe}`, fileId) : safe;
}

function nameTaken(fileId: string, name: string, cause?: unknown): ArtifactError {
  const message = `${fileId} was not saved: ${quoted(name)} is taken. Choose another folder, or onCollision 'rename'.`;
  return new ArtifactError(message, { code: 'name_taken', cause });
}

/** A file does not replace a folder. */
function isFolder({ code = '' }: NodeJS.ErrnoException): boolean {
  return ['EISDIR', 'ENOTEMPTY', 'EEXIST', 'EPERM'].includes(code);
}
