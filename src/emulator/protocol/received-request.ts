import { ApiFailure } from './http.ts';

/** Bytes of a body at most (documented). Files have a limit of their own. */
const MOST_BYTES = 32 * 2 ** 20;
const MOST_BYTES_OF_BATCH = 256 * 2 ** 20;

/** A request that the emulator received. */
export interface RecordedRequest {
  readonly method: string;
  /** With the query, such as `/v1/messages`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON; `null` for other bodies. */
  readonly body: unknown;
}

/** A request as the endpoints read it. */
export interface ReceivedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** The body, read once; empty for a form, and for one that is too large. */
  readonly text: string;
  readonly isTooLarge: boolean;
  /** @throws where the body is no form. */
  readonly formData: () => Promise<FormData>;
  readonly signal: AbortSignal;
}

/** @throws what `fetch` throws for its arguments, and the signal's reason. */
export async function receive(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<ReceivedRequest> {
  const { body, signal } = init;
  // As the SDK sends nearly all of them. A `Request` for each
  // took 30 MiB more with a thousand turns at once (measured).
  if (!(input instanceof Request) && typeof body === 'string' && signal)
    return receiveText(input, init, body, signal);
  return receiveRequest(new Request(input, init));
}

function receiveText(
  input: string | URL,
  { method = 'GET', headers }: RequestInit,
  text: string,
  signal: AbortSignal,
): ReceivedRequest {
  signal.throwIfAborted();
  const sent = new Headers(headers);
  if (!sent.has('content-type')) sent.set('content-type', 'text/plain;charset=UTF-8');
  const url = new URL(input);
  // Three bytes for a character at most.
  const isTooLarge = text.length > mostOf(url) / 3 && new TextEncoder().encode(text).length > mostOf(url);
  return {
    method: method.toUpperCase(),
    url,
    headers: sent,
    text: isTooLarge ? '' : text,
    isTooLarge,
    formData: () => new Response(text, { headers: sent }).formData(),
    signal,
  };
}

async function receiveRequest(request: Request): Promise<ReceivedRequest> {
  const { method, headers, signal } = request;
  signal.throwIfAborted();
  const isForm = headers.get('content-type')?.includes('multipart/form-data') ?? false;
  const url = new URL(request.url);
  const text = isForm ? '' : await textOf(request, mostOf(url));
  return {
    method,
    url,
    headers,
    text: text ?? '',
    isTooLarge: text === undefined,
    formData: () => request.formData(),
    signal,
  };
}

const mostOf = ({ pathname }: URL): number =>
  pathname.startsWith('/v1/messages/batches') ? MOST_BYTES_OF_BATCH : MOST_BYTES;

/** The text of a body; of one that is too large nothing is held, and the rest is read and forgotten. */
async function textOf({ body }: Request, most: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    text = bytes > most ? '' : text + decoder.decode(chunk, { stream: true });
  }
  return bytes > most ? undefined : text + decoder.decode();
}

/** The documented words. */
export function tooLarge(): ApiFailure {
  return new ApiFailure(413, 'request_too_large', 'Request exceeds the maximum allowed number of bytes.');
}

/** The request for those who ask what came. */
export function recorded({ method, url, headers, text }: ReceivedRequest): RecordedRequest {
  const isJson = headers.get('content-type')?.includes('application/json') ?? false;
  return {
    method,
    path: url.pathname + url.search,
    headers: Object.fromEntries(headers),
    body: isJson ? parsed(text) : null,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
