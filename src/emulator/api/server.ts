import type { IncomingMessage, ServerResponse } from 'node:http';
import { EmulatorError } from '../protocol/emulator-error.ts';
import { errorBody } from '../protocol/http.ts';

/** A port on which the emulator listens. */
export interface EmulatorServer extends AsyncDisposable {
  /** `http://127.0.0.1:4010`, for a client's `baseURL`. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection and frees the port. */
  close(): Promise<void>;
}

/** Options of `emulator.listen()`. */
export interface ListenOptions {
  /** Default 0: any free port. */
  readonly port?: number | undefined;
  /**
   * Default `127.0.0.1`. Every program that reaches another one,
   * by its name or any address, can run code in the sandbox.
   */
  readonly host?: string | undefined;
}

type Fetch = (request: Request) => Promise<Response>;

/**
 * Names under which this machine reaches itself. A web page that found the port under another one is refused.
 */
const LOCAL_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Serves a `fetch` over HTTP, for clients in any language. Refused are a `Host` that is
 * not this machine, any `Origin` (a browser page has no business here), and JSON routes
 * without `application/json`, so that a page cannot reach them with a form either.
 *
 * @param log called with a line for each request, at its end
 * @throws {EmulatorError} `.code` `not_node` where there is
 * no Node, and `cannot_listen` for a port that is taken.
 */
export async function listen(
  fetch: Fetch,
  { port = 0, host = '127.0.0.1' }: ListenOptions,
  log?: (line: string) => void,
): Promise<EmulatorServer> {
  // Asked for at run time: everything else of the emulator runs where only web APIs exist.
  const http = globalThis.process?.getBuiltinModule?.('node:http');
  const { Readable } = globalThis.process?.getBuiltinModule?.('node:stream') ?? {};
  if (!http || !Readable) {
    throw new EmulatorError(
      'listen() needs Node 20.16 or later. Elsewhere, give the client `emulator.fetch`.',
      {
        code: 'not_node',
      },
    );
  }
  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const cut = new AbortController();
    outgoing.once('close', () => cut.abort());
    const request = requestOf(incoming, Readable.toWeb(incoming) as ReadableStream, cut.signal);
    const response =
      request instanceof Response ? request : (refusal(request, host) ?? (await fetch(request)));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    // Before the first event, which may take as long as the code that runs.
    outgoing.flushHeaders();
    if (!response.body) {
      outgoing.end();
      return;
    }
    Readable.fromWeb(response.body as never)
      .on('error', () => outgoing.destroy())
      .pipe(outgoing);
  }
  const server = http.createServer((incoming, outgoing) => {
    const start = performance.now();
    const { method, url } = incoming;
    outgoing.once('close', () => {
      const status = outgoing.headersSent ? outgoing.statusCode : 'no answer';
      log?.(`${method} ${url} ${status} ${Math.round(performance.now() - start)} ms`);
    });
    // A request that was aborted, or refused like a connection, gets no answer.
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new EmulatorError(`Cannot listen on ${host}:${port}: ${cause.message}`, {
          code: 'cannot_listen',
          cause,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${bound}`, port: bound, close, [Symbol.asyncDispose]: close };
}

/**
 * The request as `fetch` takes it, with the host under which
 * the client reached us, or the refusal of one that cannot be.
 */
function requestOf(
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: ReadableStream,
  signal: AbortSignal,
): Request | Response {
  const hasBody = method !== 'GET' && method !== 'HEAD';
  try {
    return new Request(`http://${headers.host}${url}`, {
      method,
      headers: new Headers(
        Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      ),
      signal,
      ...(hasBody ? { body, duplex: 'half' } : {}),
    } as RequestInit);
  } catch {
    return refused(400, 'invalid_request_error', `${method} ${url} is no request of this API.`);
  }
}

function refusal(request: Request, bound: string): Response | undefined {
  const { headers, method } = request;
  const host = (headers.get('host') ?? '').replace(/:\d+$/, '').toLowerCase();
  // A server that listens elsewhere is reached under addresses.
  // A page that rebinds a name of its own still is refused.
  const isTold =
    !LOCAL_HOSTS.has(bound) && bound !== '::1' && (host === bound || /^[\d.]+$|^\[[\da-f:.]+\]$/i.test(host));
  if (!LOCAL_HOSTS.has(host) && !isTold)
    return refused(403, 'permission_error', `Host ${host || '(none)'} is not this machine.`);
  if (headers.has('origin')) return refused(403, 'permission_error', 'Requests with an Origin are refused.');
  const [type = ''] = (headers.get('content-type') ?? '').toLowerCase().split(';');
  const takesForms = /^\/v1\/(files|skills)(\/|$)/.test(new URL(request.url).pathname);
  const hasBody = headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
  if (method === 'POST' && hasBody && !takesForms && type.trim() !== 'application/json') {
    return refused(415, 'invalid_request_error', 'content-type must be application/json');
  }
  return undefined;
}

function refused(status: number, type: string, message: string): Response {
  return Response.json(errorBody(type, `emulator: ${message}`, 'req_refused'), { status });
}
