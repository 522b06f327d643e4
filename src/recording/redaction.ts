import { credentialIn, credentialsIn, credentialsOf, type Headers } from './credentials.ts';
import { type DecodedText, decoded, type Range } from './decoded-text.ts';
import type { Exchange, ExchangeRequest } from './exchange.ts';
import { KnownSecrets } from './known-secrets.ts';
import {
  type Chain,
  type Cut,
  chainsOf,
  cut,
  joinedText,
  type Pieces,
  readPieces,
  SERVER,
} from './pieces.ts';
import { isSecretName, isSecretParameter, REDACTED, redactedPath } from './secret-names.ts';
import { looksLikeToken, looksRandom, placesInUrl } from './tokens.ts';

const REQUEST_HEADERS = ['anthropic-beta', 'anthropic-version', 'content-type'];
const RESPONSE_HEADERS = [...REQUEST_HEADERS, 'retry-after'];

/** Changes an exchange before it is written, or compared. */
export type Redact = (exchange: Exchange) => Exchange;

/** What stands in the place of a request id. */
export const NO_REQUEST_ID = 'req_redacted';

/**
 * What is looked for, with its secret in the first group, and what stands in that one's place. Redacted
 * text is not redacted any further, so that what is asked in a replay is compared in the same form.
 */
type Shapes = readonly (readonly [RegExp, string])[];

