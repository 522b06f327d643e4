import { createParser } from 'eventsource-parser';
import { isBlock, isRecord, type WireEvent } from './blocks.ts';
import { createEventParser } from './event-parser.ts';
import { parseJson } from './partial-json.ts';
import { SilenceTimer } from './silence-timer.ts';
import {
  connectionBroke,
  eventTooLarge,
  isPassing,
  StreamFailure,
  silent,
  turnAborted,
  turnTooLarge,
} from './stream-failure.ts';

/** Limits of reading one response. */
export interface ReadOptions {
  /** Ends the reading with code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Longest silence, in milliseconds; any byte counts, pings too. */
  readonly idleTimeoutMs: number;
  /** Largest single event, in characters. */
  readonly maxEventBytes: number;
  /** What may still come, in bytes; counted down over all responses of a turn. */
  readonly budget: { bytesLeft: number; readonly maxBytes: number };
}

/**
 * Reads the events of a streamed response and hands each to `onEvent` as it is decoded. Yields after each chunk of
 * bytes, and reads the next one only when asked to go on, so that a slow consumer holds the sender back instead of
 * filling memory.
 *
 * Ends when the body does: whether a `message_stop` came is for the caller to check. Leaving the loop early cancels
 * the body. A server that ignored `stream: true` and answered with JSON is read as well.
 *
 * @throws {StreamFailure} when the body breaks, is silent for too long, exceeds a limit or is no event stream, and
 * when `signal` aborts. Events of the same chunk that came before the fault are handed out first.
 * @throws what `onEvent` throws.
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
    if (error instanceof StreamFailure) error.requestId ??= response.headers.get('request-id');
    throw error;
  }
}

/** Like {@link readResponse}, for a body of server-sent events alone. */
export function readEventStream(
  body: ReadableStream<Uint8Array>,
  options: ReadOptions,
  onEvent: (event: WireEvent) => void,
): AsyncGenerator<void> {
  return readBody(body, options, createEventDecoder(options, onEvent));
}

/** Takes a chunk, or `undefined` at the end, and returns what is wrong behind the last event it handed out. */
type Decoder = (bytes: Uint8Array | undefined) => StreamFailure | undefined;

async function* readBody(
  body: ReadableStream<Uint8Array>,
  { signal, idleTimeoutMs, budget }: ReadOptions,
  decode: Decoder,
): AsyncGenerator<void> {
  const reader = body.getReader();
  // Cancelling settles a pending read, which racing it against the signal would leave behind. Not awaited: a broken or
  // hostile body may never settle, and nobody needs it any more.
  const cancel = () => void reader.cancel().catch(() => {});
  const silence = new SilenceTimer(idleTimeoutMs, cancel);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    for (let isEnd = false; !isEnd; ) {
      const bytes = await readChunk(reader, silence, signal);
      isEnd = bytes === undefined;
      const fitting = bytes?.subarray(0, budget.bytesLeft);
      budget.bytesLeft -= bytes?.byteLength ?? 0;
      // What came before the limit came: events of the same chunk are handed out, too.
      const failure = decode(fitting);
      yield;
      if (failure) throw failure;
      if (budget.bytesLeft < 0) throw turnTooLarge(budget.maxBytes);
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    silence.clear();
    cancel();
  }
}

/** One read that also ends on abort and on silence, even where the body itself ignores both. */
async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  silence: SilenceTimer,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  silence.begin();
  try {
    if (signal?.aborted) throw signal.reason;
    const { done, value } = await reader.read();
    // A chunk that was there when the signal aborted was received; whoever asks for another one is told.
    if (done && (silence.isOver || signal?.aborted)) throw signal?.reason;
    return done ? undefined : value;
  } catch (cause) {
    if (signal?.aborted) throw turnAborted(cause);
    throw silence.isOver ? silent(silence.milliseconds, cause) : connectionBroke(cause);
  } finally {
    silence.end();
  }
}

