import type { Ids } from './ids.ts';

/** A refusal in the API's words. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

export const invalidRequest = (message: string) => new ApiFailure(400, 'invalid_request_error', message);
export const notFound = (message: string) => new ApiFailure(404, 'not_found_error', message);

export function json(body: unknown, ids: Ids, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', 'request-id': ids.next('req') },
  });
}

/** The API's error body. A client must not repeat what the emulator refused: the answer would be the same. */
export function failure({ status, type, message }: ApiFailure, ids: Ids): Response {
  const requestId = ids.next('req');
  return new Response(JSON.stringify({ type: 'error', error: { type, message }, request_id: requestId }), {
    status,
    headers: { 'content-type': 'application/json', 'request-id': requestId, 'x-should-retry': 'false' },
  });
}
