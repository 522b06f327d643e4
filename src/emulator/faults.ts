import { InvalidInputError } from '../errors.ts';
import { type BodySource, bodyFrom } from './protocol/body.ts';
import { EmulatorError } from './protocol/emulator-error.ts';
import { errorBody } from './protocol/http.ts';

/** Something that goes wrong with one request, instead of its answer or in the middle of it. */
export type Fault =
  /** Nothing is answered but this error. */
  | {
      readonly fault: 'http';
      readonly status: number;
      readonly type: string;
      readonly message: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** No connection is made: `fetch` rejects. */
  | { readonly fault: 'refuseConnection' }
  /** The answer comes so much later. */
  | { readonly fault: 'delay'; readonly ms: number }
  /** The stream ends after so many events: without a word, with a broken socket, or with an `error` event. */
  | { readonly fault: 'cut'; readonly events: number; readonly how: 'end' | 'break' | 'error' }
  /** Nothing comes after so many events, and the stream does not end. */
  | { readonly fault: 'stall'; readonly events: number }
  /** The stream comes in pieces of so many bytes. */
  | { readonly fault: 'slice'; readonly bytes: number };

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** Options of {@link httpError}. */
export interface HttpErrorOptions {
  /** Default: the API's type for the status. */
  readonly type?: string;
  readonly message?: string;
  /** Such as `{ 'retry-after': '1' }`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The request is answered with an HTTP error. */
export function httpError(status: number, options: HttpErrorOptions = {}): Fault {
  if (!(Number.isInteger(status) && status >= 400 && status <= 599)) {
    throw new InvalidInputError(`httpError takes a status from 400 to 599, got ${status}.`);
  }
  const { type = TYPES[status] ?? 'api_error', message = `emulated ${status}`, headers = {} } = options;
  return { fault: 'http', status, type, message, headers };
}

/** No connection is made. */
export const refuseConnection = (): Fault => ({ fault: 'refuseConnection' });

/** The answer comes so many milliseconds later. */
export function delay(ms: number): Fault {
  assertCount('delay', ms, 0);
  return { fault: 'delay', ms };
}

/**
 * The stream ends after so many events, as a server does that goes
 * down; `'break'` breaks its socket, `'error'` sends an `error` event.
 */
export function cutAfter(events: number, how: 'end' | 'break' | 'error' = 'end'): Fault {
  assertCount('cutAfter', events, 0);
  return { fault: 'cut', events, how };
}

/** The stream falls silent after so many events. */
export function stallAfter(events: number): Fault {
  assertCount('stallAfter', events, 0);
  return { fault: 'stall', events };
}

/** The stream comes in pieces of so many bytes, which cut lines and characters. */
export function sliceInto(bytes: number): Fault {
  assertCount('sliceInto', bytes, 1);
  return { fault: 'slice', bytes };
}

/** @throws {EmulatorError} naming the faults that no request came for. */
export function assertNoFaults(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const names = faults.map(({ fault }) => fault).join(', ');
  throw new EmulatorError(`${faults.length} injected faults met no POST /v1/messages: ${names}`, {
    code: 'faults_left_over',
  });
}

function assertCount(name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new InvalidInputError(`${name} takes a whole number of at least ${least}, got ${value}.`);
}

/** Answers a request with an HTTP error, in the API's form. */
export function faultResponse(fault: Extract<Fault, { fault: 'http' }>, requestId: string): Response {
  const { status, type, message, headers } = fault;
  return Response.json(errorBody(type, message, requestId), {
    status,
    headers: { 'request-id': requestId, ...headers },
  });
}

/** The response with its body spoiled; an abort breaks it all the same. */
export function spoil(
  response: Response,
  fault: Extract<Fault, { fault: 'cut' | 'stall' | 'slice' }>,
  signal: AbortSignal,
): Response {
  if (!response.body) return response;
  const reader = response.body.getReader();
  const next = fault.fault === 'slice' ? sliced(reader, fault.bytes) : stopped(reader, fault);
  const body = bodyFrom({ next, cancel: (reason) => reader.cancel(reason) }, signal);
  return new Response(body, { status: response.status, headers: response.headers });
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** The emulator writes one event per chunk, so events are counted in chunks. */
function stopped(reader: Reader, fault: Extract<Fault, { fault: 'cut' | 'stall' }>): BodySource['next'] {
  let events = 0;
  return async () => {
    if (events++ < fault.events) return (await reader.read()).value;
    if (fault.fault === 'stall') return new Promise<never>(() => {});
    await reader.cancel();
    if (fault.how === 'break') throw new TypeError('terminated');
    if (fault.how === 'end' || events > fault.events + 1) return undefined;
    const data = JSON.stringify({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Overloaded' },
    });
    return new TextEncoder().encode(`event: error\ndata: ${data}\n\n`);
  };
}

function sliced(reader: Reader, bytes: number): BodySource['next'] {
  let rest: Uint8Array = new Uint8Array();
  return async () => {
    if (rest.length === 0) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      rest = value;
    }
    const slice = rest.slice(0, bytes);
    rest = rest.subarray(bytes);
    return slice;
  };
}
