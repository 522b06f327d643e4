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
  /** The body, read once; empty for a form. */
  readonly text: string;
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
  return {
    method: method.toUpperCase(),
    url: new URL(input),
    headers: sent,
    text,
    formData: () => new Response(text, { headers: sent }).formData(),
    signal,
  };
}

async function receiveRequest(request: Request): Promise<ReceivedRequest> {
  const { method, headers, signal } = request;
  signal.throwIfAborted();
  const isForm = headers.get('content-type')?.includes('multipart/form-data') ?? false;
  return {
    method,
    url: new URL(request.url),
    headers,
    text: isForm ? '' : await request.text(),
    formData: () => request.formData(),
    signal,
  };
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
