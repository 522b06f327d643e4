const WORDS = new Set(['true', 'false', 'null']);

/**
 * Reads JSON that was cut, as the input of a call is when `max_tokens` ends a response inside it.
 *
 * The last, unfinished token is dropped and open brackets are closed, which is what the
 * SDK's `finalMessage()` does. With `keepCutString` a string value that was cut keeps what
 * was written of it. Returns `undefined` for text that is not the beginning of a JSON value.
 */
export function parsePartialJson(text: string, options: { readonly keepCutString: boolean }): unknown {
  const closers: string[] = [];
  let expectKey = false;
  // Up to where the text can be kept: each bracket moves it,
  // so that the brackets open at the end are those open there.
  let safeEnd = 0;
  let cutString = '';
  let position = 0;

  while (position < text.length) {
    const char = text[position] as string;
    if (char === '"') {
      const string = scanString(text, position);
      const isValue = !(expectKey && closers.at(-1) === '}');
      if (!string.closed) {
        if (options.keepCutString && isValue) {
          safeEnd = string.end;
          cutString = '"';
        }
        break;
      }
      position = string.end + 1;
      if (isValue) safeEnd = position;
      continue;
    }
    if (char === '{' || char === '[') {
      closers.push(char === '{' ? '}' : ']');
      expectKey = char === '{';
      safeEnd = ++position;
    } else if (char === '}' || char === ']') {
      closers.pop();
      expectKey = false;
      safeEnd = ++position;
    } else if (char === ',' || char === ':') {
      expectKey = char === ',';
      position++;
    } else if (/\s/.test(char)) {
      position++;
    } else {
      const literal = /[^\s,:[\]{}"]+/y;
      literal.lastIndex = position;
      const word = literal.exec(text)?.[0] ?? char;
      position += word.length;
      // At the end more digits may have followed; a word of JSON is whole.
      if (position < text.length || WORDS.has(word)) safeEnd = position;
    }
  }
  return parseJson(text.slice(0, safeEnd) + cutString + closers.reverse().join(''));
}

/**
 * Reads over the string that opens at `start`. `end` is where its closing quote stands or, where
 * there is none, where its last whole character ends, so that an escape that was cut is left out.
 */
function scanString(text: string, start: number): { readonly end: number; readonly closed: boolean } {
  let end = start + 1;
  while (end < text.length) {
    const char = text[end];
    if (char === '"') return { end, closed: true };
    const length = char !== '\\' ? 1 : text[end + 1] === 'u' ? 6 : 2;
    if (end + length > text.length) break;
    end += length;
  }
  return { end, closed: false };
}

/** `JSON.parse`, with `undefined` for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
