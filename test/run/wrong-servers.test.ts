import Anthropic from '@anthropic-ai/sdk';
import { isTurnInterruptedError, runTurn, turnEvents } from 'code-execution-kit';
import { pause, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { NO_REDIRECT } from '../../src/sdk/redirects.ts';
import { serve } from '../support/server.ts';
import { response, sseOf } from '../support/sse.ts';
import { drained, params, thrownBy, world } from '../support/world.ts';

const whole = sseOf(response([{ type: 'text', text: 'Hello.' }]));
const begun = whole.slice(0, whole.indexOf('event: message_delta'));
const EVENTS = 'text/event-stream';

/** As a server sends it that speaks another API. */
const chunk = (content: string) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] })}\n\n`;

/** A turn whose every POST gets this answer, and which may be sent again. */
async function answeredWith(body: BodyInit | null, type: string | null, status = 200) {
  let posts = 0;
  const fetch = async () => {
    posts++;
    const answer = new Response(body, { status, headers: { 'request-id': 'req_1' } });
    if (type === null) answer.headers.delete('content-type');
    else answer.headers.set('content-type', type);
    return answer;
  };
  const client = new Anthropic({ apiKey: 'none', fetch });
  const result = await runTurn(client, params, { interruptedRetries: 1 }).catch((error) => error);
  return { result, posts };
}

describe('HTTP 200 with what is no stream', () => {
  it.each([
    [
      'a page',
      '<html>\n<b>Log in</b>\u001b[2J</html>',
      'text/html',
      /text\/html.*It begins: <html> <b>Log in<\/b> \[2J/,
    ],
    ['a page under a wrong name', '<html>Log in</html>', EVENTS, /event-stream.*<html>Log in/],
    [
      'an error as text',
      '{"error":"no healthy upstream"}',
      'text/plain',
      /text\/plain\): no healthy upstream\./,
    ],
    ['a sentence', 'upstream said no', 'text/plain', /begins: upstream said no/],
    ['a text of JSON', '"upstream said no"', 'application/json', /begins: "upstream said no"/],
    ['a message', '{"message":"upstream said no"}', 'application/json', /json\): upstream said no\./],
    ['a detail', '{"detail":[{"msg":"field required"}]}', 'application/json', /: field required\./],
    ['a list', '[{"error":{"message":"quota"}}]', 'application/json', /: quota\./],
    ['errors', '{"errors":[{"title":"one"},"two"]}', 'application/json', /: one: two\./],
    [
      'an error of AWS',
      '{"__type":"Throttled","Message":"slow down"}',
      EVENTS,
      /event-stream\): slow down\./,
    ],
    ['a message of AWS', '{"Message":"slow down"}', 'application/json', /json\): slow down\./],
    [
      "another API's chunks",
      `${chunk('Hel')}${chunk('lo')}data: [DONE]\n\n`,
      EVENTS,
      /none of the Messages API's.*baseURL.*begins: data: \{"id":"chatcmpl-1"/,
    ],
    [
      "another API's typed events",
      'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n',
      EVENTS,
      /none of the Messages API's.*begins: event: response\.created/,
    ],
    ['words with escapes', '{"error":"\\u0061bc"}', 'application/json', /: abc\./],
    ['nothing', '', 'text/plain', /HTTP 200, text\/plain.*The body is blank/],
    ['no body and no type', null, null, /no content type.*The body is blank/],
    ['blanks', ' \r\n'.repeat(3000), 'text/html', /The body is blank/],
  ])('%s is said so, in the words of the server, and is not sent again', async (_, body, type, message) => {
    const { result, posts } = await answeredWith(body, type);
    expect(isTurnInterruptedError(result), String(result)).toBe(true);
    expect(result).toMatchObject({ code: 'not_a_stream', retryable: false, requestId: 'req_1' });
    expect(result.message).toMatch(message);
    expect(result.message).toContain('HTTP 200');
    expect(result.checkpoint.mayRerun).toBe(true);
    expect(posts).toBe(1);
    const headers: Record<string, string> = type === null ? {} : { 'content-type': type };
    const source = new Response(body, { headers });
    if (type === null) source.headers.delete('content-type');
    const error = await thrownBy(drained(turnEvents(source)));
    expect(error).toMatchObject({ code: 'not_a_stream', message: expect.stringMatching(message) });
  });

  it('shows 300 characters of it', async () => {
    const { result } = await answeredWith(`<${'x'.repeat(5000)}`, 'text/html');
    expect(result.message).toMatch(/begins: <x{299}$/);
    expect(result.cause).toMatchObject({ status: 200, contentType: 'text/html' });
  });

  it.each([
    ['as JSON', 'application/json', whole],
    ['as a page', 'text/html', whole],
    ['with a mark of its byte order', null, `\uFEFF${whole}`],
    ['after blanks', 'text/plain', ' '.repeat(5000) + whole],
  ])('is read all the same where it is a stream: %s, %s', async (_, type, body) => {
    expect((await answeredWith(body, type)).result).toMatchObject({ answer: 'Hello.', outcome: 'completed' });
  });

  it('a stream that was cut in its first line is a cut', async () => {
    const check = async (body: string) => {
      const { result, posts } = await answeredWith(body, EVENTS);
      expect(result).toMatchObject({ code: 'stream_cut', retryable: true });
      expect(posts).toBe(2);
    };
    await Promise.all(['', 'ev', 'event: message_st', whole.slice(0, 60)].map(check));
  });
});

describe('an error within a stream, as gateways write it', () => {
  it.each([
    ['{"error":{"message":"upstream said no","code":429}}', /429: upstream said no/, 2],
    ['{"error":{"message":"no","status":529}}', /529: no/, 2],
    ['{"error":{"message":"no","type":"overloaded"}}', /overloaded: no/, 2],
    ['{"error":{"message":"no","type":"rate_limit_exceeded","code":"429"}}', /rate_limit_exceeded: no/, 2],
    ['{"error":{"message":"no key","code":401}}', /401: no key/, 1],
    ['{"error":"upstream said no"}', /unknown_error: upstream said no/, 1],
    ['{"errors":[{"message":"upstream said no"}]}', /: upstream said no/, 1],
    ['[{"error":{"message":"quota","code":400}}]', /: quota/, 1],
    ['{"detail":"upstream said no"}', /: upstream said no/, 1],
    ['{"message":"upstream said no"}', /: upstream said no/, 1],
    ['{"__type":"ThrottlingException","Message":"slow down"}', /ThrottlingException: slow down/, 1],
  ])('%s without an event line', async (data, message, sent) => {
    const check = async (before: string) => {
      const { result, posts } = await answeredWith(`${before}data: ${data}\n\ndata: [DONE]\n\n`, EVENTS);
      expect(result).toMatchObject({ code: 'stream_error', message: expect.stringMatching(message) });
      expect(result.retryable).toBe(sent === 2);
      expect(posts).toBe(sent);
      if (before) expect(result.state.text).toBe('Hello.');
    };
    await Promise.all(['', begun].map(check));
  });

  it.each([
    ['upstream went away', /: upstream went away/],
    ['"upstream went away"', /: upstream went away/],
    ['{"detail":"upstream went away"}', /: upstream went away/],
  ])('event: error with %s', async (data, message) => {
    const { result, posts } = await answeredWith(`${begun}event: error\ndata: ${data}\n\n`, EVENTS);
    expect(result).toMatchObject({ code: 'stream_error', message: expect.stringMatching(message) });
    expect(posts).toBe(1);
  });

  it.each([
    [
      'a page',
      '<html>\n<h1>502 Bad Gateway</h1>\n\n</html>\n',
      /: <html> <h1>502 Bad Gateway<\/h1> <\/html>$/,
    ],
    ['a page without an end', '<html><h1>502 Bad Gate', /: <html><h1>502 Bad Gate$/],
    ['a line', 'upstream connect error: reset by peer\n', /: upstream connect error: reset by peer$/],
    ['a line of CRs', 'upstream went\raway', /: upstream went away$/],
    ['JSON in lines', '{\n  "error": {\n    "message": "upstream said no"\n  }\n}', /: upstream said no$/],
    ['JSON in a line', '{"Message":"slow down"}', /: slow down$/],
    ['a long line', `x${'y'.repeat(100_000)}`, /: xy{999}$/],
    ['many lines', 'no\n'.repeat(100_000), /: (no ){99,400}no?$/],
    ['a line with escapes', 'no\u001b[2J luck', /: no \[2J luck$/],
  ])('%s that is no event, after events', async (_, words, message) => {
    const { result, posts } = await answeredWith(begun + words, EVENTS);
    expect(result).toMatchObject({ code: 'stream_error', message: expect.stringMatching(message) });
    expect(result.state.text).toBe('Hello.');
    expect(posts).toBe(1);
    const whole = new Response(begun + words, { headers: { 'content-type': EVENTS } });
    expect((await thrownBy(drained(turnEvents(whole)))).message).toMatch(message);
  });

  it('a line that is no event is none where the stream goes on, and is cut later', async () => {
    const body = `${begun}keep alive\n\n${whole.slice(begun.length)}`;
    expect((await answeredWith(body, EVENTS)).result).toMatchObject({ outcome: 'completed' });
    const cut = `keep alive\n\n${begun}event: content_block_st`;
    expect((await answeredWith(`: hi\n\n${cut}`, EVENTS)).result).toMatchObject({ code: 'stream_cut' });
  });

  it('is none where the stream goes on and ends', async () => {
    const body = `${begun}data: {"message":"keep-alive"}\n\n${whole.slice(begun.length)}`;
    expect((await answeredWith(body, EVENTS)).result).toMatchObject({ outcome: 'completed' });
  });
});

describe('a redirect', () => {
  async function hosts(status: number) {
    const reached: string[] = [];
    const other = await serve((request, reply) => {
      reached.push(`${request.method} ${request.url}`);
      reply.writeHead(200, { 'content-type': EVENTS }).end(whole);
    });
    const location = `${other}/v1/messages`;
    const baseURL = await serve((_, reply) => void reply.writeHead(status, { location }).end());
    return { client: new Anthropic({ apiKey: 'none', baseURL }), location, reached };
  }

  it.each([301, 302, 303, 307, 308])('with %i is an error that names its location', async (status) => {
    const { client, location, reached } = await hosts(status);
    const error = await thrownBy(runTurn(client, params, { retries: 2, interruptedRetries: 2 }));
    expect(error).toMatchObject({
      name: 'RedirectError',
      status,
      location,
      code: 'redirected',
      retryable: false,
    });
    expect(error.message).toContain(location);
    expect(error.message).toContain(`HTTP ${status}`);
    expect(error.message).toContain("redirect: 'follow'");
    expect(reached).toEqual([]);
  });

  it('is followed where the caller says so', async () => {
    const { client, reached } = await hosts(307);
    const request = { fetchOptions: { redirect: 'follow' as const } };
    expect((await runTurn(client, params, { request })).answer).toBe('Hello.');
    expect(reached).toEqual(['POST /v1/messages']);
  });

  it('that a browser hides is one, too', async () => {
    let posts = 0;
    const fetch = async (_: unknown, init?: RequestInit) => {
      posts++;
      expect(init).toMatchObject(NO_REDIRECT);
      const opaque = new Response(null);
      const facts = { type: 'opaqueredirect', status: 0, ok: false };
      return new Proxy(opaque, {
        get: (target, key) => {
          const value = key in facts ? facts[key as keyof typeof facts] : Reflect.get(target, key, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    };
    const client = new Anthropic({ apiKey: 'none', fetch });
    const error = await thrownBy(runTurn(client, params, { interruptedRetries: 2 }));
    expect(error).toMatchObject({ code: 'redirected', status: 0, location: null });
    expect(posts).toBe(1);
  });

  it('of a later request keeps what came', async () => {
    const { emulator } = world([say('Kept.'), pause(), say('Done.')]);
    let posts = 0;
    const fetch: typeof globalThis.fetch = async (input, init) =>
      posts++ === 0
        ? emulator.fetch(input, init)
        : new Response(null, { status: 308, headers: { location: 'http://127.0.0.1:9/' } });
    const client = new Anthropic({ apiKey: 'none', fetch });
    const error = await thrownBy(runTurn(client, params));
    expect(error).toMatchObject({ code: 'request_failed', state: { text: 'Kept.' } });
    expect(error.message).toContain('http://127.0.0.1:9/');
    expect(error.checkpoint.mayRerun).toBe(false);
    expect(posts).toBe(2);
  });

  it('leaves the fetchOptions and the middleware of the caller as they are', async () => {
    const { emulator } = world([say('Done.')]);
    const seen: unknown[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      seen.push(init);
      return emulator.fetch(input, init);
    };
    const client = new Anthropic({ apiKey: 'none', fetch });
    const middleware: NonNullable<Anthropic.RequestOptions['middleware']> = [
      (sent, next) => {
        seen.push('middleware');
        return next(sent);
      },
    ];
    const request = {
      fetchOptions: { cache: 'no-store' as const },
      middleware,
    };
    await runTurn(client, params, { request });
    expect(seen).toMatchObject(['middleware', { cache: 'no-store', redirect: 'manual' }]);
    expect(request.middleware).toHaveLength(1);
  });
});
