import { isRecord, type WireEvent } from './blocks.ts';
import { handOut } from './decode-events.ts';
import { kindOf, wordsOf } from './error-words.ts';
import { eventTooLarge, type ReadOptions, readerOf, readPieces, spendBytes } from './reader.ts';
import { ResponseWatch } from './response-watch.ts';
import { invalidStream, notAStream, streamError, turnAborted } from './turn-break.ts';

/** The raw stream of the SDK, or anything that gives its events. */
export type SdkStream = AsyncIterable<unknown> & { readonly controller?: AbortController };

/**
 * The events of a raw stream of the SDK, which ends silently when it is cut or aborted, drops
 * pings and what is no event of the API, and has no limit of its own on silence and size.
 *
 * @throws {TurnBreak} as `readResponse` does.
 */
export function readSdkStream(
  stream: SdkStream,
  options: ReadOptions,
  onEvent: (event: WireEvent) => void,
): AsyncGenerator<void> {
  const { budget, maxEventBytes } = options;
  const { controller } = stream;
  const events = readerOf(stream);
  const reader = {
    // A stream of the SDK that was aborted ends as if nothing were amiss.
    signal: controller?.signal,
    read: () =>
      events.read().catch((error) => {
        throw failureOf(error);
      }),
    cancel: () => {
      controller?.abort();
      events.cancel();
    },
  };
  const watch = new ResponseWatch();
  const take = watch.watching(onEvent);
  let came = false;
  return readPieces(reader, options, watch, (event) => {
    // Of an answer that is no stream the SDK makes an empty one.
    if (event === undefined) return came ? undefined : notAStream({}, '');
    came = true;
    const size = sizeOf(event);
    const overdrawn = spendBytes(budget, size);
    if (size > maxEventBytes) return eventTooLarge(maxEventBytes);
    return overdrawn ?? handOut(event, undefined, String(event), take);
  });
}

/** About as many characters as the event has; those that come by the thousand are not written out for it. */
function sizeOf(event: unknown): number {
  const delta = isRecord(event) ? event['delta'] : undefined;
  const text = isRecord(delta) ? (delta['text'] ?? delta['partial_json'] ?? delta['thinking']) : undefined;
  return typeof text === 'string' ? text.length : (JSON.stringify(event)?.length ?? 0);
}

/** The SDK throws an `error` event as an APIError without status, and what breaks the body as it is. */
function failureOf(error: unknown): unknown {
  if (!isRecord(error)) return error;
  const { name, type, message, requestID, error: body } = error;
  if (name === 'AbortError' || name === 'APIUserAbortError') return turnAborted(error);
  if (name === 'SyntaxError') {
    return invalidStream(`The response holds an event that cannot be read: ${String(message)}`, error);
  }
  if (!('status' in error)) return error;
  return streamError(kindOf({ error: body, type }), wordsOf(body) ?? String(message), {
    cause: error,
    requestId: typeof requestID === 'string' ? requestID : null,
  });
}
