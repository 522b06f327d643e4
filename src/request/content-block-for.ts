import type {
  CacheControlEphemeral,
  ContainerUploadBlockParam,
  DocumentBlockParam,
  ImageBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import { assertInput, typed } from '../errors.ts';
import { containerUpload } from './content.ts';

const DOCUMENTS = new Set(['application/pdf', 'text/plain']);
const IMAGES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/**
 * The block by which Claude gets to know a file best: a `document` for PDF and plain text and an `image`
 * for JPEG, PNG, GIF and WebP, which Claude then reads itself; `container_upload` for everything else,
 * which only code can read. Code does not see the first two: for that, add `containerUpload(file)`.
 *
 * @param file what an upload returned
 * @throws {InvalidInputError} when it has no id or no `mime_type`.
 *
 * @example
 * ```ts
 * content: [{ type: 'text', text: 'What does the chart show?' }, contentBlockFor(file)]
 * ```
 */
export function contentBlockFor(
  file: { readonly id: string; readonly mime_type: string },
  options: { readonly cacheControl?: CacheControlEphemeral } = {},
): DocumentBlockParam | ImageBlockParam | ContainerUploadBlockParam {
  return typed('contentBlockFor', () => {
    const rule = 'contentBlockFor takes what an upload returned, with its mime_type';
    const cure = 'For an id alone use containerUpload.';
    assertInput(typeof file?.mime_type === 'string', rule, file, cure);
    const upload = containerUpload(file, options);
    const type = file.mime_type.split(';')[0]?.trim().toLowerCase() ?? '';
    const source = { type: 'file' as const, file_id: file.id };
    const cache = options.cacheControl ? { cache_control: options.cacheControl } : {};
    if (DOCUMENTS.has(type)) return { type: 'document', source, ...cache };
    return IMAGES.has(type) ? { type: 'image', source, ...cache } : upload;
  });
}
