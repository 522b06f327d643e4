/** A field of a call's input that holds source text. */
export type SourceField = 'code' | 'command' | 'file_text' | 'old_str' | 'new_str';

const SOURCE_FIELDS: Readonly<Record<string, readonly SourceField[]>> = {
  code_execution: ['code'],
  bash_code_execution: ['command'],
  // Here `command` is the name of the action, not a source.
  text_editor_code_execution: ['file_text', 'old_str', 'new_str'],
};

/** The fields of a tool's input that hold source text; for a tool of a later version, every field known today. */
export function sourceFieldsOf(toolName: string): readonly SourceField[] {
  return SOURCE_FIELDS[toolName] ?? ['code', 'command', 'file_text', 'old_str', 'new_str'];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const isHighSurrogate = (code: number) => code >= 0xd800 && code <= 0xdbff;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** What the decoder is inside of. */
type Place = 'structure' | 'key' | 'source' | 'other-string';

/**
 * Turns the JSON fragments of a call's input into the source text they spell, while they arrive.
 *
 * Fragments may be cut anywhere: inside a key, an escape or a surrogate pair. Each character is looked at once and
 * nothing is kept but the escape, key or half pair that the cut divided, so time is linear and memory constant.
 * Strings below the top level and other fields are passed over. Joined texts of a field equal its final value
 * (for an object that names a key twice, which `JSON.parse` resolves to the last, they hold both).
 *
 * `onText` is called at most once per field and fragment, and never with an empty text.
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
    const { length } = fragment;
    let decoded = '';
    let from = start;
    let position = start;
    while (position < length) {
      const code = fragment.charCodeAt(position);
      if (code === QUOTE) {
        this.#leaveString(decoded + fragment.slice(from, position));
        return position + 1;
      }
      if (code !== BACKSLASH) {
        position++;
        continue;
      }
      decoded += fragment.slice(from, position);
      const end = position + (fragment[position + 1] === 'u' ? 6 : 2);
      if (end > length) {
        this.#cutEscape = fragment.slice(position);
        from = length;
        break;
      }
      decoded += decodeEscape(fragment, position, end);
      position = end;
      from = end;
    }
    const read = decoded + fragment.slice(from);
    if (this.#place === 'source') this.#handOut(read, false);
    else if (this.#place === 'key') this.#key += read;
    return length;
  }

  #leaveString(rest: string): void {
    if (this.#place === 'source') this.#handOut(rest, true);
    else if (this.#place === 'key') this.#key += rest;
    this.#place = 'structure';
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

function decodeEscape(fragment: string, start: number, end: number): string {
  const simple = end - start === 2 ? ESCAPES[fragment[start + 1] as string] : undefined;
  if (simple !== undefined) return simple;
  // An escape that JSON does not have stands for its character: the model may write anything.
  if (end - start === 2) return fragment[start + 1] as string;
  return String.fromCharCode(Number.parseInt(fragment.slice(start + 2, end), 16));
}
