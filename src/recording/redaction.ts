import type { Exchange, ExchangeBody, ExchangeRequest } from './exchange.ts';
import { type Patterns, replaceSplit } from './split-secrets.ts';

const REQUEST_HEADERS = ['anthropic-beta', 'anthropic-version', 'content-type'];
const RESPONSE_HEADERS = [...REQUEST_HEADERS, 'retry-after'];

/** Changes an exchange before it is written, or compared. */
export type Redact = (exchange: Exchange) => Exchange;

/** What stands in the place of a request id. */
export const NO_REQUEST_ID = 'req_redacted';

/**
 * Redacted text is not redacted any further, so that what is asked in a replay is compared in the same form.
 */
const PATTERNS: Patterns = [
  [/sk-ant-[\w-]+/g, 'sk-ant-redacted'],
  // Words that merely follow "bearer" have no digits and are shorter.
  [/\b(bearer)\s+(?:(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}|[\w.~+/=-]{20,})/gi, '$1 redacted'],
];
/** Messages of errors name the organisation and the request. */
const PATTERNS_IN_ERRORS: Patterns = [
  [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, '00000000-0000-0000-0000-000000000000'],
  [/\breq_\w+/g, NO_REQUEST_ID],
];
/** Shorter ones, such as `none`, are words. */
const SHORTEST_SECRET = 8;

type Headers = ExchangeRequest['headers'];

/** Takes the secrets out. `known` are the credentials with which the request was sent. */
export function redactExchange({ request, response, ...rest }: Exchange, known: readonly string[]): Exchange {
  return {
    ...rest,
    request: redactRequest(request, known),
    response: {
      ...response,
      headers: kept(response.headers, RESPONSE_HEADERS),
      body: redactBody(response.body, patternsFor(known)),
    },
  };
}

/** The same for a request alone. */
export function redactRequest(request: ExchangeRequest, known: readonly string[] = []): ExchangeRequest {
  const patterns = patternsFor(known);
  const body = redactBody(request.body, patterns);
  return {
    method: request.method,
    path: replaced(request.path, patterns),
    headers: kept(request.headers, REQUEST_HEADERS),
    body: body.type === 'json' ? { type: 'json', json: withoutUserIds(body.json) } : body,
  };
}

/** The credentials of a request, wherever else they may stand. */
export function credentialsOf(headers: globalThis.Headers): string[] {
  return [headers.get('x-api-key'), headers.get('authorization')?.replace(/^\S+\s+/, '')].filter(
    (value) => value !== null && value !== undefined && value.length >= SHORTEST_SECRET,
  ) as string[];
}

function patternsFor(known: readonly string[]): Patterns {
  const literal = (secret: string) => new RegExp(secret.replace(/[^\w]/g, '\\$&'), 'g');
  return [...PATTERNS, ...known.map((secret) => [literal(secret), 'redacted'] as const)];
}

const replaced = (text: string, patterns: Patterns) =>
  patterns.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);

function kept(headers: Headers, names: readonly string[]): Headers {
  const entries = names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]));
  const some: Record<string, string> = Object.fromEntries(entries);
  // The boundary is another one each time.
  if (some['content-type']?.startsWith('multipart/')) some['content-type'] = 'multipart/form-data';
  return some;
}

function redactBody(body: ExchangeBody, patterns: Patterns): ExchangeBody {
  if (body.type === 'json') return { type: 'json', json: redactValue(body.json, patterns) };
  if (body.type === 'text')
    return { ...body, text: redactLines(replaceSplit(body.text, patterns), patterns) };
  if (body.type === 'multipart')
    return redactValue(body, patterns) as Extract<ExchangeBody, { type: 'multipart' }>;
  return body;
}

/**
 * Line by line, as events and JSON lines are written: a line with JSON in it is redacted
 * value by value, so that it stays JSON, and one in which nothing was found is not touched.
 */
function redactLines(text: string, patterns: Patterns): string {
  return text.replace(/^(data: ?)?([^\r\n]+)/gm, (line, prefix: string | undefined, content: string) => {
    if (!/^\s*[{["]/.test(content)) return replaced(line, patterns);
    let value: unknown;
    try {
      value = JSON.parse(content);
    } catch {
      return replaced(line, patterns);
    }
    const redacted = redactValue(value, patterns);
    return redacted === value ? line : `${prefix ?? ''}${JSON.stringify(redacted)}`;
  });
}

/** Gives the value itself where nothing was found in it. */
function redactValue(value: unknown, patterns: Patterns): unknown {
  if (typeof value === 'string') return replaced(value, patterns);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => redactValue(item, patterns));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const isError = (value as { readonly type?: unknown }).type === 'error';
  const inside = isError ? [...patterns, ...PATTERNS_IN_ERRORS] : patterns;
  let isChanged = false;
  const entries = Object.entries(value).map(([key, child]) => {
    const isRequestId = key === 'request_id' && typeof child === 'string' && child.startsWith('req_');
    const name = replaced(key, patterns);
    const redacted = isRequestId ? NO_REQUEST_ID : redactValue(child, inside);
    isChanged ||= name !== key || redacted !== child;
    return [name, redacted];
  });
  return isChanged ? Object.fromEntries(entries) : value;
}

/** `metadata.user_id` of a message, and of each one in a batch. */
function withoutUserIds(body: unknown): unknown {
  if (!isRecord(body)) return body;
  const { metadata, requests } = body;
  return {
    ...body,
    ...(isRecord(metadata) && typeof metadata['user_id'] === 'string'
      ? { metadata: { ...metadata, user_id: 'redacted' } }
      : {}),
    ...(Array.isArray(requests)
      ? {
          requests: requests.map((one) =>
            isRecord(one) && 'params' in one ? { ...one, params: withoutUserIds(one['params']) } : one,
          ),
        }
      : {}),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
