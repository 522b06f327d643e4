import { createHash, randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ArtifactBody } from '../files/download/artifact-body.ts';

/** Pieces are written together in this size, while the next are read. */
const WRITE_BYTES = 1024 * 1024;
/**
 * A part of another machine, or of a process whose number
 * was given away again, counts as left behind after this.
 */
const STALE_MS = 24 * 3600 * 1000;
/** Numbers of processes count within a machine and, on Linux, within a container of it. */
const HOST = createHash('sha256').update(`${hostname()} ${processNamespace()}`).digest('hex').slice(0, 8);
const PART = /^\.artifact-([0-9a-f]{8})-(\d+)-[0-9a-f-]{36}\.part$/;
/** How file systems without hard links say so (FAT, some network and FUSE mounts). */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK']);

function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** A file that is not taken for whole: its name says which process it belongs to. */
export function newPartPath(folder: string): string {
  return join(folder, `.artifact-${HOST}-${process.pid}-${randomUUID()}.part`);
}

/** Removes the parts of processes that were killed; those of processes that run stay. */
export async function removeLeftParts(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [, host, pid] = PART.exec(name) ?? [];
    if (!host) continue;
    const path = join(folder, name);
    const age = Date.now() - ((await lstat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if ((host !== HOST || isRunning(Number(pid))) && age <= STALE_MS) continue;
    // What cannot be removed is in no one's way.
    await rm(path, { force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What was written. */
export interface Written {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What makes a file or a folder the same one, whatever its name leads to by now. */
export interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** The folder that a path leads to, links followed; `undefined` where there is none. */
export async function folderIdentity(path: string): Promise<Identity | undefined> {
  return await stat(path, { bigint: true }).catch(() => undefined);
}

/** Whether a name leads to that very file, and not to a link. */
export async function isFile(path: string, { dev, ino }: Identity): Promise<boolean> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found?.isFile() === true && found.dev === dev && found.ino === ino;
}

/** Writes a body into a new file, and has it on disk when it resolves. */
export async function writePart(path: string, body: ArtifactBody): Promise<Written & Identity> {
  const handle = await open(path, 'wx');
  try {
    const hash = createHash('sha256');
    let pieces: Uint8Array[] = [];
    let size = 0;
    // One write at a time is under way, and nothing more is kept.
    let writing = Promise.resolve();
    const flush = async () => {
      await writing;
      writing = writeAll(handle, pieces);
      writing.catch(() => {});
      // While it is written: hashed as each piece came, they held up the next one (measured).
      for (const piece of pieces) hash.update(piece);
      pieces = [];
      size = 0;
    };
    for (let piece = await body.read(); piece; piece = await body.read()) {
      pieces.push(piece);
      size += piece.byteLength;
      if (size >= WRITE_BYTES) await flush();
    }
    await flush();
    await writing;
    await handle.sync();
    const { dev, ino } = await handle.stat({ bigint: true });
    return { sizeBytes: body.receivedBytes, sha256: hash.digest('hex'), dev, ino };
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, pieces: Uint8Array[]): Promise<void> {
  if (pieces.length === 0) return;
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const { bytesWritten } = await handle.writev(pieces);
  if (bytesWritten === size) return;
  // A full disk may take less than all; the next write says why.
  await handle.writeFile(Buffer.concat(pieces).subarray(bytesWritten));
}

/**
 * Gives a whole file its name; `false` where the name is taken,
 * be it by a file or a symbolic link, which is never replaced.
 *
 * A hard link appears at once. Where the file system has none, the name is taken by
 * an empty file of our own, over which the whole one is renamed: a process killed
 * between the two leaves it empty, never half. `reserve` writes that down before.
 */
export async function publish(part: string, target: string, reserve: () => Promise<void>): Promise<boolean> {
  try {
    await link(part, target);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.has(code)) throw error;
  }
  await reserve();
  try {
    await (await open(target, 'wx')).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await rename(part, target);
  return true;
}

/** Has the names of a folder on disk. Windows has no such thing. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
