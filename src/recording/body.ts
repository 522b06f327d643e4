import type { ExchangeBody } from './exchange.ts';
import { joined, MultipartReader } from './multipart.ts';

/** What passes by, as a fixture will hold it. */
export interface BodyReader {
  push(chunk: Uint8Array): void;
  /** The body so far. */
  body(): ExchangeBody;
}

/** Reads a body as it passes by. `isFile` keeps it exact where JSON would be written in another form. */
export function readerFor(contentType: string, isFile = false): BodyReader {
  if (/^multipart\//i.test(contentType)) {
    const reader = new MultipartReader(contentType);
    return {
      push: (chunk) => reader.push(chunk),
      body: () => ({ type: 'multipart', parts: reader.parts }),
    };
  }
  const chunks: Uint8Array[] = [];
  return {
    // Copied: the sender may use its memory again.
    push: (chunk) => void chunks.push(chunk.slice()),
    body: () => bodyOf(joined(chunks), contentType, isFile),
  };
}

/** Reads the body of a request, or of a response that stands for one, to its end. */
export async function readWhole(source: Request | Response): Promise<ExchangeBody> {
  const reader = readerFor(source.headers.get('content-type') ?? '');
  for await (const chunk of source.body ?? []) reader.push(chunk);
  return reader.body();
}

function bodyOf(bytes: Uint8Array, contentType: string, isFile: boolean): ExchangeBody {
  if (bytes.length === 0) return { type: 'none' };
  const base64 = (some: Uint8Array) => Buffer.from(some).toString('base64');
  let text: string;
  try {
    // Streaming, so that a character that a cut tore apart at the end is no error.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true });
  } catch {
    return { type: 'base64', base64: base64(bytes) };
  }
  const tail = bytes.subarray(new TextEncoder().encode(text).length);
  const isStream = contentType.includes('event-stream');
  if (!isStream && (tail.length > 0 || text.includes('\0'))) return { type: 'base64', base64: base64(bytes) };
  if (/\bjson\b/i.test(contentType) && !isFile) {
    try {
      return { type: 'json', json: JSON.parse(text) };
    } catch {
      // Cut, or not what its header says: kept as it came.
    }
  }
  return { type: 'text', text, ...(tail.length > 0 ? { tail: base64(tail) } : {}) };
}

/** The body in pieces: an event stream event by event, anything else at once. */
export function* piecesOf(body: ExchangeBody, contentType: string): Generator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
  if (body.type === 'json') yield encoder.encode(JSON.stringify(body.json));
  if (body.type === 'base64') yield bytes(body.base64);
  if (body.type !== 'text') return;
  const pieces = contentType.includes('event-stream') ? body.text.split(/(?<=\r?\n\r?\n)/) : [body.text];
  for (const piece of pieces) yield encoder.encode(piece);
  if (body.tail !== undefined) yield bytes(body.tail);
}
