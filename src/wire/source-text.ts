import { parseJson } from './partial-json.ts';

/** A field of a call's input that holds source text. */
export type SourceField = 'code' | 'command' | 'file_text' | 'old_str' | 'new_str';

const SOURCE_FIELDS: Readonly<Record<string, readonly SourceField[]>> = {
  code_execution: ['code'],
  bash_code_execution: ['command'],
  // Here `command` is the name of the action, not a source.
  text_editor_code_execution: ['file_text', 'old_str', 'new_str'],
};

/**
 * The fields of a tool's input that hold source text; for a tool of a later version, every field known today.
 */
export function sourceFieldsOf(toolName: string): readonly SourceField[] {
  return SOURCE_FIELDS[toolName] ?? ['code', 'command', 'file_text', 'old_str', 'new_str'];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/**
 * What a JSON string holds up to its closing quote, or to an escape that is not whole.
 * Always matches; a thousand escapes at once, since engines keep a note of each repetition.
 */
const STRING_CONTENT = /[^"\\]*(?:\\(?:u[\s\S]{4}|[^u])[^"\\]*){0,1000}/y;
const isHighSurrogate = (code: number) => code >= 0xd800 && code <= 0xdbff;

/** Escapes whose letter is not the character. */
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** What the decoder is inside of. */
type Place = 'structure' | 'key' | 'source' | 'other-string';

/**
 * Turns the JSON fragments of a call's input into the source text they spell, while they arrive.
 *
 * Fragments may be cut anywhere: inside a key, an escape or a surrogate pair. Each
 * character is looked at once and nothing is kept but the escape, key or half pair that
 * the cut divided, so time is linear and memory constant. Strings below the top level and
 * other fields are passed over. Joined texts of a field equal its final value (for an
 * object that names a key twice, which `JSON.parse` resolves to the last, they hold both).
 *
 * `onText` is never called with an empty text.
 */
export class SourceTextDecoder {
  readonly #fields: readonly string[];
  readonly #onText: (field: SourceField, text: string) => void;
  #place: Place = 'structure';
  #depth = 0;
  #expectsKey = false;
  /** The key being read; afterwards the key whose value comes. */
  #key = '';
  /** An escape that a fragment's end divided, from its backslash on. */
  #cutEscape = '';
  /** Half a surrogate pair that waits for its other half. */
  #half = '';
  /** Whether any fragment came; the API sends none for inputs that a block carries whole. */
  wasFed = false;

  constructor(fields: readonly SourceField[], onText: (field: SourceField, text: string) => void) {
    this.#fields = fields;
    this.#onText = onText;
  }

  /** Takes the next fragment. */
  write(fragment: string): void {
    if (fragment === '') return;
    this.wasFed = true;
    const text = this.#cutEscape === '' ? fragment : this.#cutEscape + fragment;
    this.#cutEscape = '';
    let position = 0;
    while (position < text.length) {
      position =
        this.#place === 'structure' ? this.#readStructure(text, position) : this.#readString(text, position);
    }
  }

  /** Hands out what a cut left waiting. */
  end(): void {
    if (this.#half !== '') this.#handOut('', true);
  }

  #readStructure(fragment: string, start: number): number {
    for (let position = start; position < fragment.length; position++) {
      switch (fragment[position]) {
        case '{':
        case '[':
          this.#depth++;
          this.#expectsKey = this.#depth === 1;
          break;
        case '}':
        case ']':
          this.#depth--;
          break;
        case ',':
          this.#expectsKey = this.#depth === 1;
          break;
        case ':':
          this.#expectsKey = false;
          break;
        case '"':
          this.#enterString();
          return position + 1;
      }
    }
    return fragment.length;
  }

  #enterString(): void {
    if (this.#depth === 1 && this.#expectsKey) {
      this.#place = 'key';
      this.#key = '';
    } else {
      this.#place = this.#depth === 1 && this.#fields.includes(this.#key) ? 'source' : 'other-string';
    }
  }

  /** Reads up to the string's end, or the fragment's. */
  #readString(fragment: string, start: number): number {
    // Most fragments lie within one string, and are read at once.
    const end = start === 0 && this.#place === 'source' ? endOfEscapes(fragment) : 0;
    const content = end > 0 ? wholeContent(fragment.slice(0, end)) : undefined;
    if (content !== undefined) {
      this.#cutEscape = fragment.slice(end);
      this.#handOut(content, false);
      return fragment.length;
    }
    let close = start;
    for (let next = -1; next !== close; ) {
      next = close;
      STRING_CONTENT.lastIndex = close;
      STRING_CONTENT.test(fragment);
      close = STRING_CONTENT.lastIndex;
    }
    const isWhole = fragment.charCodeAt(close) === QUOTE;
    if (this.#place !== 'other-string') {
      const written = fragment.slice(start, close);
      const read = written.includes('\\') ? decodeEscapes(written) : written;
      if (this.#place === 'source') this.#handOut(read, isWhole);
      else this.#key += read;
    }
    if (isWhole) {
      this.#place = 'structure';
      return close + 1;
    }
    this.#cutEscape = fragment.slice(close);
    return fragment.length;
  }

  #handOut(read: string, isEnd: boolean): void {
    let text = this.#half === '' ? read : this.#half + read;
    this.#half = '';
    if (!isEnd && isHighSurrogate(text.charCodeAt(text.length - 1))) {
      this.#half = text.slice(-1);
      text = text.slice(0, -1);
    }
    if (text !== '') this.#onText(this.#key as SourceField, text);
  }
}

/** The sources that can be read out of an input that is no JSON, as its fragments gave them. */
export function sourcesIn(toolName: string, input: string): Record<string, string> {
  const sources: Record<string, string> = {};
  const decoder = new SourceTextDecoder(sourceFieldsOf(toolName), (field, text) => {
    sources[field] = (sources[field] ?? '') + text;
  });
  decoder.write(input);
  decoder.end();
  return sources;
}

/** Where the last whole character of a fragment ends: before an escape that its end divides. */
function endOfEscapes(fragment: string): number {
  const { length } = fragment;
  const last = fragment.lastIndexOf('\\');
  if (last === -1 || last < length - 5) return length;
  // A backslash before it may make it one of its own: that takes a closer look.
  if (fragment.charCodeAt(last - 1) === BACKSLASH) return last === length - 1 ? 0 : length;
  const whole = fragment.charAt(last + 1) === 'u' ? 6 : 2;
  return last + whole > length ? last : length;
}

/** What a fragment spells that lies within one string; else `undefined`. */
function wholeContent(fragment: string): string | undefined {
  if (!fragment.includes('\\')) return fragment.includes('"') ? undefined : fragment;
  return parseJson(`"${fragment}"`) as string | undefined;
}

function decodeEscapes(written: string): string {
  try {
    return JSON.parse(`"${written}"`);
  } catch {
    // An escape that JSON does not have stands for its character: the model may write anything.
    return written.replace(/\\(u[0-9a-fA-F]{4}|[\s\S])/g, (_, code: string) =>
      code.length === 5 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
    );
  }
}
