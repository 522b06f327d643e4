import { isRecord, type WireEvent } from './blocks.ts';
import { beginsEvents, createEventDecoder, failureOfErrorEvent, handOut } from './decode-events.ts';
import { wordsOf } from './error-words.ts';
import { headerOf } from './headers.ts';
import { parseJson } from './partial-json.ts';
import {
  bodyReaderOf,
  eventTooLarge,
  type Readable,
  type ReadOptions,
  readPieces,
  spendBytes,
} from './reader.ts';
import { ResponseWatch } from './response-watch.ts';
import { type AnswerFacts, invalidStream, isTurnBreak, notAStream, type TurnBreak } from './turn-break.ts';

/**
 * Takes a chunk, or `undefined` at the end, and returns
 * what is wrong after the last event that it handed out.
 */
type Decoder = (bytes: Uint8Array | undefined) => TurnBreak | undefined;

/** So many bytes of a body are kept to show its beginning where it is no stream. */
const SHOWN_BYTES = 2048;

const FOREIGN = "its events are none of the Messages API's, so check the client's baseURL";

const NO_BYTES: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: async function* () {} };

/**
 * Reads the events of a streamed response and hands each to `onEvent` as it is decoded.
 * Yields after each chunk of bytes, and reads the next one only when asked to go on.
 *
 * Ends when the body does: whether a `message_stop` came is for the caller to check. Leaving the loop
 * early cancels the body. A server that ignored `stream: true` and answered with JSON is read as well.
 * What counts are the bytes: a gateway may name another content type.
 *
 * @throws {TurnBreak} when the body breaks, is silent for too long, exceeds a limit or is no event stream,
 * and when `signal` aborts. Events of the same chunk that came before the fault are handed out first.
 */
export async function* readResponse(
  response: Response,
  options: ReadOptions,
  onEvent: (event: WireEvent) => void,
): AsyncGenerator<void> {
  const facts = { status: response.status, contentType: headerOf(response, 'content-type') };
  try {
    const decode = (watch: ResponseWatch) => createBodyDecoder(options, facts, watch, onEvent);
    yield* readBody(response.body ?? NO_BYTES, options, decode);
  } catch (error) {
    if (isTurnBreak(error)) error.requestId ??= headerOf(response, 'request-id');
    throw error;
  }
}

/** Like {@link readResponse}, for a body alone. */
export function readEventStream(
  body: Readable<Uint8Array>,
  options: ReadOptions,
  onEvent: (event: WireEvent) => void,
): AsyncGenerator<void> {
  return readBody(body, options, (watch) => createBodyDecoder(options, {}, watch, onEvent));
}

function readBody(
  body: Readable<Uint8Array>,
  options: ReadOptions,
  decoderOf: (watch: ResponseWatch) => Decoder,
): AsyncGenerator<void> {
  const { budget } = options;
  const watch = new ResponseWatch();
  const decode = decoderOf(watch);
  return readPieces(bodyReaderOf(body), options, watch, (bytes) => {
    // What came before the limit came: events of the same chunk are handed out, too.
    const fitting = bytes?.subarray(0, budget.bytesLeft);
    const overdrawn = spendBytes(budget, bytes?.byteLength ?? 0);
    return decode(fitting) ?? overdrawn;
  });
}

/** Decides by the first character whether events or JSON come, and at the end whether it was either. */
function createBodyDecoder(
  options: ReadOptions,
  facts: AnswerFacts,
  watch: ResponseWatch,
  onEvent: (event: WireEvent) => void,
): Decoder {
  const shown = new TextDecoder();
  let begin = '';
  let left = SHOWN_BYTES;
  let decode: Decoder | undefined;
  const take = watch.watching(onEvent);
  return (chunk) => {
    // Blanks before the first character are nothing to events and to JSON.
    const bytes = begin === '' ? withoutBlanks(chunk) : chunk;
    if (bytes && left > 0) {
      begin = (begin + shown.decode(bytes.subarray(0, left), { stream: true })).trimStart();
      if (begin !== '') left -= bytes.byteLength;
    }
    if (begin === '') return bytes || isMeantAsEvents(facts) ? undefined : notAStream(facts, '');
    decode ??= /^[{[]/.test(begin)
      ? createMessageDecoder(options, facts, take)
      : createEventDecoder(options, take, (line) => watch.noteStray(line));
    const failure = decode(bytes);
    if (failure || bytes) return failure;
    if (!watch.started && !beginsEvents(begin)) return notAStream(facts, begin);
    if (watch.stopped) return undefined;
    return lastWords(watch) ?? (watch.isForeign ? notAStream(facts, begin, FOREIGN) : undefined);
  };
}

function withoutBlanks(bytes: Uint8Array | undefined): Uint8Array | undefined {
  const start = bytes?.findIndex((byte) => byte > 0x20) ?? 0;
  return bytes?.subarray(start === -1 ? bytes.byteLength : start);
}

/** Blank, such an answer is a stream that was cut before its first event. */
function isMeantAsEvents({ contentType }: AnswerFacts): boolean {
  return contentType === undefined || /\bevent-stream\b/i.test(contentType ?? '');
}

/** What came last, where it is no event of the API's and no `[DONE]`, is what a gateway says of the end. */
function lastWords({ stranger, strays }: ResponseWatch): TurnBreak | undefined {
  const event = parseJson(stranger ?? strays ?? '');
  if (wordsOf(event)) return failureOfErrorEvent(event);
  return strays === null ? undefined : failureOfErrorEvent(strays);
}

/** A whole message as JSON, handed out as the two events that carry one. */
function createMessageDecoder(
  { maxEventBytes }: ReadOptions,
  facts: AnswerFacts,
  onEvent: (event: WireEvent) => void,
): Decoder {
  const text = new TextDecoder();
  let json = '';
  return (bytes) => {
    json += bytes ? text.decode(bytes, { stream: true }) : text.decode();
    if (json.length > maxEventBytes) return eventTooLarge(maxEventBytes);
    if (bytes) return undefined;
    const body = parseJson(json);
    if (isRecord(body) && body['type'] === 'error') return failureOfErrorEvent(body);
    const words = wordsOf(body);
    if (!isRecord(body) || !Array.isArray(body['content'])) {
      if (words || !/\bjson\b/i.test(facts.contentType ?? '')) return notAStream(facts, json, words);
      return invalidStream(`The server answered with JSON that is no message: ${json.slice(0, 200)}`);
    }
    return (
      handOut({ type: 'message_start', message: body }, undefined, json, onEvent) ??
      handOut({ type: 'message_stop' }, undefined, json, onEvent)
    );
  };
}
