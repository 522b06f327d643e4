import type Anthropic from '@anthropic-ai/sdk';
import { CodeExecutionError, guardOf, quoted } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';
import { headerOf } from '../wire/headers.ts';
import { ownerOf } from './client.ts';

/** The SDK's `RequestOptions`, as far as redirects are concerned. */
type RequestOptions = Pick<Anthropic.RequestOptions, 'fetchOptions' | 'middleware'>;

/**
 * Of `fetchOptions`: a redirect could lead keys and conversations to another host. Not `'error'`,
 * which workerd does not know, and which does not give the location.
 */
export const NO_REDIRECT = { redirect: 'manual' } as const;

/**
 * A request was answered with a redirect, which is not followed: the conversation, and keys in headers of the
 * caller's, would go along to the other host. `.code` is `redirected`; to follow all the same, set
 * `fetchOptions: { redirect: 'follow' }` in the client or in `request`.
 */
export class RedirectError extends CodeExecutionError {
  override readonly name = 'RedirectError';
  /** 3xx; 0 where the runtime hides it, as browsers do. */
  readonly status: number;
  /** Where it leads to, as sent; `null` where that is not known. */
  readonly location: string | null;

  constructor(
    status: number,
    location: string | null,
    options: { readonly requestId?: string | null; readonly cause?: unknown },
  ) {
    const where = location === null ? 'to another address' : `to ${quoted(location)}`;
    const message =
      `The request was answered with a redirect ${where}${status ? ` (HTTP ${status})` : ''}, which is not followed: ` +
      'nothing was sent there. Correct the baseURL of the client, or allow it with ' +
      "fetchOptions: { redirect: 'follow' }.";
    super(message, { code: 'redirected', ...options });
    this.status = status;
    this.location = location;
  }
}

/** True for a {@link RedirectError}, also of another copy of this package. */
export const isRedirectError = /* @__PURE__ */ guardOf<RedirectError>('RedirectError');

/** @throws {RedirectError} for a response, or an error that the SDK made of one, that is a redirect. */
export function assertNoRedirect(answer: unknown): void {
  if (isRedirectError(answer)) throw answer;
  if (!isRecord(answer)) return;
  const status = Number(answer['status'] ?? 0);
  const isHidden = answer['type'] === 'opaqueredirect' || isRefusedByFetch(answer['cause']);
  if ((status < 300 || status > 399 || status === 304) && !isHidden) return;
  const requestId = headerOf(answer, 'request-id');
  const cause = answer instanceof Error ? answer : undefined;
  throw new RedirectError(status, headerOf(answer, 'location'), { requestId, cause });
}

/** The options of a request that follows no redirect, unless the client or the request say so. */
export function withoutRedirects<Request extends RequestOptions>(client: unknown, request: Request): Request {
  const { fetchOptions } = (ownerOf(client) ?? {}) as { readonly fetchOptions?: object };
  const { middleware = [] } = request;
  return {
    ...request,
    fetchOptions: { ...NO_REDIRECT, ...fetchOptions, ...request.fetchOptions },
    // The SDK makes a bare connection error of the opaque answer that browsers give.
    middleware: [
      async (sent, next) => {
        const response = await next(sent);
        assertNoRedirect(response);
        return response;
      },
      ...middleware,
    ],
  };
}

/** Sends a request that follows no redirect, unless the client or the request say so. */
export async function unredirected<Request extends object, T>(
  client: unknown,
  request: Request,
  send: (request: Request) => PromiseLike<T>,
): Promise<T> {
  try {
    return await send(withoutRedirects(client, request));
  } catch (error) {
    assertNoRedirect(error);
    throw error;
  }
}

/** What `fetch` throws under `redirect: 'error'`, which uploads with constant memory need. */
function isRefusedByFetch(cause: unknown): boolean {
  const reasons = [cause, isRecord(cause) ? cause['cause'] : undefined].filter(isRecord);
  return reasons.some(({ message }) => /\bunexpected ?redirect/i.test(String(message)));
}
