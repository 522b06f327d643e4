import { compacted, type Range } from './decoded-text.ts';
import { REDACTED } from './secret-names.ts';

/** Shorter ones, such as `none`, are words. */
const SHORTEST = 8;
/** So many characters of a secret in a row are taken out wherever they stand. */
const WINDOW = 12;
/** What any key of a kind begins with, such as `sk-ant-api03-`. */
const PUBLIC_PREFIX = /^sk-(?:[a-z]{2,12}-)?(?:[a-z]{2,12}\d\d-)?/i;
/** Longer than what `WINDOW` characters take in any form. */
const TAIL = 600;
const SLOTS = 1 << 20;

/**
 * Secrets whose values are known, to be found in any form: plain, with escapes of any kind, in base64
 * at any offset, in hex. All windows of all forms stand in one set, so that the time of a search grows
 * with the text alone, however many secrets there are.
 */
export class KnownSecrets {
  /** By length. */
  readonly #windows = new Map<number, Set<string>>();
  /** The beginnings of secrets that are shorter than a window. */
  readonly #starts = new Set<string>();
  /** Whether some window has this hash: nearly all places of a text are passed by it. */
  readonly #hashes = new Uint8Array(SLOTS);

  constructor(secrets: Iterable<string>) {
    for (const { text, perCharacter } of [...new Set(secrets)].flatMap(formsOf)) {
      const form = compacted(text).text;
      if (form.length >= SHORTEST) this.#add(form, WINDOW * perCharacter);
    }
  }

  #add(form: string, longest: number): void {
    const length = Math.min(form.length, longest);
    const windows = this.#windows.get(length) ?? new Set();
    this.#windows.set(length, windows);
    for (let at = 0; at + length <= form.length; at++) {
      const window = form.slice(at, at + length);
      windows.add(window);
      eachWindow(window, length, (_, hash) => {
        this.#hashes[hash] = 1;
      });
    }
    for (let end = SHORTEST; end < length; end++) this.#starts.add(form.slice(0, end));
  }

  /** Where parts of secrets stand in a text, in order and apart from each other. */
  find(source: string): Range[] {
    if (this.#windows.size === 0) return [];
    const { text, placeOf } = compacted(source);
    const found = [...this.#windows].flatMap(([length, windows]) => {
      const places: Range[] = [];
      eachWindow(text, length, (from, hash) => {
        if (this.#hashes[hash] === 0 || !windows.has(text.slice(from, from + length))) return;
        places.push({ from, to: from + length });
      });
      return places;
    });
    return merged(found).map((range) => placeOf(range.from, range.to));
  }

  /** Where a secret begins that is cut off by the end of a text. */
  findAtEnd(source: string): Range | undefined {
    const before = Math.max(0, source.length - TAIL);
    const { text, placeOf } = compacted(source.slice(before));
    for (let length = 2 * WINDOW - 1; length >= SHORTEST; length--) {
      if (!this.#starts.has(text.slice(-length))) continue;
      const { from } = placeOf(text.length - length, text.length);
      return { from: before + from, to: source.length };
    }
    return undefined;
  }
}

function merged(ranges: readonly Range[]): Range[] {
  const apart: { from: number; to: number }[] = [];
  for (const range of ranges.toSorted((one, other) => one.from - other.from)) {
    const last = apart.at(-1);
    if (last && range.from <= last.to) last.to = Math.max(last.to, range.to);
    else apart.push({ ...range });
  }
  return apart;
}

const FACTOR = 16_777_619;

/** The place and the hash of each window of a text, each hash made from the one before. */
function eachWindow(text: string, length: number, see: (from: number, hash: number) => void): void {
  let power = 1;
  for (let i = 0; i < length; i++) power = Math.imul(power, FACTOR);
  let hash = 0;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash, FACTOR) + text.charCodeAt(i);
    if (i >= length) hash -= Math.imul(power, text.charCodeAt(i - length));
    hash |= 0;
    if (i >= length - 1) see(i - length + 1, (hash ^ (hash >>> 15)) & (SLOTS - 1));
  }
}

interface Form {
  readonly text: string;
  /** How many characters stand for one of the secret. */
  readonly perCharacter: number;
}

/** How a secret may be written, but for its public prefix. */
function formsOf(secret: string): Form[] {
  if (secret.replace(PUBLIC_PREFIX, '') === REDACTED) return [];
  const own = secret.replace(PUBLIC_PREFIX, '');
  const whole = own.length >= SHORTEST ? own : secret;
  if (whole.length < SHORTEST) return [];
  const bytes = Buffer.from(whole);
  return [
    ...[whole, bytes.toString('latin1')].map((text) => ({ text, perCharacter: 1 })),
    { text: bytes.toString('hex'), perCharacter: 2 },
    ...[0, 1, 2].map((offset) => ({ text: base64At(offset, bytes), perCharacter: 4 / 3 })),
  ];
}

/** The base64 of what has so many bytes before it, without the characters that its neighbours are part of. */
function base64At(offset: number, bytes: Uint8Array): string {
  const all = Buffer.concat([new Uint8Array(offset), bytes]);
  const text = all.toString('base64').replace(/=+$/, '');
  return text.slice(offset === 0 ? 0 : offset + 1, all.length % 3 === 0 ? undefined : -1);
}
