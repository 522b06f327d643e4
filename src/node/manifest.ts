import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError, quoted } from '../errors.ts';

/** Names of our own begin so, in a folder; an artifact that would be named so is not. */
export const OWN_NAMES = /^\.artifact/i;
const NAME = '.artifacts.jsonl';
/** Room for some 200,000 lines; what is larger is not read into memory. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A longer line counts as damaged, in characters: what is nested deeply takes seconds to read. */
const MAX_LINE = 64 * 1024;

/** One line of a manifest. */
export interface ManifestEntry {
  readonly fileId: string;
  readonly executionId: string;
  /** The name as the model chose it. */
  readonly name: string;
  /** The file, below the folder. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /**
   * When the file was made, as the API says; with the id it makes a
   * file unique, also where ids start from 1 again, as the emulator's do.
   */
  readonly createdAt?: string | null;
  /** The name is being taken by an empty file, over which the whole one is moved. */
  readonly isReserving?: boolean;
}

/**
 * What was saved in a folder: `.artifacts.jsonl`, one JSON object a line, the last one of a file id holds. A
 * line is there before its file has its name, so that a process that is killed between the two leaves nothing
 * unknown; whether the file is there shows its hash. Lines are only ever added, in one write each, so two
 * processes may save into one folder.
 */
export class Manifest {
  readonly #path: string;
  readonly #entries: ReadonlyMap<string, ManifestEntry>;
  /** The file ends with half a line. */
  #isTorn: boolean;
  #handle: Promise<FileHandle> | undefined;
  #waiting: string[] = [];
  #batch: Promise<void> | undefined;
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#isTorn = text !== '' && !text.endsWith('\n');
    const entries = text.split('\n').flatMap(parseLine);
    this.#entries = new Map(entries.map((entry) => [entry.fileId, entry]));
  }

  /**
   * @throws {InvalidInputError} where something else has its name, which is not
   * followed out of the folder, and where it is too large to be a manifest of ours.
   */
  static async read(folder: string): Promise<Manifest> {
    const path = join(folder, NAME);
    const unusable = (reason: string) =>
      new InvalidInputError(`Cannot save artifacts in ${quoted(folder)}: ${NAME} ${reason}. Remove it.`);
    const found = await lstat(path).catch(() => undefined);
    if (!found) return new Manifest(path, '');
    if (!found.isFile()) throw unusable('is no file');
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const { size } = await handle.stat();
      if (size > MAX_BYTES) throw unusable(`has ${size} bytes, and is read up to ${MAX_BYTES}`);
      // What another process adds meanwhile is of its own files.
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
      return new Manifest(path, buffer.toString('utf8', 0, bytesRead));
    } finally {
      await handle.close();
    }
  }

  entryOf(fileId: string): ManifestEntry | undefined {
    return this.#entries.get(fileId);
  }

  /** Resolves once the line is on disk. Lines that come while others are written go together. */
  append(entry: ManifestEntry): Promise<void> {
    this.#waiting.push(`${JSON.stringify(entry)}\n`);
    this.#batch ??= this.#written.then(() => this.#write());
    return this.#batch;
  }

  async close(): Promise<void> {
    // Where it cannot be opened, each artifact has failed with that.
    const handle = await this.#handle?.catch(() => undefined);
    await handle?.close();
  }

  async #write(): Promise<void> {
    const lines = this.#waiting.join('');
    this.#waiting = [];
    const written = this.#batch ?? Promise.resolve();
    this.#batch = undefined;
    this.#written = written.catch(() => {});
    this.#handle ??= this.#open();
    const handle = await this.#handle;
    // A machine that lost power may have written half a line, and so may a full disk.
    const start = this.#isTorn ? '\n' : '';
    this.#isTorn = true;
    await handle.appendFile(start + lines);
    this.#isTorn = false;
    await handle.datasync();
  }

  async #open(): Promise<FileHandle> {
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0 } = constants;
    return await open(this.#path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o666);
  }
}

/** The entry of a line; nothing for one that cannot be read, or points out of the folder. */
function parseLine(line: string): ManifestEntry[] {
  let entry: Partial<ManifestEntry> | null;
  if (line.length > MAX_LINE) return [];
  try {
    entry = JSON.parse(line) as Partial<ManifestEntry> | null;
  } catch {
    return [];
  }
  const { fileId, path, sizeBytes, sha256 } = entry ?? {};
  const isWhole = typeof fileId === 'string' && typeof sizeBytes === 'number' && typeof sha256 === 'string';
  const isInside = typeof path === 'string' && !/[/\\\0:]/.test(path) && !/^\.{0,2}$/.test(path);
  return isWhole && isInside ? [entry as ManifestEntry] : [];
}