/** A key may go on in the next line, where that looks like nothing else. */
const KEY = /sk-ant-([\w-]+(?:[ \t\r]*\n[ \t]*(?=[\w-]*\d)[\w-]{16,})*)/dg;
/** And so in another block. */
const REST_OF_KEY = /^(?=[\w-]*\d)[\w-]{8,}/;
const SHAPES: Shapes = [
  [KEY, REDACTED],
  // Words that merely follow "bearer" have no digits and are shorter.
  [/\bbearer\s+((?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}|[\w.~+/=-]{20,})/dgi, REDACTED],
  // The user and the password of a URL.
  [/:\/\/([^\s/@:"']*:[^\s/@"']+)@/dg, REDACTED],
];
/** Messages of errors name the organisation and the request. */
const SHAPES_IN_ERRORS: Shapes = [
  [
    /\b([\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12})\b/dgi,
    '00000000-0000-0000-0000-000000000000',
  ],
  [/\b(req_\w+)/dg, NO_REQUEST_ID],
];
const PARAMETER = /[?&]([\w.%-]+)=([^&#\s"'<>\\]+)/dg;
/** A field of a JSON text, which may be cut off, or stand within a text of it: its name and its value. */
const FIELDS = [
  /"([\w-]+)"\s*:\s*"((?:[^"\\]|\\[\s\S])*)/dg,
  /\\"([\w-]+)\\"\s*:\s*\\"((?:[^"\\]|\\[^"])*)/dg,
];

/** An exchange without its secrets, and those that were looked for in it. */
export interface Redacted {
  readonly exchange: Exchange;
  readonly secrets: KnownSecrets;
}

/** Takes the secrets out of an exchange as it was sent to `url`, and received. */
export function redactExchange({ request, response, ...rest }: Exchange, url?: string): Redacted {
  const headers = kept(response.headers, RESPONSE_HEADERS);
  const asked = readPieces(publicPart(request));
  const answered = readPieces({ ...response, headers });
  const secrets = new KnownSecrets([
    ...credentialsOf(request, url),
    ...credentialsIn(response.headers),
    ...[asked, answered].flatMap(({ strands }) => strands.flatMap(secretsIn)),
  ]);
  const [safe, answer] = [asked, answered].map((read) => withoutSecrets(read, secrets)) as [
    ExchangeRequest,
    Exchange['response'],
  ];
  return { exchange: { ...rest, request: safe, response: answer }, secrets };
}

/** The same for a request alone. */
export function redactRequest(request: ExchangeRequest, url?: string): ExchangeRequest {
  const read = readPieces(publicPart(request));
  const secrets = new KnownSecrets([...credentialsOf(request, url), ...read.strands.flatMap(secretsIn)]);
  return withoutSecrets(read, secrets) as ExchangeRequest;
}

/** Whether any of these secrets stands in what is to be written: in its text, or in its texts joined. */
export function holdsSecret({ request, response }: Exchange, text: string, secrets: KnownSecrets): boolean {
  const chains = [request, response].flatMap((one) => chainsOf(readPieces(one).pieces));
  return [text, ...chains.map(joinedText)].some((one) => secrets.find(one).length > 0);
}

/** The request without what no fixture needs. */
function publicPart({ method, path, headers, body }: ExchangeRequest): ExchangeRequest {
  return {
    method,
    path: redactedPath(path),
    headers: kept(headers, REQUEST_HEADERS),
    body: body.type === 'json' ? { type: 'json', json: withoutUserIds(body.json) } : body,
  };
}

/** The values of secret fields and parameters in a text, which may stand elsewhere, too. */
function secretsIn(strand: Chain): string[] {
  const source = joinedText(strand);
  const textOf = ({ from, to }: Range) => source.slice(from, to);
  return [
    ...strand.filter(({ place }) => place.isSecret).flatMap(({ source: value }) => credentialIn(value)),
    ...fieldCuts(source).map(textOf),
    ...[...parameterCuts(source), ...serverCuts(source, strand)]
      .flatMap((place) => [textOf(place), ...textOf(place).split(':')])
      .filter((value) => looksRandom(value) || looksLikeToken(value)),
  ];
}

function withoutSecrets({ pieces, strands, write }: Pieces, secrets: KnownSecrets): unknown {
  for (const strand of strands) {
    const source = joinedText(strand);
    const view = decoded(source);
    const shapes = strand[0]?.place.isInError ? [...SHAPES, ...SHAPES_IN_ERRORS] : SHAPES;
    for (const shape of shapes) cut(strand, shapeCuts(view, shape));
    cut(strand, fieldCuts(source));
    cut(strand, parameterCuts(source));
    cut(strand, serverCuts(source, strand));
    cut(strand, redactedRanges([secrets.findAtEnd(source)]));
    for (const piece of strand) {
      if (piece.place.name === 'request_id' && piece.source.startsWith('req_')) {
        cut([piece], [{ from: 0, to: piece.source.length, text: NO_REQUEST_ID }]);
      }
    }
  }
  for (const chain of chainsOf(pieces)) {
    const source = joinedText(chain);
    cut(chain, redactedRanges(secrets.find(source)));
    cut(chain, shapeCuts(decoded(source), [KEY, REDACTED]), (part, piece, first) => {
      return piece.strand === first.strand || REST_OF_KEY.test(part);
    });
  }
  return write();
}

function shapeCuts(view: DecodedText, [pattern, text]: Shapes[number]): Cut[] {
  return [...view.text.matchAll(pattern)].map(({ indices }) => {
    const [from, to] = indices?.[1] ?? [0, 0];
    return { ...view.placeOf(from, to), text };
  });
}

/** Values of fields in a text that is JSON from its first character on, such as the input of a call. */
function fieldCuts(source: string): Cut[] {
  if (!/^\s*[{[]/.test(source)) return [];
  const cuts = FIELDS.flatMap((pattern) => namedCuts(source, pattern, isSecretName));
  return cuts.toSorted((one, other) => one.from - other.from);
}

const parameterCuts = (source: string) => namedCuts(source, PARAMETER, isSecretParameter);

function namedCuts(source: string, pattern: RegExp, isSecret: (name: string) => boolean): Cut[] {
  return [...source.matchAll(pattern)].flatMap(({ 1: name = '', indices }) => {
    const [from, to] = indices?.[2] ?? [0, 0];
    return isSecret(name) ? [{ from, to, text: REDACTED }] : [];
  });
}

/** What stands in the URL of an MCP server, which gets its key there. */
function serverCuts(source: string, [piece]: Chain): Cut[] {
  return piece?.place.name === 'url' && piece.place.parent === SERVER
    ? redactedRanges(placesInUrl(source))
    : [];
}

const redactedRanges = (ranges: readonly (Range | undefined)[]): Cut[] =>
  ranges.flatMap((range) => (range ? [{ ...range, text: REDACTED }] : []));

function kept(headers: Headers, names: readonly string[]): Headers {
  const entries = names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]));
  const some: Record<string, string> = Object.fromEntries(entries);
  // The boundary is another one each time.
  if (some['content-type']?.startsWith('multipart/')) some['content-type'] = 'multipart/form-data';
  return some;
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
