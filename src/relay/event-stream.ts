import { assertInput } from '../errors.ts';
import { LONGEST_TIMER_MS } from '../wire/signals.ts';
import { RelayError } from './errors.ts';
import type { SentEvent } from './sent-event.ts';

/** How events are sent to one reader. */
export interface EventStreamOptions {
  /**
   * A comment is sent after so long without an event, in milliseconds, so that proxies and
   * readers know that the turn goes on while code runs. Default 15,000.
   */
  readonly heartbeatMs?: number | undefined;
  /**
   * A reader that took nothing for so long, in milliseconds, counts as gone: some hosts do not
   * say when a browser leaves. Checked at each heartbeat. Default 60,000. After Node's `pipe`
   * it takes some minutes more: use `pipeline`, or give the turn the request's signal.
   */
  readonly readerTimeoutMs?: number | undefined;
}

/** What is sent, and who is told when its reader is gone. */
export interface EventSource {
  /** The text of an event on the wire. Default: its JSON, with its offset as `id`. */
  readonly encode?: (sent: SentEvent) => string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The next events, or `undefined` after the last. Must not reject. */
  readonly take: () => Promise<readonly SentEvent[] | undefined>;
  readonly leave: () => void;
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // Proxies neither keep the events nor compress them, which would hold them back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
};
const encoder = new TextEncoder();
/**
 * Long, because `pipe` of Node goes on to read for a browser that left, until 16 to 64 KiB lie in
 * its buffer. Only then does it stop to ask (measured, Node 20 and 22).
 */
const HEARTBEAT = encoder.encode(`: the turn goes on${' '.repeat(4076)}\n\n`);

/** @throws {InvalidInputError} for times that are no positive numbers. */
export function assertEventStreamOptions({ heartbeatMs, readerTimeoutMs }: EventStreamOptions): void {
  const isTime = (value: number | undefined) => value === undefined || value > 0;
  assertInput(isTime(heartbeatMs), 'heartbeatMs must be a positive number of milliseconds', heartbeatMs);
  assertInput(
    isTime(readerTimeoutMs),
    'readerTimeoutMs must be a positive number of milliseconds',
    readerTimeoutMs,
  );
}

/**
 * A response of server-sent events. Nothing is taken before the reader asks for it. A reader that
 * stops to ask is noticed without `cancel()`, which some hosts never call.
 */
export function eventStreamResponse(source: EventSource, options: EventStreamOptions): Response {
  const { take, leave, encode = lineOf, headers } = source;
  const { heartbeatMs = 15_000, readerTimeoutMs = 60_000 } = options;
  let isTaking = false;
  let sentSinceBeat = false;
  let silentMs = 0;
  let beats: ReturnType<typeof setInterval> | undefined;
  const stop = () => {
    clearInterval(beats);
    beats = undefined;
  };

  const beat = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    // With no room beyond what is asked for, anything that lies there was not read.
    const isWaiting = isTaking && (controller.desiredSize ?? -1) >= 0;
    if (isWaiting && !sentSinceBeat) controller.enqueue(HEARTBEAT.slice());
    sentSinceBeat = false;
    silentMs = isWaiting ? 0 : silentMs + heartbeatMs;
    if (silentMs < readerTimeoutMs) return;
    stop();
    leave();
    const message = `The reader took no event for ${silentMs} ms: it counts as gone.`;
    controller.error(new RelayError(message, { code: 'reader_gone' }));
  };

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        beats = setInterval(() => beat(controller), Math.min(heartbeatMs, readerTimeoutMs, LONGEST_TIMER_MS));
      },
      async pull(controller) {
        isTaking = true;
        silentMs = 0;
        const events = await take();
        isTaking = false;
        if (beats === undefined) return;
        if (!events) {
          stop();
          controller.close();
          return;
        }
        sentSinceBeat = true;
        controller.enqueue(encoder.encode(events.map(encode).join('')));
      },
      cancel() {
        stop();
        leave();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { ...HEADERS, ...headers } });
}

function lineOf({ offset, event }: SentEvent): string {
  return `${offset === undefined ? '' : `id: ${offset}\n`}data: ${JSON.stringify(event)}\n\n`;
}
