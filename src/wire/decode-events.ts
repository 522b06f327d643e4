import { createParser } from 'eventsource-parser';
import { isBlock, isRecord, type WireEvent } from './blocks.ts';
import { kindOf, reportsError, wordsOf } from './error-words.ts';
import { createEventParser } from './event-parser.ts';
import { eventTooLarge, type ReadOptions } from './reader.ts';
import { invalidStream, isTurnBreak, streamError, type TurnBreak } from './turn-break.ts';

/** Characters that the SSE parser is given at once; what comes from a socket is no larger. */
const FED_AT_ONCE = 65_536;

/**
 * The parser measures lines with their `data: ` and only while they wait for their end.
 * With so much more it leaves the limit to what is measured here, the same in any chunks.
 */
const LINE_SLACK = 64;

/** So much of a line that the end cut is kept. */
const STRAY_LENGTH = 1000;

/** Whether a text begins as server-sent events do, as far as it goes. */
export function beginsEvents(text: string): boolean {
  return ['event:', 'data:', 'id:', 'retry:', ':'].some(
    (field) => text.startsWith(field) || field.startsWith(text),
  );
}

const KNOWN_EVENTS = new Set([
  'message_start',
  'message_delta',
  'message_stop',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
]);

/**
 * Server-sent events: text decoding, SSE and JSON in one synchronous step per chunk.
 *
 * @param onStray gets each line that is no field of an event, also one that the end cut
 */
export function createEventDecoder(
  { maxEventBytes }: ReadOptions,
  onEvent: (event: WireEvent) => void,
  onStray: (line: string) => void,
) {
  let failure: TurnBreak | undefined;
  const text = new TextDecoder();
  const parse = createEventParser();
  const measure = (line: string) => {
    if (line.length > maxEventBytes) failure ??= eventTooLarge(maxEventBytes);
  };
  const parser = createParser({
    maxBufferSize: maxEventBytes + LINE_SLACK,
    onEvent({ event: name, data }) {
      measure(data);
      failure ??= handOut(parse(data), name, data, onEvent);
    },
    onComment: measure,
    onError(error) {
      if (error.type === 'max-buffer-size-exceeded') failure ??= eventTooLarge(maxEventBytes, error);
      else measure(error.line ?? '');
      if (error.type === 'unknown-field') onStray(error.line ?? '');
    },
  });
  // A CR may be half a CRLF, so the parser waits for what follows it. At the end nothing does.
  let endsInCr = false;
  let lastLine = '';
  return (bytes: Uint8Array | undefined): TurnBreak | undefined => {
    const chunk = bytes ? text.decode(bytes, { stream: true }) : endsInCr ? '\n' : '';
    endsInCr = chunk.endsWith('\r') || (endsInCr && chunk === '');
    const lineStart = Math.max(chunk.lastIndexOf('\n'), chunk.lastIndexOf('\r')) + 1;
    const tail = chunk.slice(lineStart, lineStart + STRAY_LENGTH);
    lastLine = lineStart > 0 ? tail : lastLine + tail.slice(0, STRAY_LENGTH - lastLine.length);
    if (!bytes && lastLine !== '' && !beginsEvents(lastLine)) onStray(lastLine);
    // The parser hands out an event at its blank line: what stands after the last one at
    // the end was cut. It searches each line's end up to the end of what it is given, so
    // a huge chunk is given in pieces. After an event that is too large it takes no more.
    for (let start = 0; start < chunk.length && !failure; start += FED_AT_ONCE) {
      parser.feed(chunk.slice(start, start + FED_AT_ONCE));
    }
    return failure;
  };
}

/** Gives an event on; returns what is wrong with it. */
export function handOut(
  event: unknown,
  name: string | undefined,
  data: string,
  onEvent: (event: WireEvent) => void,
): TurnBreak | undefined {
  if (name === 'error') return failureOfErrorEvent(event ?? data);
  const unusable = (cause?: unknown) =>
    invalidStream(
      `The response holds an event that cannot be read${name ? ` (event: ${name})` : ''}: ${data.slice(0, 200)}`,
      cause,
    );
  if (!isBlock(event)) {
    // As gateways do that have no `event:` line.
    if (reportsError(event)) return failureOfErrorEvent(event);
    if (name !== undefined && KNOWN_EVENTS.has(name)) return unusable();
    // A gateway's own, such as `data: [DONE]`: nothing of the API's, and kept as an `unknown` part.
    onEvent({ type: 'unreadable_event', name: name ?? null, data } as unknown as WireEvent);
    return undefined;
  }
  if (event.type === 'error') return failureOfErrorEvent(event);
  try {
    onEvent(event as unknown as WireEvent);
    return undefined;
  } catch (cause) {
    return isTurnBreak(cause) ? cause : unusable(cause);
  }
}

/**
 * `event: error` after HTTP 200, as documented for an overload:
 * `{"type":"error","error":{"type","message"}}`, or what a gateway writes instead. Some kinds pass by
 * themselves; sending again may still run code twice, which is why the turn decides and not this.
 */
export function failureOfErrorEvent(event: unknown): TurnBreak {
  const requestId = isRecord(event) ? event['request_id'] : null;
  return streamError(kindOf(event), wordsOf(event) ?? 'no message', {
    cause: event,
    requestId: typeof requestId === 'string' ? requestId : null,
  });
}
