import Anthropic from '@anthropic-ai/sdk';
import {
  isTurnInterruptedError,
  resumeTurn,
  runTurn,
  type TurnOptions,
  turnEvents,
} from 'code-execution-kit';
import { say, stallAfter } from 'code-execution-kit/emulator';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { response, sseOf } from '../support/sse.ts';
import { drained, params, thrownBy, viaJson, world } from '../support/world.ts';

const encoder = new TextEncoder();
const events = response([{ type: 'text', text: '42.' }]);
const beforeStop = sseOf(events.slice(0, -1));
const beforeReason = sseOf(events.slice(0, -2));
const ping = 'event: ping\ndata: {"type":"ping"}\n\n';

/** Sends the beginning, then `tick` every second until it has been read so often, and then the rest. */
function body(begin: string, tick: string | null = null, ticks = Number.POSITIVE_INFINITY, rest = '') {
  let timer: ReturnType<typeof setInterval>;
  let count = 0;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(begin));
      timer = setInterval(() => {
        if (count++ < ticks) {
          if (tick !== null) controller.enqueue(encoder.encode(tick));
          return;
        }
        clearInterval(timer);
        controller.enqueue(encoder.encode(rest));
        controller.close();
      }, 1000);
    },
    cancel: () => clearInterval(timer),
  });
}

