/** Names that Windows keeps for devices, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/i;
/**
 * Separators, what Windows forbids, control characters, half
 * surrogate pairs, and characters that turn the reading order around.
 */
const FORBIDDEN = /[<>:"|?*\\/\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
/** Longest name that common file systems hold, in bytes of UTF-8. */
const MAX_BYTES = 255;
/** Of a longer name only the beginning and the end are looked at, half as much of each: it is cut anyway. */
const MAX_READ = 1024;

/**
 * A file name that is safe to create in a folder, made from one that a model
 * chose: no separators, no `..`, nothing that a file system or a terminal would
 * take for more than a name. `fallback` stands in for a name with nothing left.
 */
export function safeName(name: string, fallback: string): string {
  const usable = fitting(name) || fitting(fallback) || 'file';
  return RESERVED.test(usable) ? fitToBytes(`_${usable}`, '') : usable;
}

/** Cleaned once more after the cut, which may end it with blanks, or leave nothing but them. */
function fitting(name: string): string {
  const read = name.length > MAX_READ ? name.slice(0, MAX_READ / 2) + name.slice(-MAX_READ / 2) : name;
  return clean(fitToBytes(clean(read), ''));
}

/** The name without what is not safe in it; empty when nothing is left. */
function clean(name: string): string {
  return withoutTail(name.normalize('NFC').replace(FORBIDDEN, '_')).trimStart();
}

/** Without dots and blanks at its end, which Windows drops. A regex would look at each run of them again. */
function withoutTail(name: string): string {
  let end = name.length;
  while (end > 0 && /[.\s]/.test(name.charAt(end - 1))) end--;
  return name.slice(0, end);
}

/** `report.csv` as `report (2).csv`: the name with a number before its extension, within the length. */
export function numberedName(name: string, number: number): string {
  return fitToBytes(name, ` (${number})`);
}

/** What a file system that ignores case and Unicode form would take for the same name. */
export function nameKey(name: string): string {
  const visible = name.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '') || name;
  // Lower case makes ẞ a ß, and upper case that an SS, and ſ an S.
  return visible.toLowerCase().toUpperCase().normalize('NFKC');
}

/** Gives names out, each once. */
export class Names {
  readonly #taken: Set<string>;
  /** The next number to try, so that a thousand files of one name do not try each number a thousand times. */
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(Array.from(taken, nameKey));
  }

  has(name: string): boolean {
    return this.#taken.has(nameKey(name));
  }

  /** The name, or `report (2).csv` where `report.csv` is taken, in any case and Unicode form. */
  claim(wanted: string): string {
    const key = nameKey(wanted);
    for (let number = this.#next.get(key) ?? 1; ; number++) {
      const name = number === 1 ? wanted : numberedName(wanted, number);
      if (this.has(name)) continue;
      this.#taken.add(nameKey(name));
      this.#next.set(key, number + 1);
      return name;
    }
  }
}

function fitToBytes(name: string, suffix: string): string {
  const dot = name.lastIndexOf('.');
  const hasExtension = dot > 0 && name.length - dot <= 20;
  const stem = hasExtension ? name.slice(0, dot) : name;
  const tail = suffix + (hasExtension ? name.slice(dot) : '');
  return cutToBytes(stem, MAX_BYTES - byteLength(tail)) + tail;
}

/** As many whole characters as fit. */
function cutToBytes(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return read === text.length ? text : withoutTail(text.slice(0, read));
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
