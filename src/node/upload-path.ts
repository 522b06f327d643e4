import { constants } from 'node:fs';
import { type FileHandle, open, stat, statfs } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { FileMetadata } from '@anthropic-ai/sdk/resources/files';
import { assertInput, InvalidInputError, quoted, typed } from '../errors.ts';
import { runUpload } from '../files/upload/run-upload.ts';
import { assertSize } from '../files/upload/source-checks.ts';
import { uploadName } from '../files/upload/upload-name.ts';
import { assertUploadOptions, type UploadOptions } from '../files/upload/upload-options.ts';
import { assertFilesClient, type FilesClient } from '../sdk/client.ts';
import { pathOfUrl } from './path-of-url.ts';
import { type UploadProgress, uploadForm } from './upload-form.ts';

/** Files are read in pieces of this size: 1 MiB is twice as fast as 64 KiB, measured. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * File systems of Linux whose files the kernel makes as they are read, by their numbers in
 * `linux/magic.h`: proc, sysfs, debugfs, tracefs, securityfs, cgroup, cgroup2, configfs, bpf. Some
 * wait for ever, such as `/proc/kmsg`, and their sizes say nothing. macOS and Windows have none.
 */
const KERNEL_FILES = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x27e0eb, 0x63677270, 0x62656570, 0xcafe4a11,
]);

/** Options of {@link uploadPath}. */
export interface UploadPathOptions extends UploadOptions {
  /** The file's name in the container. Default: the last part of the path. */
  readonly name?: string | undefined;
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
}

/**
 * Uploads a file from disk with constant memory, each try from the start.
 * Its media type is that of the name's extension unless `mimeType` says
 * otherwise. The result goes into `containerUpload` or `contentBlockFor`.
 *
 * @param file a path, or a `file:` URL
 *
 * @throws {InvalidInputError} before any request: the path does not exist, is a folder, cannot be opened or
 * lies in `/proc` or its like, the file is larger than `maxBytes`, its name is to be rejected, or the client
 * has no `files`.
 * @throws {UploadError} when reading breaks off, the file shrinks meanwhile, or the signal aborts.
 * @throws the SDK's errors.
 *
 * @example
 * ```ts
 * const onProgress = ({ bytes, total }) => console.log(bytes, total);
 * const file = await uploadPath(client, 'sales.csv', { onProgress });
 * const messages = [userMessage('Plot revenue by month.', { files: [file] })];
 * await runTurn(client, { ...params, messages });
 * ```
 */
export async function uploadPath(
  client: FilesClient,
  file: string | URL,
  options: UploadPathOptions = {},
): Promise<FileMetadata> {
  return typed('uploadPath', async () => {
    assertFilesClient(client, 'uploadPath');
    const path = file instanceof URL ? pathOfUrl(file, 'uploadPath') : file;
    const isPath = typeof path === 'string' && path !== '';
    assertInput(isPath, 'uploadPath takes the path of a file', path);
    assertInput(!path.startsWith('file://'), 'uploadPath takes a path or a URL', path, 'Pass new URL(…).');
    assertUploadOptions(options);
    await assertUploadable(path, options);
    const name = uploadName(options.name ?? basename(path), 'uploadPath', options);
    return runUpload(quoted(path), options.signal, async (signal) => {
      // A pipe that took its place meanwhile is not waited for.
      const { O_RDONLY, O_NONBLOCK = 0 } = constants;
      const handle = await open(path, O_RDONLY | O_NONBLOCK).catch((cause) => {
        throw cannotRead(path, cause);
      });
      try {
        const opened = await handle.stat();
        if (!opened.isFile()) throw notRegular(path);
        const { size } = opened;
        // Files of file systems that programs make may report no size, and have content.
        if (size === 0 && (await hasContent(handle, path))) throw withoutSize(path);
        assertSize(quoted(path), size, options);
        const stream = () => streamOf(handle, size);
        return await uploadForm(client, 'uploadPath', stream, {
          ...options,
          name,
          sizeBytes: size,
          signal,
        });
      } finally {
        await handle.close();
      }
    });
  });
}

/**
 * As many bytes as were announced: a file that grows meanwhile is sent as it was. The handle
 * stays open, for the next try; its own streams would close it when they are destroyed.
 */
function streamOf(handle: FileHandle, size: number): Readable {
  let position = 0;
  return new Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      const wanted = Math.min(CHUNK_BYTES, size - position);
      if (wanted === 0) {
        this.push(null);
        return;
      }
      handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, position).then(
        ({ bytesRead, buffer }) => {
          position += bytesRead;
          this.push(bytesRead === 0 ? null : buffer.subarray(0, bytesRead));
        },
        (error) => this.destroy(error),
      );
    },
  });
}

async function hasContent(handle: FileHandle, path: string): Promise<boolean> {
  const { bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, 0).catch((cause) => {
    throw cannotRead(path, cause);
  });
  return bytesRead > 0;
}

async function assertUploadable(path: string, options: UploadOptions): Promise<void> {
  const found = await stat(path).catch((cause) => {
    throw cannotRead(path, cause);
  });
  if (found.isDirectory()) {
    throw new InvalidInputError(
      `Cannot upload ${quoted(path)}: it is a folder. Upload its files one by one.`,
    );
  }
  // Opening a pipe would wait for its writer.
  if (!found.isFile()) throw notRegular(path);
  if (process.platform === 'linux' && KERNEL_FILES.has((await statfs(path)).type)) {
    throw withoutSize(path);
  }
  assertSize(quoted(path), found.size, options);
}

function withoutSize(path: string): InvalidInputError {
  return new InvalidInputError(
    `Cannot upload ${quoted(path)}: it is made as it is read, and its size says nothing. Copy it to a file first.`,
  );
}

function notRegular(path: string): InvalidInputError {
  return new InvalidInputError(`Cannot upload ${quoted(path)}: it is not a regular file.`);
}

function cannotRead(path: string, cause: NodeJS.ErrnoException): InvalidInputError {
  const reason =
    cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code ?? cause.message})`;
  return new InvalidInputError(`Cannot upload ${quoted(path)}: it ${reason}.`, { cause });
}
