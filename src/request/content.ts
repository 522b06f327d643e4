import type {
  CacheControlEphemeral,
  ContainerUploadBlockParam,
  ContentBlockParam,
  MessageParam,
} from '@anthropic-ai/sdk/resources/messages';
import { assertInput, typed } from '../errors.ts';

/** An uploaded file: its id, or anything that carries one, such as the SDK's `FileMetadata`. */
export type FileReference = string | { readonly id: string };

/**
 * A content block that puts an uploaded file into the container, under `$INPUT_DIR`.
 *
 * Only blocks of the newest user message reach a fresh container; in an earlier one they are silently without
 * effect. A turn that reuses its container still has the files of earlier turns.
 *
 * @throws {InvalidInputError} when there is no file id.
 *
 * @example
 * ```ts
 * { role: 'user', content: [{ type: 'text', text: 'Plot revenue by month.' }, containerUpload(file)] }
 * ```
 */
export function containerUpload(
  file: FileReference,
  options: { readonly cacheControl?: CacheControlEphemeral } = {},
): ContainerUploadBlockParam {
  return typed('containerUpload', () => {
    const id = typeof file === 'string' ? file : file?.id;
    const cure = 'Upload the file first: `containerUpload(await uploadPath(client, path))`.';
    const isGiven = typeof id === 'string' && id !== '';
    assertInput(isGiven, 'containerUpload takes a file id or what an upload returned', file, cure);
    const isPath = /[/\\\s]|\.\w+$/.test(id);
    assertInput(!isPath, 'containerUpload takes a file id (file_…) and no path', id, cure);
    return {
      type: 'container_upload',
      file_id: id,
      ...(options.cacheControl ? { cache_control: options.cacheControl } : {}),
    };
  });
}

/**
 * A user message with a text and files for the container.
 *
 * @throws {InvalidInputError} for an empty text, and for files without an id.
 *
 * @example
 * ```ts
 * messages: [userMessage('Plot revenue by month.', { files: [file] })]
 * ```
 */
export function userMessage(
  text: string,
  options: { readonly files?: readonly FileReference[] } = {},
): MessageParam {
  return typed('userMessage', () => {
    const isText = typeof text === 'string' && text !== '';
    assertInput(isText, 'userMessage takes a text that is not empty', text);
    const uploads = containerUploads(options.files);
    const content: ContentBlockParam[] = [{ type: 'text', text }, ...uploads];
    return { role: 'user', content };
  });
}

/** @throws {InvalidInputError} for one file where a list is wanted, and for files without an id. */
export function containerUploads(files: readonly FileReference[] = []): ContainerUploadBlockParam[] {
  assertInput(Array.isArray(files), 'files must be a list, `{ files: [file] }`', files);
  return files.map((file: FileReference) => containerUpload(file));
}

/**
 * System text that makes files come back. Only top-level files in a command's own `$OUTPUT_DIR`
 * become artifacts (documented since Aug 2026), and Claude sees neither that rule nor the file ids.
 *
 * @example
 * ```ts
 * await runTurn(client, { ...params, system: artifactInstructions() });
 * ```
 */
export function artifactInstructions(): string {
  return [
    'Files for the user: uploaded files are in the directory named by the environment variable INPUT_DIR.',
    'Hand every file the user should get to them by writing or copying it directly into the directory named by',
    'OUTPUT_DIR, not into a subdirectory, in the same command that makes it: each command gets a new, empty',
    'OUTPUT_DIR, and its files are collected when the command ends. Finish that command with `ls -l "$OUTPUT_DIR"`.',
    'Files elsewhere, and files made with the text editor, do not reach the user until a command copies them there.',
    'Refer to files by their names; do not give links or paths to them.',
  ].join(' ');
}
