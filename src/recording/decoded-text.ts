/** A place in a text. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A text without its escapes, and where each of its characters stands in the source. */
export interface DecodedText {
  readonly text: string;
  /** The place in the source of what stands here from `from` to `to`. */
  placeOf(from: number, to: number): Range;
}

/**
 * Escapes of JSON, also of JSON within JSON, of code, of URLs, also twice, and of HTML.
 * An escape that is cut off by the end of the text stands for nothing.
 */
const ESCAPES =
  /\\+(?:u([\da-f]{4})|x([\da-f]{2})|([nrt])|u[\da-f]{0,3}$)?|%(?:25)*([\da-f]{2})|%[\da-f]?$|&#x0*([\da-f]{2});|&#0*(\d{2,3});/gi;
const ESCAPES_AND_SPACE = new RegExp(`${ESCAPES.source}|\\s+`, 'gi');

/** Escapes may be escaped in another way; deeper ones are not looked for. */
const DEEPEST = 4;

/** Reads a text as those do who decode it. */
export function decoded(source: string, pattern = ESCAPES): DecodedText {
  let view = decodedBy(pattern, source);
  for (let depth = 1; depth < DEEPEST; depth++) {
    const outer = view;
    const inner = decodedBy(pattern, outer.text);
    if (inner.text === outer.text) break;
    const placeOf = (from: number, to: number) => {
      const place = inner.placeOf(from, to);
      return outer.placeOf(place.from, place.to);
    };
    view = { text: inner.text, placeOf };
  }
  return view;
}

/**
 * The same without white space, and in one alphabet for base64 and base64url, capitals and
 * small letters. A secret in this form is found in any text in this form, however it is written.
 */
export function compacted(source: string): DecodedText {
  const { text, placeOf } = decoded(source, ESCAPES_AND_SPACE);
  return { text: oneAlphabet(text), placeOf };
}

function oneAlphabet(text: string): string {
  const small = text.toLowerCase();
  // A few capitals have two small letters, which would move all places.
  const same = small.length === text.length ? small : text.replace(/[A-Z]+/g, (some) => some.toLowerCase());
  return same.replaceAll('-', '+').replaceAll('_', '/');
}

function decodedBy(pattern: RegExp, source: string): DecodedText {
  /** Where each run begins, here and in the source; a width is that of one escaped character. */
  const runs: { readonly at: number; readonly source: number; readonly width: number | null }[] = [];
  const texts: string[] = [];
  let at = 0;
  const add = (text: string, from: number, width: number | null) => {
    if (text === '') return;
    runs.push({ at, source: from, width });
    texts.push(text);
    at += text.length;
  };
  let from = 0;
  for (const match of source.matchAll(pattern)) {
    add(source.slice(from, match.index), from, null);
    const character = characterOf(match);
    const isSkipped = pattern === ESCAPES_AND_SPACE && /\s/.test(character);
    add(isSkipped ? '' : character, match.index, match[0].length);
    from = match.index + match[0].length;
  }
  add(source.slice(from), from, null);

  function runAt(place: number) {
    let [low, high] = [0, runs.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((runs[middle]?.at ?? 0) <= place) low = middle;
      else high = middle - 1;
    }
    return runs[low] ?? { at: 0, source: 0, width: null };
  }
  return {
    text: texts.join(''),
    placeOf(start, end) {
      const [first, last] = [runAt(start), runAt(end - 1)];
      return {
        from: first.source + (first.width === null ? start - first.at : 0),
        to: last.source + (last.width ?? end - last.at),
      };
    },
  };
}

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function characterOf([, unicode, byte, control, percent, hex, decimal]: RegExpMatchArray): string {
  if (control !== undefined) return CONTROLS[control.toLowerCase()] ?? '';
  const code = unicode ?? byte ?? percent ?? hex;
  if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
  return decimal === undefined ? '' : String.fromCharCode(Number(decimal));
}
