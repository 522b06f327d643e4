import type { Ids } from './ids.ts';

/** A refusal in the API's words. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly type: string;
  /** `details.error_code`, where the API gives one. */
  readonly errorCode: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    type: string,
    message: string,
    errorCode?: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.headers = headers;
    this.status = status;
    this.type = type;
    this.errorCode = errorCode;
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

/** The answer to a refused request. */
export function failure({ status, type, message, errorCode, headers }: ApiFailure, ids: Ids): Response {
  const requestId = ids.next('req');
  return Response.json(errorBody(type, message, requestId, errorCode), {
    status,
    headers: { ...headers, 'request-id': requestId },
  });
}

/** An error as the API writes it, as a body and in the results of a batch. */
export function errorBody(type: string, message: string, requestId: string, errorCode?: string) {
  const details = errorCode === undefined ? {} : { details: { error_code: errorCode } };
  return { type: 'error', error: { type, message, ...details }, request_id: requestId };
}
