import type { Range } from './decoded-text.ts';

/** A value that is a word, such as `production`, would be found all over an exchange. */
export const looksRandom = (value: string) => value.length >= 8 && /\d/.test(value) && /[a-z]/i.test(value);

const LONGEST_WORD = 24;
/** `us`, `Gateway`, `getUserName`, `API`, `v2`, `20260120`: what names, versions and dates are made of. */
const WORD = /^(?:[A-Z]+|[A-Z]{0,6}[a-z]*(?:[A-Z][a-z]{2,})*\d{0,4}|v?\d{1,9})$/;

/** The runs of letters and digits of a value that are no words. */
const oddParts = (value: string) =>
  value.split(/[^a-z\d]+/i).filter((part) => part.length > LONGEST_WORD || !WORD.test(part));

/** Capitals, small letters and digits in one value: names are seldom written so. */
const isMixed = (value: string) => /[A-Z]/.test(value) && /[a-z]/.test(value) && /\d/.test(value);

/**
 * Whether a value is no name but looks like a key: a long run that is no word, several short ones, or any
 * in a long value of all kinds of letters. Names of models, versions, dates and media types do not; a key
 * of words alone is not told from a name.
 */
export function looksLikeToken(value: string): boolean {
  const lengths = oddParts(value).map(({ length }) => length);
  const sum = lengths.reduce((all, length) => all + length, 0);
  return (
    lengths.some((length) => length >= 8) || sum >= 12 || (sum > 0 && value.length >= 16 && isMixed(value))
  );
}

/** What comes after a name, as in `session=…`. */
export const withoutName = (value: string) => value.replace(/^[\w.-]+=(?!=*$)/, '');

/** The parts of a value with structure, such as JSON or `name=value; …`, that look like keys. */
export function tokensIn(value: string): string[] {
  const parts = value.split(/[\s,;"'{}[\]<>()|\\]+/);
  return parts.flatMap((part) => [part, withoutName(part)]).filter(looksLikeToken);
}

const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/(?:([^/?#]*)@)?([^/?#]*)/di;
const PLACES_IN_URL = /\/([^/?#]+)|[?&](?:[^=&#]*=)?([^&#]+)|#(.+)$/dg;

/**
 * Where the URL of a server may hold a key: user, query, fragment, and what in its host and its path is
 * no word. Much of a path is taken for a key, since nothing but this URL depends on it.
 */
export function placesInUrl(url: string): Range[] {
  const [whole = '', , host = ''] = AUTHORITY.exec(url) ?? [];
  const [user] = AUTHORITY.exec(url)?.indices?.slice(1) ?? [];
  const places = user ? [{ from: user[0], to: user[1] }] : [];
  for (const { 0: label, index } of host.matchAll(/[^.:]+/g)) {
    const from = whole.length - host.length + index;
    if (looksLikeToken(label)) places.push({ from, to: from + label.length });
  }
  for (const { 1: segment, indices = [] } of url.slice(whole.length).matchAll(PLACES_IN_URL)) {
    const [from, to] = indices.slice(1).find((place) => place !== undefined) ?? [0, 0];
    if (segment !== undefined && isPlain(segment)) continue;
    places.push({ from: whole.length + from, to: whole.length + to });
  }
  return places;
}

const isPlain = (segment: string) =>
  /^[\w.-]+$/.test(segment) && !/\d{6}/.test(segment) && oddParts(segment).length === 0;
