import type Anthropic from '@anthropic-ai/sdk';
import { CodeExecutionError } from '../errors.ts';
import { headerOf } from '../wire/headers.ts';

/** The SDK's `RequestOptions`, as far as redirects are concerned. */
type RequestOptions = Pick<Anthropic.RequestOptions, 'fetchOptions' | 'middleware'>;

/** `fetchOptions` of a request that follows no redirect. workerd throws at `'error'`. */
export const NO_REDIRECT = { redirect: 'manual' } as const;

/**
 * Options for a request that follows no redirect: the whole conversation, and keys in headers
 * of the caller's, would go to another host. The caller's `fetchOptions` win.
 *
 * ```ts
 * client.files.download(id, undefined, { ...withoutRedirects(request), signal });
 * ```
 */
export function withoutRedirects<Request extends RequestOptions>(request: Request): Request {
  const { fetchOptions, middleware = [] } = request;
  return {
    ...request,
    fetchOptions: { ...NO_REDIRECT, ...fetchOptions },
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

/** @throws {CodeExecutionError} of code `redirected`, with the location, where a response is a redirect. */
export function assertNoRedirect(response: Response): void {
  const { status, type } = response;
  if (type !== 'opaqueredirect' && !(status >= 300 && status < 400)) return;
  const location = headerOf(response, 'location');
  const where = location === null ? 'an address that is not shown' : location.slice(0, 300);
  throw new CodeExecutionError(
    `The server redirects the request (HTTP ${status}) to ${where}. Nothing was sent there. Give the client ` +
      "the right baseURL, or allow it with request: { fetchOptions: { redirect: 'follow' } }.",
    { code: 'redirected', requestId: headerOf(response, 'request-id') },
  );
}
