import type { ExchangePart } from './exchange.ts';

const encoder = new TextEncoder();
const HEADERS_END = encoder.encode('\r\n\r\n');
const DASH = 0x2d;

interface OpenPart {
  readonly headers: string;
  readonly value: Uint8Array[];
  sizeBytes: number;
}

/** Reads the parts of a multipart body from its bytes as they pass: files are counted, not kept. */
export class MultipartReader {
  readonly #delimiter: Uint8Array;
  readonly #parts: OpenPart[] = [];
  // Before the first delimiter stands no line end, and each delimiter is searched with one.
  #rest: Uint8Array = encoder.encode('\r\n');
  #reads: 'content' | 'headers' | 'nothing' = 'content';

  /** @param contentType with the boundary */
  constructor(contentType: string) {
    const [, quoted, plain] = /boundary=(?:"([^"]*)"|([^;\s]+))/i.exec(contentType) ?? [];
    this.#delimiter = encoder.encode(`\r\n--${quoted ?? plain ?? ''}`);
  }

  push(chunk: Uint8Array): void {
    this.#rest = joined([this.#rest, chunk]);
    while (this.#reads === 'content' ? this.#readContent() : this.#readHeaders());
  }

  /** The parts so far. */
  get parts(): ExchangePart[] {
    return this.#parts.map(described);
  }

  /** Whether there may be more to read at once. */
  #readContent(): boolean {
    const end = indexOf(this.#rest, this.#delimiter);
    if (end >= 0) {
      this.#keep(this.#rest.subarray(0, end));
      this.#rest = this.#rest.subarray(end + this.#delimiter.length);
      this.#reads = 'headers';
      return true;
    }
    // The end of what is here may be the start of a delimiter.
    const sure = Math.max(0, this.#rest.length - this.#delimiter.length + 1);
    this.#keep(this.#rest.subarray(0, sure));
    this.#rest = this.#rest.slice(sure);
    return false;
  }

  #readHeaders(): boolean {
    if (this.#rest[0] === DASH && this.#rest[1] === DASH) this.#reads = 'nothing';
    if (this.#reads === 'nothing') {
      this.#rest = new Uint8Array();
      return false;
    }
    const end = indexOf(this.#rest, HEADERS_END);
    if (end < 0) return false;
    const headers = new TextDecoder().decode(this.#rest.subarray(0, end));
    this.#parts.push({ headers, value: [], sizeBytes: 0 });
    this.#rest = this.#rest.subarray(end + HEADERS_END.length);
    this.#reads = 'content';
    return true;
  }

  #keep(bytes: Uint8Array): void {
    const part = this.#parts.at(-1);
    if (!part) return;
    part.sizeBytes += bytes.length;
    if (filenameOf(part) === undefined) part.value.push(bytes.slice());
  }
}

function described(part: OpenPart): ExchangePart {
  const name = unescaped(/[;\s]name="([^"]*)"/i.exec(part.headers)?.[1] ?? '');
  const filename = filenameOf(part);
  if (filename === undefined) return { name, value: new TextDecoder().decode(joined(part.value)) };
  const type = /^content-type:\s*(\S.*)$/im.exec(part.headers)?.[1]?.trim() ?? 'text/plain';
  return { name, filename, type, sizeBytes: part.sizeBytes };
}

function filenameOf({ headers }: OpenPart): string | undefined {
  const [, name] = /[;\s]filename="([^"]*)"/i.exec(headers) ?? [];
  return name === undefined ? undefined : unescaped(name);
}

/** The three characters that a multipart header cannot hold. */
const unescaped = (name: string) =>
  name.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n');

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const first = wanted[0] as number;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + wanted.length > bytes.length) return -1;
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
