import * as z from 'zod/v4-mini';
import { REDACTED } from './secret-names.ts';
import { looksLikeToken } from './tokens.ts';

/**
 * One part of an upload: a text with its `value`, or a file
 * with its name, media type and size, without its bytes.
 */
export interface ExchangePart {
  readonly name: string;
  readonly value?: string | undefined;
  readonly filename?: string | undefined;
  readonly type?: string | undefined;
  readonly sizeBytes?: number | undefined;
}

/**
 * A body as a fixture holds it. `text` is exact to the byte, event streams too; `tail` holds
 * the bytes of a character, as base64, that a cut tore apart. What is no text is `base64`.
 */
export type ExchangeBody =
  | { readonly type: 'none' }
  | { readonly type: 'json'; readonly json: unknown }
  | { readonly type: 'text'; readonly text: string; readonly tail?: string | undefined }
  | { readonly type: 'base64'; readonly base64: string }
  | { readonly type: 'multipart'; readonly parts: readonly ExchangePart[] };

/** The request of an exchange. */
export interface ExchangeRequest {
  /** In capitals. */
  readonly method: string;
  /** From `/v1/` on, with the query, such as `/v1/files?limit=20`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ExchangeBody;
}

/** The answer of an exchange. */
export interface ExchangeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What was received, as far as it came. */
  readonly body: ExchangeBody;
  /** `whole`, `broken` where the connection broke, `aborted` where the caller stopped reading. */
  readonly end: 'whole' | 'broken' | 'aborted';
}

/** One request and its answer, redacted: the content of a fixture. Plain JSON. */
export interface Exchange {
  readonly version: 1;
  readonly request: ExchangeRequest;
  readonly response: ExchangeResponse;
}

/**
 * The path as fixtures hold it: without the host and the prefix of a gateway, the query in the order of
 * its names. A path outside of `/v1/` may have a key in it.
 */
export function pathOf(url: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.sort();
  const query = searchParams.size > 0 ? `?${searchParams}` : '';
  const at = pathname.lastIndexOf('/v1/');
  const segments = () => pathname.split('/').map((one) => (looksLikeToken(one) ? REDACTED : one));
  return (at < 0 ? segments().join('/') : pathname.slice(at)) + query;
}

/** What a `Headers` can hold. */
const headers = z
  .record(z.string(), z.string())
  .check(z.refine((value) => isHeaders(value), 'not the names and values of HTTP headers'));

function isHeaders(value: Record<string, string>): boolean {
  try {
    return new Headers(value) !== undefined;
  } catch {
    return false;
  }
}

const body = z.discriminatedUnion('type', [
  z.object({ type: z.literal('none') }),
  z.object({ type: z.literal('json'), json: z.unknown() }),
  z.object({ type: z.literal('text'), text: z.string(), tail: z.optional(z.base64()) }),
  z.object({ type: z.literal('base64'), base64: z.base64() }),
  z.object({
    type: z.literal('multipart'),
    parts: z.array(
      z.object({
        name: z.string(),
        value: z.optional(z.string()),
        filename: z.optional(z.string()),
        type: z.optional(z.string()),
        sizeBytes: z.optional(z.int().check(z.minimum(0))),
      }),
    ),
  }),
]);

const exchange = z.object({
  version: z.literal(1),
  request: z.object({ method: z.string(), path: z.string(), headers, body }),
  response: z
    .object({
      // The statuses that a Response can have.
      status: z.int().check(z.minimum(200), z.maximum(599)),
      headers,
      body,
      end: z.enum(['whole', 'broken', 'aborted']),
    })
    .check(
      z.refine(({ status, body: { type } }) => ![204, 205, 304].includes(status) || type === 'none', {
        message: 'this status has no body',
        path: ['body'],
      }),
    ),
});

/** The exchange, or what is wrong with it and where, as `response.status: …`. */
export function checkExchange(value: unknown): { readonly exchange: Exchange } | { readonly fault: string } {
  const parsed = exchange.safeParse(value);
  if (parsed.success) return { exchange: parsed.data };
  const [issue] = parsed.error.issues;
  return { fault: `${issue?.path.join('.') || 'the whole'}: ${issue?.message}` };
}