/** Server-sent events: text decoding, SSE and JSON in one synchronous step per chunk. */
function createEventDecoder({ maxEventBytes }: ReadOptions, onEvent: (event: WireEvent) => void): Decoder {
  let failure: StreamFailure | undefined;
  const text = new TextDecoder();
  const parse = createEventParser();
  const parser = createParser({
    maxBufferSize: maxEventBytes,
    onEvent({ event: name, data }) {
      if (failure) return;
      // An event that came within one chunk was never buffered, and so not measured by the parser.
      if (data.length > maxEventBytes) failure = eventTooLarge(maxEventBytes);
      else failure = handOut(parse(data), name, data, onEvent);
    },
    onError(error) {
      if (error.type === 'max-buffer-size-exceeded') failure ??= eventTooLarge(maxEventBytes, error);
    },
  });
  // A CR may be half a CRLF, so the parser waits for what follows it. At the end nothing does.
  let endsInCr = false;
  return (bytes) => {
    const chunk = bytes ? text.decode(bytes, { stream: true }) : endsInCr ? '\n' : '';
    endsInCr = chunk.endsWith('\r') || (endsInCr && chunk === '');
    // The parser hands out an event at its blank line: what stands behind the last one at the end was cut. It searches
    // each line's end up to the end of what it is given, so a huge chunk is given in pieces.
    for (let start = 0; start < chunk.length; start += FED_AT_ONCE)
      parser.feed(chunk.slice(start, start + FED_AT_ONCE));
    return failure;
  };
}

/** Characters that the SSE parser is given at once; what comes from a socket is no larger. */
const FED_AT_ONCE = 64 * 1024;

const KNOWN_EVENTS = new Set([
  'message_start',
  'message_delta',
  'message_stop',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
]);

/** Gives an event on; returns what is wrong with it. */
export function handOut(
  event: unknown,
  name: string | undefined,
  data: string,
  onEvent: (event: WireEvent) => void,
): StreamFailure | undefined {
  if (name === 'error') return failureOfErrorEvent(isRecord(event) ? event : {});
  const unusable = (cause?: unknown) =>
    new StreamFailure(
      `The response holds an event that cannot be read${name ? ` (event: ${name})` : ''}: ${data.slice(0, 200)}`,
      { code: 'invalid_stream', cause },
    );
  if (!isBlock(event)) {
    if (name !== undefined && KNOWN_EVENTS.has(name)) return unusable();
    // A gateway's own, such as `data: [DONE]`: nothing of the API's, and kept for whoever wants to know.
    onEvent({ type: 'unreadable_event', name: name ?? null, data } as unknown as WireEvent);
    return undefined;
  }
  if (event.type === 'error') return failureOfErrorEvent(event);
  try {
    onEvent(event as unknown as WireEvent);
    return undefined;
  } catch (cause) {
    return cause instanceof StreamFailure ? cause : unusable(cause);
  }
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
      return new StreamFailure(`The server answered with JSON that is no message: ${json.slice(0, 200)}`, {
        code: 'invalid_stream',
      });
    }
    return (
      handOut({ type: 'message_start', message: body }, undefined, json, onEvent) ??
      handOut({ type: 'message_stop' }, undefined, json, onEvent)
    );
  };
}

/**
 * `event: error` after HTTP 200, as documented for an overload: `{"type":"error","error":{"type","message"}}`. The
 * kinds below pass by themselves; sending again may still run code twice, which is why the turn decides and not this.
 */
function failureOfErrorEvent(event: { readonly [key: string]: unknown }): StreamFailure {
  const error = isRecord(event['error']) ? event['error'] : {};
  const type = typeof error['type'] === 'string' ? error['type'] : 'unknown_error';
  const message = typeof error['message'] === 'string' ? error['message'] : 'no message';
  const requestId = event['request_id'];
  return new StreamFailure(`The API ended the stream with ${type}: ${message}`, {
    code: 'stream_error',
    cause: event,
    retryable: isPassing(type),
    requestId: typeof requestId === 'string' ? requestId : null,
  });
}
