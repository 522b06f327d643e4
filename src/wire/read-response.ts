import { isRecord, type WireEvent } from './blocks.ts';
import { createEventDecoder, failureOfErrorEvent, handOut } from './decode-events.ts';
import { parseJson } from './partial-json.ts';
import {
  eventTooLarge,
  type Readable,
  type ReadOptions,
  readerOf,
  readPieces,
  spendBytes,
} from './reader.ts';
import { invalidStream, TurnBreak } from './turn-break.ts';

/**
 * Takes a chunk, or `undefined` at the end, and returns
 * what is wrong after the last event that it handed out.
 */
type Decoder = (bytes: Uint8Array | undefined) => TurnBreak | undefined;

/**
 * Reads the events of a streamed response and hands each to `onEvent` as it is decoded.
 * Yields after each chunk of bytes, and reads the next one only when asked to go on.
 *
 * Ends when the body does: whether a `message_stop` came is for the caller to check. Leaving the loop
 * early cancels the body. A server that ignored `stream: true` and answered with JSON is read as well.
 *
 * @throws {TurnBreak} when the body breaks, is silent for too long, exceeds a limit or is no event stream,
 * and when `signal` aborts. Events of the same chunk that came before the fault are handed out first.
 */
export async function* readResponse(
  response: Response,
  options: ReadOptions,
  onEvent: (event: WireEvent) => void,
): AsyncGenerator<void> {
  if (!response.body) return;
  const isJson = /\bjson\b/i.test(response.headers.get('content-type') ?? '');
  const decode = isJson ? createMessageDecoder(options, onEvent) : createEventDecoder(options, onEvent);
  try {
    yield* readBody(response.body, options, decode);
  } catch (error) {
    if (error instanceof TurnBreak) error.requestId ??= response.headers.get('request-id');
    throw error;
  }
}

/** Like {@link readResponse}, for a body of server-sent events alone. */
export function readEventStream(
  body: Readable<Uint8Array>,
  options: ReadOptions,
  onEvent: (event: WireEvent) => void,
): AsyncGenerator<void> {
  return readBody(body, options, createEventDecoder(options, onEvent));
}

function readBody(body: Readable<Uint8Array>, options: ReadOptions, decode: Decoder): AsyncGenerator<void> {
  const { budget } = options;
  return readPieces(readerOf(body), options, (bytes) => {
    // What came before the limit came: events of the same chunk are handed out, too.
    const fitting = bytes?.subarray(0, budget.bytesLeft);
    const overdrawn = spendBytes(budget, bytes?.byteLength ?? 0);
    return decode(fitting) ?? overdrawn;
  });
}

/** A whole message as JSON, handed out as the two events that carry one. */
function createMessageDecoder({ maxEventBytes }: ReadOptions, onEvent: (event: WireEvent) => void): Decoder {
  const text = new TextDecoder();
  let json = '';
  return (bytes) => {
    json += bytes ? text.decode(bytes, { stream: true }) : text.decode();
    if (json.length > maxEventBytes) return eventTooLarge(maxEventBytes);
    if (bytes) return undefined;
    const body = parseJson(json);
    if (isRecord(body) && body['type'] === 'error') return failureOfErrorEvent(body);
    if (!isRecord(body) || !Array.isArray(body['content'])) {
      return invalidStream(`The server answered with JSON that is no message: ${json.slice(0, 200)}`);
    }
    return (
      handOut({ type: 'message_start', message: body }, undefined, json, onEvent) ??
      handOut({ type: 'message_stop' }, undefined, json, onEvent)
    );
  };
}
