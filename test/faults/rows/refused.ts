import { isTurnInterruptedError } from 'code-execution-kit';
import { cutAfter, type Fault, httpError, refuseConnection } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import type { Row, ThrownResult } from '../row.ts';
import type { Fetch } from '../tap.ts';
import { PAUSED, paused } from '../worlds.ts';

const SOON = { 'retry-after-ms': '1' };
const toOtherHost = () =>
  new Response(null, { status: 307, headers: { location: 'http://127.0.0.1:59998/' } });
/** Lets the first request pass. */
const fine = cutAfter(1_000_000);
const four = (fault: Fault) => [fault, fault, fault, fault];

/** Statuses, and whether one shows that nothing ran. */
const STATUSES: readonly (readonly [status: number, name: string, sdk: number, ours: number])[] = [
  [400, 'BadRequestError', 1, 1],
  [401, 'AuthenticationError', 1, 1],
  [403, 'PermissionDeniedError', 1, 1],
  [404, 'NotFoundError', 1, 1],
  [408, 'RequestTimeoutError', 3, 1],
  [409, 'ConflictError', 3, 1],
  [413, 'ContentTooLargeError', 1, 1],
  [422, 'UnprocessableEntityError', 1, 1],
  [429, 'RateLimitError', 3, 3],
  [500, 'InternalServerError', 3, 1],
  [502, 'InternalServerError', 3, 1],
  [503, 'ServiceUnavailableError', 3, 3],
  [504, 'GatewayTimeoutError', 3, 1],
  [529, 'OverloadedError', 3, 3],
];

/** After those a request may have done something. */
const MAY_HAVE_RUN = new Set([408, 409, 500, 502, 504]);

const first = STATUSES.map(
  ([status, name, sdk, ours]): Row => ({
    fault: `HTTP ${status}`,
    posts: ours,
    sdk,
    outcome: `SDK ${name} ${status}`,
    blocks: 0,
    world: () => paused({ faults: four(httpError(status, { headers: SOON })) }),
  }),
);

const second = STATUSES.map(
  ([status, name, sdk, ours]): Row => ({
    fault: `HTTP ${status} to the request after a pause`,
    posts: 1 + ours,
    sdk: 1 + sdk,
    outcome: 'TurnInterruptedError request_failed',
    blocks: 3,
    world: () => paused({ faults: [fine, ...four(httpError(status, { headers: SOON }))] }),
    also(result) {
      expect(isTurnInterruptedError(result) && (result.cause as Error).constructor.name).toBe(name);
      // The container of the first response is known to whoever goes on.
      expect((result as ThrownResult).checkpoint).toMatchObject({
        phase: 'ready',
        mayRerun: MAY_HAVE_RUN.has(status),
        container: expect.any(String),
      });
    },
  }),
);

const passing = [429, 503, 529].map(
  (status): Row => ({
    fault: `HTTP ${status} once, then an answer`,
    posts: 3,
    sdk: 3,
    outcome: 'completed',
    blocks: 6,
    world: () => paused({ faults: [httpError(status, { headers: SOON })] }),
  }),
);

/** A `fetch` whose n-th request fails like this, before any answer. */
const failing =
  (code: string, which: number) =>
  (fetch: Fetch): Fetch => {
    let count = 0;
    return async (...request) => {
      if (count++ < which) return fetch(...request);
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
    };
  };

/** A `fetch` whose answer never comes. */
const silent: () => (fetch: Fetch) => Fetch = () => () => (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
  });

export const refused: readonly Row[] = [
  ...first,
  ...second,
  ...passing,
  {
    fault: 'HTTP 529 with `x-should-retry: false`',
    posts: 1,
    sdk: 1,
    outcome: 'SDK OverloadedError 529',
    blocks: 0,
    world: () => paused({ faults: four(httpError(529, { headers: { 'x-should-retry': 'false' } })) }),
  },
  {
    fault: 'HTTP 500 with `x-should-retry: true`',
    posts: 1,
    sdk: 3,
    outcome: 'SDK InternalServerError 500',
    blocks: 0,
    world: () => paused({ faults: four(httpError(500, { headers: { 'x-should-retry': 'true', ...SOON } })) }),
  },
  {
    fault: 'HTTP 429 that asks to wait for an hour',
    posts: 1,
    sdk: null,
    outcome: 'SDK RateLimitError 429',
    blocks: 0,
    world: () => paused({ faults: [httpError(429, { headers: { 'retry-after': '3600' } })] }),
  },
  {
    fault: 'HTTP 502 with a page of a gateway',
    posts: 1,
    sdk: 3,
    outcome: 'SDK InternalServerError 502',
    blocks: 0,
    world: () => ({
      answers: [
        () =>
          new Response('<h1>Bad Gateway</h1>', {
            status: 502,
            headers: { 'content-type': 'text/html', ...SOON },
          }),
      ],
    }),
  },
  {
    fault: 'connection refused',
    posts: 3,
    sdk: 3,
    outcome: 'SDK APIConnectionError',
    blocks: 0,
    world: () => paused({ faults: four(refuseConnection()) }),
  },
  {
    fault: 'connection refused once, then an answer',
    posts: 3,
    sdk: 3,
    outcome: 'completed',
    blocks: 6,
    world: () => paused({ faults: [refuseConnection()] }),
  },
  {
    fault: 'host not found',
    posts: 3,
    sdk: 3,
    outcome: 'SDK APIConnectionError',
    blocks: 0,
    world: () => paused({ between: failing('ENOTFOUND', 0) }),
  },
  {
    fault: 'connection reset before an answer',
    posts: 1,
    sdk: 3,
    outcome: 'SDK APIConnectionError',
    blocks: 0,
    world: () => paused({ between: failing('ECONNRESET', 0) }),
  },
  {
    fault: 'connection reset before the answer to the request after a pause',
    posts: 2,
    sdk: 4,
    outcome: 'TurnInterruptedError request_failed',
    blocks: 3,
    world: () => paused({ between: failing('ECONNRESET', 1) }),
  },
  {
    fault: 'connection refused after a pause',
    posts: 4,
    sdk: 4,
    outcome: 'TurnInterruptedError request_failed',
    blocks: 3,
    world: () => paused({ between: failing('ECONNREFUSED', 1) }),
  },
  {
    fault: 'no answer within `request.timeout`',
    posts: 1,
    sdk: 3,
    outcome: 'SDK APIConnectionTimeoutError',
    blocks: 0,
    world: () => ({ script: PAUSED, between: silent(), options: { request: { timeout: 20 } } }),
  },
  {
    fault: 'HTTP 500, and the caller set `request.maxRetries` to 2',
    posts: 3,
    sdk: 3,
    outcome: 'SDK InternalServerError 500',
    blocks: 0,
    world: () =>
      paused({ faults: four(httpError(500, { headers: SOON })), options: { request: { maxRetries: 2 } } }),
  },
  {
    fault: 'HTTP 529, and the caller set `retries` to 0',
    posts: 1,
    sdk: 3,
    outcome: 'SDK OverloadedError 529',
    blocks: 0,
    world: () => paused({ faults: four(httpError(529, { headers: SOON })), options: { retries: 0 } }),
  },
  {
    fault: 'a redirect to another host',
    posts: 1,
    sdk: 3,
    outcome: 'RedirectError redirected',
    blocks: 0,
    world: () => ({ answers: [toOtherHost], options: { retries: 2, interruptedRetries: 2 } }),
  },
];
