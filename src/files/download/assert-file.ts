import { headerOf } from '../../sdk/failures.ts';
import type { Artifact } from '../../turn/artifact.ts';
import { readerOf } from '../../wire/reader.ts';
import { ArtifactError } from '../errors.ts';
import { isCredentialed } from './artifact-body.ts';

/** What proxies and gateways answer in place of a file: a page, or an error as JSON. */
const FOREIGN = {
  html: { type: /^(text\/html|application\/xhtml\+xml)$/, name: /\.x?html?$/i, text: /^<(?!svg|\?xml)/i },
  json: { type: /^application\/(.+\+)?json$|\/json$/, name: /\.(\w*json|ipynb|har|map)$/i, text: /^[{[]/ },
};
/** How much of the answer an error shows, in characters. */
const SHOWN = 300;
/** An answer of blanks is not read for ever, in bytes. */
const MOST_READ = 65_536;

/**
 * Whether an answer with HTTP 200 can be the file. It is not where all of this holds:
 *
 * - its type is HTML or JSON, and it begins like that;
 * - the file is described, and by its type and its name it is neither, or its size must be another one;
 * - its length is not known to be that of the file: a gateway may label what it passes on as it likes.
 *
 * @throws {ArtifactError} `artifact_replaced`, with the answer's beginning.
 */
export async function assertFile(response: Response, artifact: Artifact): Promise<void> {
  const { fileId, name, mimeType, sizeBytes, status } = artifact;
  const contentType = headerOf(response, 'content-type') ?? '';
  const kind = Object.values(FOREIGN).find(({ type }) => type.test(mediaType(contentType)));
  if (!kind || status !== 'described' || mimeType === null || !response.body) return;
  const length = headerOf(response, 'content-encoding') ? null : headerOf(response, 'content-length');
  const hasSize = length !== null && Number(length) === sizeBytes;
  const isSuch = kind.type.test(mediaType(mimeType)) || kind.name.test(name ?? '');
  const mayDiffer = length === null || sizeBytes === null || isCredentialed(mimeType);
  if (hasSize || (isSuch && mayDiffer)) return;
  const text = await beginningOf(response.clone());
  if (!kind.text.test(text)) return;
  readerOf(response.body).cancel();
  const message =
    `${fileId} (${mimeType}, ${sizeBytes ?? 'unknown'} bytes) was answered with something else: HTTP ` +
    `${response.status}, ${contentType}, ${JSON.stringify(text)}. Look at what stands between you and the API.`;
  throw new ArtifactError(message, {
    code: 'artifact_replaced',
    answer: { status: response.status, contentType, text },
    requestId: headerOf(response, 'request-id'),
  });
}

function mediaType(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** The first characters of a body, which is read no further. */
async function beginningOf({ body }: Response): Promise<string> {
  if (!body) return '';
  const reader = readerOf(body);
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    while (text.length < SHOWN && bytes < MOST_READ) {
      const { done, value } = await reader.read();
      bytes += value?.byteLength ?? 0;
      text = `${text}${decoder.decode(value, { stream: !done })}`.trimStart();
      if (done) break;
    }
  } catch {
    // A cut: what came is shown.
  }
  reader.cancel();
  return text.slice(0, SHOWN).replace(/\p{C}+/gu, ' ');
}
