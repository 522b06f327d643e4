import type { ExchangeRequest } from './exchange.ts';
import { isListParameter, isSecretName, isSecretParameter } from './secret-names.ts';
import { looksLikeToken, looksRandom, tokensIn, withoutName } from './tokens.ts';

/** What any client sends. Any other header may be a gateway's, which has a name of its own for its key. */
const HARMLESS =
  /^(?:accept(?:-.*)?|anthropic-(?:beta|version|dangerous-direct-browser-access)|connection|content-.*|date|host|idempotency-key|transfer-encoding|user-agent|x-stainless-.*)$/i;

/** The headers of a request or a response. */
export type Headers = ExchangeRequest['headers'];

/** The credentials with which a request was sent, wherever else they may stand. */
export function credentialsOf({ path, headers }: ExchangeRequest, url: string | undefined): string[] {
  const query = new URLSearchParams(path.split('?', 2)[1]);
  const others = Object.entries(headers).filter(([name]) => !HARMLESS.test(name));
  return [
    ...credentialsIn(headers),
    ...others.flatMap(([name, value]) => [...tokensIn(value), ...[value].filter(() => isKey(name, value))]),
    ...[...query].flatMap(([name, value]) =>
      isSecretParameter(name) || (!isListParameter(name) && looksLikeToken(value)) ? [value] : [],
    ),
    ...(url === undefined ? [] : credentialsInBase(new URL(url))),
  ];
}

/** A key may be of words and few digits. One to a cache may be the name of a model. */
const isKey = (name: string, value: string) =>
  /key$/i.test(name) && looksRandom(value) && !/\bclaude-|\s/.test(value);

/** Those of headers with a secret's name. */
export function credentialsIn(headers: Headers): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!isSecretName(name) && !/auth$/i.test(name)) return [];
    if (/cookie/i.test(name)) {
      return value.split(/[;,]/).flatMap((one) => [one.slice(one.indexOf('=') + 1)].filter(looksRandom));
    }
    return credentialIn(value);
  });
}

/** The value of a header or a field without its scheme, such as `Bearer`, or its name, as in a cookie. */
export function credentialIn(value: string): string[] {
  const [, scheme = '', credential = value] = /^(\S+)\s+(.+)$/.exec(value) ?? [];
  if (!/^basic$/i.test(scheme)) return [credential, withoutName(credential)];
  const plain = Buffer.from(credential, 'base64').toString();
  return [credential, plain, plain.slice(plain.indexOf(':') + 1)];
}

/** Those of the client's `baseURL`: its user, and what looks like a key in its host and its path. */
function credentialsInBase({ username, password, hostname, pathname }: URL): string[] {
  const at = pathname.lastIndexOf('/v1/');
  const base = at < 0 ? pathname : pathname.slice(0, at);
  return [username, password, ...[...hostname.split('.'), ...base.split('/')].filter(looksLikeToken)];
}
