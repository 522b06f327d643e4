import Anthropic from '@anthropic-ai/sdk';
import type { Message } from '@anthropic-ai/sdk/resources/messages';

/** A client of the SDK whose every request is answered with these bytes as an event stream. */
export function clientAnswering(
  ...bodies: readonly BodyInit[]
): Anthropic & { readonly sent: RequestInit[] } {
  const sent: RequestInit[] = [];
  const client = new Anthropic({
    apiKey: 'none',
    maxRetries: 0,
    // Notices are looked at in turns; in the log of a test nobody reads them.
    logLevel: 'off',
    fetch: async (_, init) => {
      const body = bodies[sent.length] ?? null;
      sent.push(init ?? {});
      return new Response(body, {
        headers: { 'content-type': 'text/event-stream', 'request-id': 'req_test' },
      });
    },
  });
  return Object.assign(client, { sent });
}

/**
 * What the SDK makes of the same bytes, without `parsed_output`,
 * which its helper adds and the API never sends.
 */
export async function sdkMessage(sse: BodyInit): Promise<Message> {
  const stream = clientAnswering(sse).messages.stream({
    model: 'claude-opus-5-5',
    max_tokens: 1,
    messages: [{ role: 'user', content: 'x' }],
  });
  const { parsed_output: _, ...message } = await stream.finalMessage();
  return message;
}

/** Events as a stream's text. */
export function sseOf(events: readonly object[]): string {
  return events
    .map((event) => `event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('');
}

/** A body that hands out these pieces one by one. */
export function bodyOf(pieces: Iterable<Uint8Array | string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = pieces[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
    },
  });
}

/** The events of a small, whole response. */
export function response(
  blocks: readonly object[],
  { stopReason = 'end_turn', container }: { stopReason?: string; container?: object } = {},
): object[] {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 1 },
  };
  return [
    { type: 'message_start', message },
    ...blocks.flatMap((block, index) => [
      { type: 'content_block_start', index, content_block: block },
      { type: 'content_block_stop', index },
    ]),
    {
      type: 'message_delta',
      delta: { stop_reason: stopReason, stop_sequence: null, ...(container ? { container } : {}) },
      usage: { output_tokens: 5 },
    },
    { type: 'message_stop' },
  ];
}

/** The same numbers each time. */
export function* randomNumbers(): Generator<number> {
  for (let random = 42; ; ) {
    random = (random * 1103515245 + 12345) % 2 ** 31;
    yield random >> 7;
  }
}

/** Bytes in pieces of random lengths, which cut characters and lines. */
export function* slices(bytes: Uint8Array, longest: number): Generator<Uint8Array> {
  let start = 0;
  for (const random of randomNumbers()) {
    if (start >= bytes.length) return;
    const end = start + 1 + (random % longest);
    yield bytes.subarray(start, end);
    start = end;
  }
}
