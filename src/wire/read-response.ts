import { createParser } from 'eventsource-parser';
import { isBlock, isRecord, type Message, type WireEvent } from './blocks.ts';
import { StreamFailure } from './stream-failure.ts';

/** Limits of reading one response. */
export interface ReadOptions {
  /** Ends the reading with code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Longest silence, in milliseconds; any byte counts, pings too. */
  readonly idleTimeoutMs: number;
  /** Largest single event, in characters. */
  readonly maxEventBytes: number;
  /** Largest response, in bytes. */
  readonly maxBytes: number;
}

/**
 * Reads the events of a streamed response, one batch per chunk of bytes. A chunk is read only when the last batch was
 * taken, so a slow consumer holds the sender back instead of filling memory.
 *
 * Ends when the body does: whether a `message_stop` came is for the caller to check. Leaving the loop early cancels
 * the body. A server that ignored `stream: true` and answered with JSON is read as well.
 *
 * @throws {StreamFailure} when the body breaks, is silent for too long, exceeds a limit or is no event stream, and
 * when `signal` aborts. Events of the same chunk that came before the fault are handed out first.
 */
export async function* readResponse(response: Response, options: ReadOptions): AsyncGenerator<WireEvent[]> {
  if (!response.body) return;
  if (response.headers.get('content-type')?.includes('application/json')) {
    yield eventsOfMessage(await response.json());
    return;
  }
  yield* readBody(response.body, options);
}

async function* readBody(
  body: ReadableStream<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<WireEvent[]> {
  const decode = createEventDecoder(options.maxEventBytes);
  const reader = body.getReader();
  let received = 0;
  try {
    for (;;) {
      const bytes = await readChunk(reader, options);
      if (!bytes) break;
      received += bytes.byteLength;
      if (received > options.maxBytes) {
        throw new StreamFailure(
          `The response is larger than ${options.maxBytes} bytes. Raise maxTurnBytes if that is expected.`,
          { code: 'too_large' },
        );
      }
      const { events, failure } = decode(bytes);
      if (events.length > 0) yield events;
      if (failure) throw failure;
    }
    // The SSE parser hands out an event at its blank line: what stands behind the last one was cut.
  } finally {
    // Not awaited: a broken or hostile body may never settle, and the caller is done with it.
    reader.cancel().catch(() => {});
  }
}

/** One read that also ends on abort and on silence, even where the body itself ignores both. */
async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { signal, idleTimeoutMs }: ReadOptions,
): Promise<Uint8Array | undefined> {
  let idle = false;
  // Cancelling settles a pending read, which racing it against the signal would leave behind.
  const cancel = () => void reader.cancel().catch(() => {});
  const timer = setTimeout(() => {
    idle = true;
    cancel();
  }, idleTimeoutMs);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    if (signal?.aborted) throw signal.reason;
    const { done, value } = await reader.read();
    if (idle || signal?.aborted) throw signal?.reason;
    return done ? undefined : value;
  } catch (cause) {
    throw failureOfRead(cause, { idle, idleTimeoutMs, aborted: signal?.aborted ?? false });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
}

function failureOfRead(
  cause: unknown,
  { idle, idleTimeoutMs, aborted }: { idle: boolean; idleTimeoutMs: number; aborted: boolean },
): StreamFailure {
  if (aborted) return new StreamFailure('The turn was aborted.', { code: 'aborted', cause });
  if (idle) {
    return new StreamFailure(
      `Nothing was received for ${idleTimeoutMs} ms, not even a ping. Raise idleTimeoutMs if that is expected.`,
      { code: 'idle_timeout', cause },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StreamFailure(`The connection broke while the response was arriving (${reason}).`, {
    code: 'stream_cut',
    cause,
  });
}

interface Decoded {
  readonly events: WireEvent[];
  /** What is wrong behind the last of these events. */
  readonly failure: StreamFailure | undefined;
}

/** Bytes in, whole events out: text decoding, SSE and JSON in one synchronous step per chunk. */
function createEventDecoder(maxEventBytes: number): (bytes: Uint8Array) => Decoded {
  let events: WireEvent[] = [];
  let failure: StreamFailure | undefined;
  const text = new TextDecoder();
  const parser = createParser({
    maxBufferSize: maxEventBytes,
    onEvent({ event: name, data }) {
      if (failure) return;
      try {
        const event: unknown = JSON.parse(data);
        if (!isBlock(event)) throw new TypeError('the event has no type');
        if (event.type === 'error') failure = failureOfErrorEvent(event);
        else events.push(event as unknown as WireEvent);
      } catch (cause) {
        failure = new StreamFailure(
          `The response holds an event that cannot be read${name ? ` (event: ${name})` : ''}: ${data.slice(0, 200)}`,
          { code: 'invalid_stream', cause },
        );
      }
    },
    onError(error) {
      if (error.type !== 'max-buffer-size-exceeded') return;
      failure ??= new StreamFailure(
        `One event of the response is larger than ${maxEventBytes} characters. Raise maxEventBytes if that is expected.`,
        { code: 'too_large', cause: error },
      );
    },
  });
  return (bytes) => {
    events = [];
    parser.feed(text.decode(bytes, { stream: true }));
    return { events, failure };
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
    retryable: ['overloaded_error', 'api_error', 'rate_limit_error', 'timeout_error'].includes(type),
    requestId: typeof requestId === 'string' ? requestId : null,
  });
}

/** A whole message as the two events that carry one. */
function eventsOfMessage(body: unknown): WireEvent[] {
  if (!isRecord(body) || !Array.isArray(body['content'])) {
    throw new StreamFailure('The server answered with JSON that is no message.', {
      code: 'invalid_stream',
      cause: body,
    });
  }
  return [{ type: 'message_start', message: body as unknown as Message }, { type: 'message_stop' }];
}
