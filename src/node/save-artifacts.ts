import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { assertInput, InvalidInputError, isCodeExecutionError, quoted, reasonOf, typed } from '../errors.ts';
import { artifactList } from '../files/download/artifact-list.ts';
import { Names, safeName } from '../files/download/safe-name.ts';
import { type Fetch, type PipelineOptions, transfer } from '../files/download/transfer.ts';
import { ArtifactError } from '../files/errors.ts';
import { assertFilesClient, type FilesClient } from '../sdk/client.ts';
import type { Artifact } from '../turn/artifact.ts';
import { Manifest, type ManifestEntry, OWN_NAMES } from './manifest.ts';
import {
  folderIdentity,
  type Identity,
  isFile,
  newPartPath,
  publish,
  removeLeftParts,
  syncFolder,
  type Written,
  writePart,
} from './part-file.ts';
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
  return typed('saveArtifacts', async () => {
    assertFilesClient(client, 'saveArtifacts');
    const wanted = artifactList(artifacts, 'saveArtifacts');
    const { onCollision = 'rename' } = options;
    const isChoice = ['rename', 'overwrite', 'error'].includes(onCollision);
    assertInput(isChoice, "onCollision must be 'rename', 'overwrite' or 'error'", onCollision);
    const folder = await prepareFolder(directory);
    const opened = await folderIdentity(folder);
    const manifest = await Manifest.read(folder).catch((cause) => {
      throw folderFailed(folder, cause);
    });
    try {
      const present = await savedBefore(wanted, folder, manifest, options.signal);
      return await transfer(client, wanted, options, {
        present,
        plan: async (missing) => {
          const names = await readdir(folder).catch((cause) => {
            throw folderFailed(folder, cause);
          });
          await removeLeftParts(folder, names);
          const kept = new Set(Array.from(present.values(), ({ name }) => name));
          const saving = new Saving({ path: folder, opened }, manifest, onCollision, names, kept);
          for (const artifact of missing) saving.plan(artifact);
          return (artifact, fetch) => saving.save(artifact, fetch);
        },
      });
    } finally {
      await manifest.close();
      await syncFolder(folder);
    }
  });
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
    if (!entry || isAnother || signal?.aborted || !(await isAsSaved(folder, entry))) continue;
    const { path: name, sizeBytes, sha256 } = entry;
    saved.set(fileId, { fileId, executionId, name, path: join(folder, name), sizeBytes, sha256 });
  }
  return saved;
}

async function isAsSaved(folder: string, entry: ManifestEntry): Promise<boolean> {
  const path = join(folder, entry.path);
  if (await isAsWritten(path, entry)) return true;
  // The process was killed before the whole file had the name.
  const found = entry.isReserving ? await lstat(path).catch(() => undefined) : undefined;
  if (found?.isFile() && found.size === 0 && entry.sizeBytes > 0) await rm(path, { force: true });
  return false;
}

async function isAsWritten(path: string, { sizeBytes, sha256 }: Written): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== sizeBytes) return false;
  const hash = createHash('sha256');
  // One that cannot be read is fetched beside.
  return pipeline(createReadStream(path), hash).then(
    () => hash.digest('hex') === sha256,
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
  readonly #opened: Identity | undefined;
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
    folder: { readonly path: string; readonly opened: Identity | undefined },
    manifest: Manifest,
    onCollision: 'rename' | 'overwrite' | 'error',
    present: readonly string[],
    kept: ReadonlySet<string>,
  ) {
    this.#folder = folder.path;
    this.#opened = folder.opened;
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
      const { dev, ino, ...written } = await fetch(artifact, async (body) => {
        await this.#assertFolder();
        await rm(part, { force: true });
        return writePart(part, body);
      });
      await this.#assertFolder();
      if (!(await isFile(part, { dev, ino }))) throw replaced(fileId, part);
      const name = await this.#publish(part, artifact, plan, written);
      const path = join(this.#folder, name);
      await this.#assertFolder();
      // Where numbers of files change with their names, as on FAT, the content says whose it is.
      const isOurs = (await isFile(path, { dev, ino })) || (await isAsWritten(path, written));
      if (!isOurs) throw replaced(fileId, path);
      return { fileId, executionId, name, path, ...written };
    } finally {
      await rm(part, { force: true });
    }
  }

  /** @throws {ArtifactError} where the path leads to another folder than at the start, or to none. */
  async #assertFolder(): Promise<void> {
    const now = await folderIdentity(this.#folder);
    if (now && now.dev === this.#opened?.dev && now.ino === this.#opened.ino) return;
    throw folderFailed(this.#folder, now ? 'it was replaced by another one meanwhile' : 'it is gone');
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

function replaced(fileId: string, path: string): ArtifactError {
  const message = `${fileId} was not saved: something else stands at ${quoted(path)}, which another program put there.`;
  return new ArtifactError(message, { code: 'artifact_replaced' });
}

function folderFailed(folder: string, cause: unknown): unknown {
  if (isCodeExecutionError(cause)) return cause;
  const message = `Cannot save artifacts in ${quoted(folder)}: ${reasonOf(cause)}. Name a folder that stays.`;
  return new ArtifactError(message, { code: 'folder_failed', cause });
}

function nameTaken(fileId: string, name: string, cause?: unknown): ArtifactError {
  const message = `${fileId} was not saved: ${quoted(name)} is taken. Choose another folder, or onCollision 'rename'.`;
  return new ArtifactError(message, { code: 'name_taken', cause });
}

/** A file does not replace a folder. */
function isFolder({ code = '' }: NodeJS.ErrnoException): boolean {
  return ['EISDIR', 'ENOTEMPTY', 'EEXIST', 'EPERM'].includes(code);
}