function start(answer: () => Promise<Response> | Response, options: TurnOptions = {}) {
  const posts = { count: 0 };
  const fetch = async () => {
    posts.count++;
    return answer();
  };
  const client = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch });
  const began = performance.now();
  const result = runTurn(client, params, { interruptedRetries: 1, ...options }).then(
    (turn) => ({ turn, error: undefined, after: performance.now() - began }),
    (error) => ({ turn: undefined, error, after: performance.now() - began }),
  );
  return { result, posts };
}
const stream = (source: ReadableStream<Uint8Array>) => () =>
  new Response(source, { headers: { 'content-type': 'text/event-stream' } });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('after the stop reason', () => {
  it.each([
    ['silence', null],
    ['pings', ping],
    ['comments', ': still here\n\n'],
  ])('%s of 30 s are the end, with everything on the error, and it is not sent again', async (_, tick) => {
    const { result, posts } = start(stream(body(beforeStop, tick)));
    await vi.advanceTimersByTimeAsync(29_900);
    await vi.advanceTimersByTimeAsync(200);
    const { error, after } = await result;
    expect(isTurnInterruptedError(error), String(error)).toBe(true);
    expect(error).toMatchObject({ code: 'stream_cut', retryable: false });
    expect(error.message).toContain('end_turn');
    expect(error.state.answer).toBe('42.');
    expect(error.responses).toMatchObject([
      { stop_reason: 'end_turn', content: [{ text: '42.' }], usage: { output_tokens: 5 } },
    ]);
    expect(error.checkpoint.mayRerun).toBe(true);
    expect(after).toBeGreaterThanOrEqual(30_000);
    expect(after).toBeLessThan(31_000);
    expect(posts.count).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('other events keep it going', async () => {
    const other = 'event: weather\ndata: {"type":"weather"}\n\n';
    const { result } = start(stream(body(beforeStop, other, 100, sseOf(events.slice(-1)))));
    await vi.advanceTimersByTimeAsync(102_000);
    expect((await result).turn).toMatchObject({ outcome: 'completed', answer: '42.' });
  });

  it('a late message_stop is an end', async () => {
    const { result } = start(stream(body(beforeStop, ping, 28, sseOf(events.slice(-1)))));
    await vi.advanceTimersByTimeAsync(30_000);
    expect((await result).turn).toMatchObject({ outcome: 'completed', answer: '42.' });
  });

  it('the time that the reader takes does not count', async () => {
    const source = turnEvents(stream(body(beforeStop, null, 3, sseOf(events.slice(-1))))());
    const seen: string[] = [];
    for await (const { type } of source) {
      seen.push(type);
      if (type === 'usage') await vi.advanceTimersByTimeAsync(40_000);
    }
    expect(seen.at(-1)).toBe('turn-end');
  });

  it('a stream without one may be silent for longer', async () => {
    const { result } = start(stream(body(beforeReason, ping, 100, sseOf(events.slice(-2)))));
    await vi.advanceTimersByTimeAsync(102_000);
    expect((await result).turn).toMatchObject({ outcome: 'completed', answer: '42.' });
  });
});

describe('maxResponseMs', () => {
  it('ends a response that goes on and on, and it is not sent again', async () => {
    const { result, posts } = start(stream(body(beforeReason, ping)), { maxResponseMs: 600_000 });
    await vi.advanceTimersByTimeAsync(600_100);
    const { error, after } = await result;
    expect(error).toMatchObject({ code: 'response_timeout', retryable: false });
    expect(error.message).toContain('maxResponseMs');
    expect(error.state.text).toBe('42.');
    expect(error.checkpoint.mayRerun).toBe(true);
    expect(after).toBeGreaterThanOrEqual(600_000);
    expect(posts.count).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is four hours, also without headers', async () => {
    const never = () => new Promise<Response>(() => {});
    const { result } = start(never, { idleTimeoutMs: 1e12, request: { timeout: 2 ** 31 - 1 } });
    await vi.advanceTimersByTimeAsync(14_399_000);
    await vi.advanceTimersByTimeAsync(2_000);
    const { error, after } = await result;
    expect(error.code).toBe('response_timeout');
    expect(Math.floor(after / 1000)).toBe(14_400);
  });

  it('holds for turnEvents, too', async () => {
    const source = turnEvents(stream(body(beforeReason, ping))(), { maxResponseMs: 10_000 });
    const error = thrownBy(drained(source));
    await vi.advanceTimersByTimeAsync(11_000);
    expect(await error).toMatchObject({ code: 'response_timeout', state: { text: '42.' } });
  });

  it('counts each response, and not the turn', async () => {
    let count = 0;
    const pausing = sseOf(response([], { stopReason: 'pause_turn' }));
    const answer = () =>
      count++ < 5
        ? stream(body(ping, ping, 7, pausing))()
        : stream(body(ping, ping, 7, beforeStop + sseOf(events.slice(-1))))();
    const { result } = start(answer, { maxResponseMs: 10_000 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await result).turn).toMatchObject({ outcome: 'completed', answer: '42.' });
  });
});

describe('headers that do not come', () => {
  it('are silence', async () => {
    const { result, posts } = start(() => new Promise(() => {}), { interruptedRetries: 0 });
    await vi.advanceTimersByTimeAsync(290_100);
    const { error, after } = await result;
    expect(error).toMatchObject({ code: 'idle_timeout', retryable: true });
    expect(error.checkpoint.mayRerun).toBe(true);
    expect(after).toBeGreaterThanOrEqual(290_000);
    expect(posts.count).toBe(1);
  });

  it('are asked for again as often as the caller says', async () => {
    vi.useRealTimers();
    let count = 0;
    const { emulator } = world([say('Done.')]);
    const fetch: typeof globalThis.fetch = (...request) =>
      count++ === 0 ? new Promise(() => {}) : emulator.fetch(...request);
    const client = new Anthropic({ apiKey: 'none', fetch });
    const options = { idleTimeoutMs: 50, interruptedRetries: 1 };
    expect((await runTurn(client, params, options)).answer).toBe('Done.');
    expect(count).toBe(2);
  });

  it('over HTTP, too, and the turn can be resumed', async () => {
    vi.useRealTimers();
    const { emulator } = world([say('Done.')], { faults: [stallAfter(0)] });
    await using server = await emulator.listen();
    const client = new Anthropic({ apiKey: 'none', baseURL: server.url });
    const error = await thrownBy(runTurn(client, params, { idleTimeoutMs: 100 }));
    expect(error).toMatchObject({ code: 'idle_timeout' });
    const turn = await resumeTurn(client, viaJson(error.checkpoint), { rerun: true }).turn();
    expect(turn.answer).toBe('Done.');
  });
});
