import { isRecord, type WireEvent } from './blocks.ts';
import { handOut, type ReadOptions } from './read-response.ts';
import {
  connectionBroke,
  eventTooLarge,
  isPassing,
  StreamFailure,
  silent,
  turnAborted,
  turnTooLarge,
} from './stream-failure.ts';

/** The raw stream of the SDK, or anything that gives its events. */
export type SdkStream = AsyncIterable<unknown> & { readonly controller?: AbortController };

/**
 * The events of a raw stream of the SDK, which ends without a word when it is cut or aborted, drops pings and what is no
 * event of the API, and has no limit of its own on silence and size.
 *
 * @throws {StreamFailure} as `readResponse` does.
 */
export async function* readSdkStream(
  stream: SdkStream,
  options: ReadOptions,
  onEvent: (event: WireEvent) => void,
): AsyncGenerator<void> {
  const { budget, maxEventBytes } = options;
  const iterator = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await nextOf(iterator, options, stream.controller?.signal);
      if (done) {
        // A stream of the SDK that was aborted ends as if nothing were amiss.
        if (stream.controller?.signal.aborted) throw turnAborted();
        break;
      }
      const size = sizeOf(value);
      budget.bytesLeft -= size;
      if (size > maxEventBytes) throw eventTooLarge(maxEventBytes);
      if (budget.bytesLeft < 0) throw turnTooLarge(budget.maxBytes);
      const failure = handOut(value, undefined, String(value), onEvent);
      if (failure) throw failure;
      yield;
    }
  } catch (error) {
    throw error instanceof StreamFailure ? error : failureOf(error);
  } finally {
    // Not awaited: a stream that fell silent may never answer.
    stream.controller?.abort();
    iterator.return?.()?.then(undefined, () => {});
  }
}

/** One event, waited for no longer than allowed; `own` is the signal of the stream's controller. */
async function nextOf(
  iterator: AsyncIterator<unknown>,
  { signal, idleTimeoutMs }: ReadOptions,
  own: AbortSignal | undefined,
): Promise<IteratorResult<unknown>> {
  let stop = (_: StreamFailure) => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  const abort = () => stop(turnAborted());
  // The SDK aborts its own controller when it fails, right before it throws: what it throws says more.
  const abortLater = () => setTimeout(abort);
  const idle = () => stop(silent(idleTimeoutMs));
  const timer = idleTimeoutMs < 2 ** 31 ? setTimeout(idle, idleTimeoutMs) : undefined;
  signal?.addEventListener('abort', abort, { once: true });
  own?.addEventListener('abort', abortLater, { once: true });
  if (signal?.aborted) abort();
  if (own?.aborted) abortLater();
  try {
    return await Promise.race([stopped, iterator.next()]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    own?.removeEventListener('abort', abortLater);
  }
}

/** About as many characters as the event has; those that come by the thousand are not written out for it. */
function sizeOf(event: unknown): number {
  const delta = isRecord(event) ? event['delta'] : undefined;
  const text = isRecord(delta) ? (delta['text'] ?? delta['partial_json'] ?? delta['thinking']) : undefined;
  return typeof text === 'string' ? text.length : (JSON.stringify(event)?.length ?? 0);
}

/** The SDK throws an `error` event as an APIError without status, and what breaks the body as it is. */
function failureOf(error: unknown): StreamFailure {
  const { name, type, message, requestID } = (isRecord(error) ? error : {}) as Readonly<
    Record<string, unknown>
  >;
  const facts = { cause: error, requestId: typeof requestID === 'string' ? requestID : null };
  if (name === 'AbortError' || name === 'APIUserAbortError') {
    return turnAborted(error);
  }
  if (name === 'SyntaxError') {
    return new StreamFailure(`The response holds an event that cannot be read: ${String(message)}`, {
      ...facts,
      code: 'invalid_stream',
    });
  }
  if (isRecord(error) && 'status' in error) {
    return new StreamFailure(
      `The API ended the stream with ${String(type ?? 'an error')}: ${String(message)}`,
      {
        ...facts,
        code: 'stream_error',
        retryable: isPassing(String(type)),
      },
    );
  }
  return connectionBroke(error);
}
