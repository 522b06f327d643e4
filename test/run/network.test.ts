import Anthropic from '@anthropic-ai/sdk';
import { isTurnInterruptedError, runTurn, streamTurn, turnEvents } from 'code-execution-kit';
import { HttpResponse, http, passthrough } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../support/server.ts';
import { bodyOf, response, sseOf } from '../support/sse.ts';
import { params } from '../support/world.ts';

// Never a real host: a request that no handler takes cannot leave the machine.
const baseURL = 'http://127.0.0.1:59999';
const server = setupServer();
let client: Anthropic;

beforeAll(() => {
  server.listen({ onUnhandledRequest: 'error' });
  // Built after listen(): the SDK takes fetch when it is constructed. Its own two retries stay on.
  client = new Anthropic({ apiKey: 'none', baseURL });
});
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

/** Answers each POST with the next of these, the last one for all that follow, and counts them. */
function answer(...answers: (() => Response)[]) {
  const posts = { count: 0 };
  server.use(
    http.post(`${baseURL}/v1/messages`, () => {
      const next = answers[Math.min(posts.count, answers.length - 1)];
      posts.count++;
      return next?.();
    }),
  );
  return posts;
}

const headers = { 'content-type': 'text/event-stream', 'request-id': 'req_1' };
const stream = (body: BodyInit) => () => new Response(body, { headers });
const refusal =
  (status: number, type: string, more: Record<string, string> = {}) =>
  () =>
    Response.json(
      { type: 'error', error: { type, message: 'no' } },
      { status, headers: { 'retry-after-ms': '1', ...more } },
    );
const whole = sseOf(response([{ type: 'text', text: 'Hello.' }]));
const paused = sseOf(response([{ type: 'text', text: 'Kept.' }], { stopReason: 'pause_turn' }));

describe('failures before anything was received', () => {
  it.each([
    [400, 'invalid_request_error', 1],
    [401, 'authentication_error', 1],
    [404, 'not_found_error', 1],
    [409, 'conflict_error', 1],
    [500, 'api_error', 1],
    [429, 'rate_limit_error', 3],
    [503, 'api_error', 3],
    [529, 'overloaded_error', 3],
  ])('passes HTTP %i on as the SDK throws it, after %s, with %i POSTs', async (status, type, count) => {
    const posts = answer(refusal(status, type));
    const error = await runTurn(client, params).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ status, type });
    expect(posts.count).toBe(count);
  });

  it('waits as retry-after says and goes on', async () => {
    const posts = answer(refusal(529, 'overloaded_error'), stream(whole));
    expect((await runTurn(client, params)).answer).toBe('Hello.');
    expect(posts.count).toBe(2);
  });

  it('does not repeat a POST whose connection broke: its code may have run', async () => {
    const posts = answer(() => HttpResponse.error());
    await expect(runTurn(client, params)).rejects.toBeInstanceOf(Anthropic.APIConnectionError);
    expect(posts.count).toBe(1);
  });

  it('gives a turn-error event before it throws', async () => {
    answer(refusal(400, 'invalid_request_error'));
    const turn = streamTurn(client, params);
    expect((await turn.next()).value).toMatchObject({
      type: 'turn-error',
      code: 'invalid_request_error',
      seq: 0,
    });
    await expect(turn.next()).rejects.toBeInstanceOf(Anthropic.BadRequestError);
    expect(await turn.next()).toEqual({ done: true, value: undefined });
  });
});

