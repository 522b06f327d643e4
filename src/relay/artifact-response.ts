import { assertInput, typed } from '../errors.ts';
import { downloadArtifact } from '../files/download/download-artifact.ts';
import { safeName } from '../files/download/safe-name.ts';
import { isArtifactError } from '../files/errors.ts';
import type { FilesClient } from '../sdk/client.ts';

/** Options of {@link artifactResponse}. */
export interface ArtifactResponseOptions {
  /** `'inline'` lets the browser show the file, `'attachment'` saves it. Default `'attachment'`. */
  readonly disposition?: 'attachment' | 'inline' | undefined;
  /** The name to save it under. Default: the one that the model chose, made safe. */
  readonly name?: string | undefined;
  /** Usually the request's: ends the download when the browser leaves. */
  readonly signal?: AbortSignal | undefined;
}

/** Types that can run code, or load other things, where a browser shows them. */
const ACTIVE =
  /^(text\/html|application\/xhtml\+xml|image\/svg\+xml|application\/pdf|(text|application)\/xml)\b/i;
/** No script, no origin, nothing loaded; styles of the file itself may stay. */
const SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:";
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(;\s*charset=[\w-]+)?$/;

/**
 * A file of a container as a response to a browser, which has no key. The bytes are passed on as they
 * come. **It does not check who asks: see before that this user may read this file id**, such as one that is
 * among the artifacts of a turn of theirs.
 *
 * The type is the file's own, and the browser must not guess another (`nosniff`); what can run code is
 * sandboxed. Ranges are not served (`accept-ranges: none`): the whole file is the answer. A file that is
 * gone, or was uploaded and not made by code, is a 404.
 *
 * @throws {InvalidInputError} for another disposition, and the errors of `downloadArtifact` that may pass.
 *
 * @example
 * ```ts
 * export async function GET(request: Request, { fileId }: { fileId: string }) {
 *   if (!(await mayRead(request, fileId))) return new Response(null, { status: 404 });
 *   return artifactResponse(client, fileId, { signal: request.signal });
 * }
 * ```
 */
export async function artifactResponse(
  client: FilesClient,
  fileId: string,
  options: ArtifactResponseOptions = {},
): Promise<Response> {
  return typed('artifactResponse', async () => {
    const { disposition = 'attachment', name, signal } = options;
    const isKnown = disposition === 'attachment' || disposition === 'inline';
    assertInput(isKnown, "disposition must be 'attachment' or 'inline'", disposition);
    assertInput(name === undefined || typeof name === 'string', 'name must be a text', name);
    try {
      const file = await downloadArtifact(client, fileId, { signal });
      const type = MEDIA_TYPE.test(file.mimeType) ? file.mimeType : 'application/octet-stream';
      const headers = new Headers({
        'content-type': type,
        'content-disposition': `${disposition}; ${encodedName(safeName(name ?? file.name, fileId))}`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'private',
        'accept-ranges': 'none',
      });
      if (file.contentLength !== null) headers.set('content-length', `${file.contentLength}`);
      if (ACTIVE.test(type)) headers.set('content-security-policy', SANDBOX);
      return new Response(file.stream(), { headers });
    } catch (error) {
      const isGone = isArtifactError(error) && GONE.includes(error.code);
      if (!isGone) throw error;
      const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
      return new Response('This file does not exist, or not any more.\n', { status: 404, headers });
    }
  });
}

const GONE: readonly string[] = ['artifact_expired', 'artifact_missing', 'artifact_not_downloadable'];

/** Both forms of RFC 6266: plain for old programs, and UTF-8 as RFC 8187 says. */
function encodedName(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["%\\]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `filename="${plain}"; filename*=UTF-8''${encoded}`;
}
