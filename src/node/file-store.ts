import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { assertInput, InvalidInputError, reasonOf } from '../errors.ts';
import { syncFolder } from './part-file.ts';

/** A value of JSON in a file. */
export interface FileStore<Value> {
  /** `undefined` where the file is not there yet. */
  load(): Promise<Value | undefined>;
  save(value: Value): Promise<void>;
}

/**
 * Keeps a value of JSON in a file, such as the ledger of `runBatch`. The file is whole at any time: a new
 * one is written beside it, is on the disk, and takes its name. For one process at a time.
 *
 * @throws {InvalidInputError} from `load`, for a file that is no JSON.
 *
 * @example
 * ```ts
 * const store = fileStore('run.json');
 * for await (const item of runBatch(client, items, { store })) console.log(item.status);
 * ```
 */
export function fileStore<Value>(path: string): FileStore<Value> {
  assertInput(typeof path === 'string' && path !== '', 'fileStore takes the path of a file', path);
  // Where it is by now: a program may change its folder.
  const target = resolve(path);
  let saving: Promise<unknown> = Promise.resolve();
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(target, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
      try {
        return JSON.parse(text) as Value;
      } catch (cause) {
        const message = `${target} is no JSON (${reasonOf(cause)}): it was written by something else, or damaged.`;
        throw new InvalidInputError(message, { cause });
      }
    },
    save(value) {
      // One after the other, so that the last one stays.
      const saved = saving.then(() => write(target, JSON.stringify(value)));
      saving = saved.catch(() => {});
      return saved;
    },
  };
}

async function write(target: string, text: string): Promise<void> {
  const part = `${target}.${process.pid}-${randomUUID().slice(0, 8)}.part`;
  try {
    const handle = await open(part, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(target));
}
