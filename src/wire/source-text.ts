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
  /** The key being read, still escaped; afterwards the key whose value comes. */
  #key = '';
  /** An escape that is not whole yet, from its backslash on. */
  #escape = '';
  /** Decoded text of this fragment, and a high surrogate that waits for its other half. */
  #text = '';

  constructor(fields: readonly SourceField[], onText: (field: SourceField, text: string) => void) {
    this.#fields = fields;
    this.#onText = onText;
  }

  /** Whether any fragment came; the API sends none for inputs that a block carries whole. */
  wasFed = false;

  /** Takes the next fragment. */
  write(fragment: string): void {
    if (fragment !== '') this.wasFed = true;
    let position = 0;
    while (position < fragment.length) {
      position =
        this.#place === 'structure'
          ? this.#readStructure(fragment, position)
          : this.#readString(fragment, position);
    }
    this.#flush(false);
  }

  /** Hands out what a cut left waiting: half a surrogate pair. */
  end(): void {
    this.#flush(true);
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

  #readString(fragment: string, start: number): number {
    if (this.#escape !== '') return this.#readEscape(fragment, start);
    let position = start;
    while (position < fragment.length) {
      const code = fragment.charCodeAt(position);
      if (code === QUOTE || code === BACKSLASH) break;
      position++;
    }
    this.#append(fragment.slice(start, position));
    if (position === fragment.length) return position;
    if (fragment.charCodeAt(position) === BACKSLASH) this.#escape = '\\';
    else this.#leaveString();
    return position + 1;
  }

  #readEscape(fragment: string, start: number): number {
    let position = start;
    while (position < fragment.length) {
      this.#escape += fragment[position++];
      const whole = this.#escape[1] === 'u' ? 6 : 2;
      if (this.#escape.length === whole) {
        this.#append(this.#place === 'key' ? this.#escape : decodeEscape(this.#escape));
        this.#escape = '';
        break;
      }
    }
    return position;
  }

  #append(text: string): void {
    if (this.#place === 'source') this.#text += text;
    else if (this.#place === 'key') this.#key += text;
  }

  #leaveString(): void {
    if (this.#place === 'source') this.#flush(true);
    else if (this.#place === 'key' && this.#key.includes('\\')) this.#key = JSON.parse(`"${this.#key}"`);
    this.#place = 'structure';
  }

  #flush(whole: boolean): void {
    if (this.#text === '') return;
    const last = this.#text.length - 1;
    const waits = !whole && isHighSurrogate(this.#text.charCodeAt(last));
    const text = waits ? this.#text.slice(0, last) : this.#text;
    this.#text = waits ? this.#text.slice(last) : '';
    if (text !== '') this.#onText(this.#key as SourceField, text);
  }
}

function decodeEscape(written: string): string {
  const simple = ESCAPES[written[1] as string];
  return simple ?? String.fromCharCode(Number.parseInt(written.slice(2), 16));
}