describe('failures after something was received', () => {
  const cut = whole.indexOf('event: message_delta');

  it.each([
    [
      'a clean end',
      () => stream(whole.slice(0, cut)),
      'stream_cut',
      /msg_1 ended before message_stop.*Go on with resumeTurn\(.*rerun: true/,
    ],
    ['a broken line', () => stream(whole.slice(0, cut + 30)), 'stream_cut', /ended before message_stop/],
    [
      'an end after message_delta',
      () => stream(whole.slice(0, whole.indexOf('event: message_stop'))),
      'stream_cut',
      /^[^.]* ended before message_stop[^.]*\.$/,
    ],
    [
      'an error event',
      () =>
        stream(
          `${whole.slice(0, cut)}${sseOf([{ type: 'error', error: { type: 'overloaded_error', message: 'Busy' } }])}`,
        ),
      'stream_error',
      /overloaded_error: Busy/,
    ],
    [
      'no JSON',
      () => stream(`${whole.slice(0, cut)}event: content_block_delta\ndata: {"type":\n\n`),
      'invalid_stream',
      /cannot be read/,
    ],
    [
      'a second message_start',
      () => stream(whole.slice(0, cut) + whole),
      'invalid_stream',
      /second message_start/,
    ],
  ])('keeps it at %s', async (_, handler, code, message) => {
    const posts = answer(handler());
    const error = await runTurn(client, params).catch((thrown) => thrown);
    expect(isTurnInterruptedError(error), String(error)).toBe(true);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.state).toMatchObject({ status: 'interrupted', text: 'Hello.', error: { code } });
    expect(error.responses).toMatchObject([{ id: 'msg_1', content: [{ type: 'text', text: 'Hello.' }] }]);
    expect(posts.count).toBe(1);
  });

  it('names no checkpoint where there is none', async () => {
    const events = turnEvents(new Response(whole.slice(0, cut)));
    const gathered = (async () => {
      for await (const _ of events);
    })();
    const { message } = await gathered.catch((thrown) => thrown);
    expect(message).toMatch(/^The stream of msg_1 ended before message_stop: what came is incomplete\.$/);
  });

  it('keeps it when the socket breaks', async () => {
    const url = await serve((_, reply) => {
      reply.writeHead(200, headers);
      // Once the text is on its way, the connection goes.
      reply.write(whole.slice(0, cut), () => reply.destroy());
    });
    server.use(http.post(`${url}/v1/messages`, () => passthrough()));
    const direct = new Anthropic({ apiKey: 'none', baseURL: url });
    const error = await runTurn(direct, params).catch((thrown) => thrown);
    expect(error).toMatchObject({
      name: 'TurnInterruptedError',
      code: 'stream_cut',
      cause: expect.any(TypeError),
    });
    expect(error.state.text).toBe('Hello.');
  });

  it('keeps it when the stream falls silent', async () => {
    answer(() => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(whole.slice(0, cut))),
      });
      return new Response(body, { headers });
    });
    const error = await runTurn(client, params, { idleTimeoutMs: 50 }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'idle_timeout', message: expect.stringContaining('50 ms') });
    expect(error.state.text).toBe('Hello.');
  });

  it('keeps the first response when the second request fails, and says so', async () => {
    const posts = answer(stream(paused), refusal(500, 'api_error'));
    const error = await runTurn(client, params).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'TurnInterruptedError', code: 'request_failed' });
    expect(error.message).toMatch(/after 1 response of the turn failed: 500/);
    expect(error.cause).toBeInstanceOf(Anthropic.InternalServerError);
    expect(error.state.text).toBe('Kept.');
    expect(posts.count).toBe(2);
  });

  it.each([
    [{ maxEventBytes: 200 }, /One event of the response is larger than 200 characters/],
    [{ maxTurnBytes: 300 }, /larger than 300 bytes/],
  ])('stops at %o', async (options, message) => {
    answer(stream(bodyOf([whole.slice(0, 250), whole.slice(250, 300), `data: ${' '.repeat(400)}`, whole])));
    const error = await runTurn(client, params, options).catch((thrown) => thrown);
    expect(error).toMatchObject({
      name: 'TurnInterruptedError',
      code: 'too_large',
      message: expect.stringMatching(message),
    });
  });

  it('raises no unhandled rejection when nobody looks', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    answer(stream(whole.slice(0, cut)));
    void streamTurn(client, params)
      .turn()
      .catch(() => {});
    const left = streamTurn(client, params);
    left.turn();
    for await (const _ of left) break;
    // Unhandled rejections are told of when the microtasks are done.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});

describe('what servers send instead', () => {
  it('reads a message that came as JSON', async () => {
    const message = {
      id: 'msg_2',
      type: 'message',
      role: 'assistant',
      model: 'm',
      stop_reason: 'end_turn',
      usage: {},
    };
    answer(() => Response.json({ ...message, content: [{ type: 'text', text: 'Whole.' }] }));
    expect(await runTurn(client, params)).toMatchObject({ answer: 'Whole.', outcome: 'completed' });
  });

  it('refuses JSON that is no message', async () => {
    answer(() => Response.json({ hello: 'proxy' }));
    await expect(runTurn(client, params)).rejects.toMatchObject({ code: 'invalid_stream' });
  });

  it('refuses an empty body', async () => {
    answer(stream(''));
    await expect(runTurn(client, params)).rejects.toMatchObject({
      code: 'stream_cut',
      message: expect.stringContaining('no message_start came'),
      requestId: 'req_1',
    });
  });

  it('tells when another container answers than was asked for', async () => {
    const container = { id: 'container_2', expires_at: '2026-11-22T10:00:00Z' };
    answer(stream(sseOf(response([], { container }))));
    const turn = await runTurn(client, { ...params, container: 'container_1' });
    expect(turn.notices).toMatchObject([
      { code: 'container-changed', message: expect.stringMatching(/container_1.*container_2/) },
    ]);
    expect(turn.container).toEqual({ id: 'container_2', expiresAt: '2026-11-22T10:00:00Z', skills: [] });
  });
});
