import { type Exchange, replay } from 'code-execution-kit/emulator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExchangeBody } from '../../src/recording/exchange.ts';
import { holdsSecret, redactExchange, redactRequest } from '../../src/recording/redaction.ts';
import { answering, eventStream, params, rawStream, recordings, saying } from '../support/recording.ts';
import { thrownBy } from '../support/world.ts';

const place = recordings();
const { record, replayed, fixtures } = place;

/** What any key of its kind begins with, and what is secret. */
const PREFIX = 'sk-ant-api03-';
const SECRET = 'Qx7Lm2Vt9Rb4Nc6Wz1Kd8Hf3Jp5Gs0Ty_uE-aYiOqBnMvXzLk2Dw';
const KEY = PREFIX + SECRET;
/** A key of a gateway, of no known shape and with characters that URLs escape. */
const GATEWAY = 'my+gateway/key==0123456789abcdefXYZ';

/** How many are tried. */
const CASES = Number(process.env['SECRET_CASES'] ?? 200);

type Event = Record<string, unknown>;
const start = (index: number, content_block: object): Event => ({
  type: 'content_block_start',
  index,
  content_block,
});
const delta = (index: number, delta: object): Event => ({ type: 'content_block_delta', index, delta });
const text = (index: number, text: string) => delta(index, { type: 'text_delta', text });
const stop = (index: number): Event => ({ type: 'content_block_stop', index });
const sse = (events: readonly Event[]) =>
  events.map((event) => `event: ${event['type']}\ndata: ${JSON.stringify(event)}\n\n`).join('');

/** An exchange whose answer has this body, sent with this key. */
const exchangeOf = (body: ExchangeBody, key = KEY, asked: unknown = {}): Exchange => ({
  version: 1,
  request: {
    method: 'POST',
    path: '/v1/messages',
    headers: { 'x-api-key': key },
    body: { type: 'json', json: asked },
  },
  response: { status: 200, headers: {}, body, end: 'whole' },
});
const redacted = (body: ExchangeBody, key?: string, asked?: unknown) =>
  redactExchange(exchangeOf(body, key, asked)).exchange;

/** The texts of a stream that a reader joins: those of each field, and all of them. */
function joined({ response: { body } }: Exchange): string {
  if (body.type !== 'text') return JSON.stringify(body);
  const texts: [number, string, string][] = [];
  for (const line of body.text.split('\n')) {
    if (!line.startsWith('data: ')) continue;
    try {
      const event = JSON.parse(line.slice(6));
      const walk = (value: unknown, name: string): void => {
        if (typeof value === 'string') texts.push([event.index ?? -1, name, value]);
        else if (value && typeof value === 'object')
          for (const [key, child] of Object.entries(value)) if (key !== 'type') walk(child, key);
      };
      walk(event, '');
    } catch {
      texts.push([1000, '', line]);
    }
  }
  texts.sort(([one], [other]) => one - other);
  const of = (name?: string) =>
    texts
      .filter(([, own]) => name === undefined || own === name)
      .map(([, , t]) => t)
      .join('');
  return [of(), ...new Set(texts.map(([, name]) => of(name)))].join('\n|\n') + body.text;
}

/** The longest run of the secret that is left: as it is, and as those read it who decode it. */
function left(all: string, secret = SECRET): number {
  const plain = (one: string) =>
    one
      .replace(/\\+u00([\da-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/%(?:25)*([\da-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/\s|\\+[nrt]|\\/g, '');
  const [text, bare] = [plain(all), plain(secret)];
  for (let length = bare.length; length > 0; length--) {
    for (let at = 0; at + length <= bare.length; at++)
      if (text.includes(bare.slice(at, at + length))) return length;
  }
  return 0;
}

const escaped = (secret: string, every = 1) =>
  [...secret]
    .map((one, index) =>
      index % every === 0 ? `\\u00${one.charCodeAt(0).toString(16).padStart(2, '0')}` : one,
    )
    .join('');
const percent = (secret: string, every = 1) =>
  [...secret]
    .map((one, index) => (index % every === 0 ? `%${one.charCodeAt(0).toString(16)}` : one))
    .join('');
const input = (index: number, partial_json: string) =>
  delta(index, { type: 'input_json_delta', partial_json });

describe('a known secret in a stream', () => {
  const half = (at: number) => [KEY.slice(0, at), KEY.slice(at)] as const;
  it.each<[string, readonly Event[]]>([
    ['begun in the start of a block', [start(0, { type: 'text', text: half(25)[0] }), text(0, half(25)[1])]],
    [
      'in two blocks of text',
      [start(0, { type: 'text', text: '' }), text(0, half(40)[0]), stop(0), text(1, half(40)[1])],
    ],
    [
      'in blocks that take turns',
      [text(0, half(30)[0]), text(1, 'Else.'), { type: 'ping' }, text(0, half(30)[1])],
    ],
    [
      'in deltas of tomorrow',
      [
        start(0, { type: 'code', code: half(20)[0], lang: 'py' }),
        delta(0, { type: 'code_delta', lang: 'py', code: half(20)[1].slice(0, 9) }),
        delta(0, { type: 'code_delta', lang: 'py', code: half(20)[1].slice(9) }),
      ],
    ],
    [
      'from a text into an input',
      [
        text(0, half(33)[0]),
        start(1, { type: 'tool_use', id: 'toolu_1', name: 'x', input: {} }),
        input(1, half(33)[1]),
      ],
    ],
    [
      'in stdout and stderr',
      [
        start(0, {
          type: 'bash_code_execution_tool_result',
          tool_use_id: 'srvtoolu_1',
          content: {
            type: 'bash_code_execution_result',
            stdout: `${half(35)[0]}\n`,
            stderr: half(35)[1],
            return_code: 0,
            content: [],
          },
        }),
      ],
    ],
    ['broken by a line end', [text(0, `${half(40)[0]}\n`), text(0, half(40)[1])]],
    ['broken by an escaped line end', [input(0, `{"code":"${half(40)[0]}\\n`), input(0, `${half(40)[1]}"}`)]],
    [
      'with JSON escapes',
      [
        input(0, '{"code":"'),
        ...(escaped(KEY)
          .match(/.{1,7}/g)
          ?.map((one) => input(0, one)) ?? []),
      ],
    ],
    ['with some JSON escapes', [input(0, `{"code":"${escaped(KEY, 3)}"}`)]],
    ['with escapes within escapes', [input(0, `{"code":"${escaped(KEY, 4).replaceAll('\\', '\\\\')}"}`)]],
    ['percent-encoded', [text(0, percent(KEY, 2).slice(0, 51)), text(0, percent(KEY, 2).slice(51))]],
    ['percent-encoded twice', [text(0, percent(KEY, 5).replaceAll('%', '%25'))]],
    ['a part of it', [text(0, `…${SECRET.slice(20, 36)}…`)]],
  ])('%s', (_, events) => {
    const exchange = redacted({ type: 'text', text: sse(events) });
    expect(left(JSON.stringify(exchange) + joined(exchange))).toBeLessThan(12);
    expect(joined(exchange)).toContain('redacted');
  });

  it.each([0, 1, 2])('in base64 at offset %i, base64url and hex', (offset) => {
    for (const key of [KEY, GATEWAY]) {
      const bytes = Buffer.from(`${'~'.repeat(offset)}${key}~~`);
      for (const form of ['base64', 'base64url', 'hex'] as const) {
        const whole = bytes.toString(form);
        const lines = whole.match(/.{1,19}/g)?.join('\n') ?? '';
        for (const one of [whole, lines, whole.toUpperCase()].slice(0, form === 'hex' ? 3 : 2)) {
          const exchange = redacted(
            { type: 'text', text: sse([text(0, one.slice(0, 30)), text(0, one.slice(30))]) },
            key,
          );
          const rest = joined(exchange)
            .replace(/\s|\\n/g, '')
            .split('redacted');
          const back = rest.flatMap((part) =>
            [0, 1, 2, 3].map((skipped) => Buffer.from(part.slice(skipped), form).toString('latin1')),
          );
          expect(left(back.join('\n|\n'), key === KEY ? SECRET : key)).toBeLessThan(12);
          expect(joined(exchange)).toContain('redacted');
        }
      }
    }
  });

  it('cut off by the end, also within an event', () => {
    for (const [key, secret] of [
      [KEY, SECRET],
      [GATEWAY, GATEWAY],
    ] as const) {
      for (let length = 1; length <= key.length; length++) {
        const events = [
          text(0, `It is ${key.slice(0, length >> 1)}`),
          text(0, key.slice(length >> 1, length)),
        ];
        const whole = sse(events);
        // After the last event, and after its last character.
        for (const body of [whole, whole.slice(0, -'"}}\n\n'.length)]) {
          const exchange = redacted({ type: 'text', text: body }, key);
          const [, after = ''] = /It is (.*)$/s.exec(joined(exchange).split('\n|\n')[0] ?? '') ?? [];
          expect(left(after.replace(/data:.*?"text":"/s, ''), secret)).toBeLessThan(8);
        }
      }
    }
  });

  it('of another shape, percent-encoded in an error page, and in bytes', () => {
    const page = `<html>No key ${encodeURIComponent(GATEWAY)} here</html>`;
    expect(redacted({ type: 'text', text: page }, GATEWAY).response.body).toEqual({
      type: 'text',
      text: '<html>No key redacted here</html>',
    });
    const bytes = Buffer.concat([Buffer.from([0xff, 0, 0xfe]), Buffer.from(KEY)]);
    const { body } = redacted({ type: 'base64', base64: bytes.toString('base64') }).response;
    expect(body.type === 'base64' && Buffer.from(body.base64, 'base64').toString('latin1')).toBe(
      'ÿ\0þsk-ant-redacted',
    );
  });
});

describe('secret fields', () => {
  it('are taken out by their names at any depth, and their values wherever else they stand', () => {
    const names =
      'authorization_token api_key apiKey API-KEY token access_token refreshToken password secret client_secret Authorization x-api-key cookie Set-Cookie sessionToken private_key'.split(
        ' ',
      );
    const kept = {
      max_tokens: 5,
      input_tokens: 7,
      next_page: 'page_abc',
      next_page_token: 'abc',
      page_token: 'abc',
      signature: 'sig',
      data: 'x',
    };
    for (const name of names) {
      const json = {
        a: [{ [name]: 'Value-0123456789', list: [{ name, value: 'short' }] }],
        said: 'so Value-0123456789.',
        ...kept,
      };
      const expected = {
        a: [{ [name]: 'redacted', list: [{ name, value: 'redacted' }] }],
        said: 'so redacted.',
        ...kept,
      };
      const { request, response } = redacted({ type: 'json', json }, KEY, json);
      expect(request.body).toEqual({ type: 'json', json: expected });
      expect(response.body).toEqual({ type: 'json', json: expected });
    }
  });

  it('are not what a schema describes', () => {
    const json = {
      tools: [{ name: 'x', input_schema: { type: 'object', properties: { password: { type: 'string' } } } }],
    };
    expect(redacted({ type: 'none' }, KEY, json).request.body).toEqual({ type: 'json', json });
  });

  it('are found in the input that a stream delivers', () => {
    const json = '{"url":"x","password":"hun\\"ter","pin":{"token": "a1"}}';
    const body = sse([
      start(0, { type: 'tool_use', id: 'a', name: 'b', input: {} }),
      ...(json.match(/.{1,5}/g)?.map((one) => input(0, one)) ?? []),
    ]);
    const all = joined(redacted({ type: 'text', text: body }));
    expect(all).toContain('{"url":"x","password":"redacted","pin":{"token": "redacted"}}');
  });

  it('of MCP servers stay out of requests and answers, and the replay matches', async () => {
    const token = 'mcp-Token.0123456789';
    const url = (key: string) => `https://user:${key}pass1@mcp.example/s/${key}abcdefgh12345/sse?k=${key}&x`;
    const mcp = (key: string, token: string) => ({
      ...params,
      mcp_servers: [{ type: 'url', name: 'sales', url: url(key), authorization_token: token }],
    });
    const recording = record({
      fetch: answering(
        Response.json({ type: 'message', content: [{ type: 'text', text: `Used ${token}, abc12345.` }] }),
      ),
    });
    await recording.client.post('/v1/messages?team=secret-team&limit=5', { body: mcp('abc12345', token) });
    await recording.flush();
    const all = Object.values(await fixtures()).join('');
    expect(all).not.toMatch(/0123456789|abc12345|secret-team/);
    expect(all).toContain('https://redacted@mcp.example/s/redacted/sse?k=redacted&redacted');
    const { served, client } = replayed();
    const again = await client.post('/v1/messages?limit=5&team=else', {
      body: mcp('zyx98765', 'another one'),
    });
    expect(again).toMatchObject({ content: [{ text: 'Used redacted, redacted.' }] });
    served.assertDone();
  });

  it('are the same once redacted', () => {
    const json = {
      token: 'Value-0123456789',
      text: `${KEY} https://a:b@c.d/?api_key=x1 Bearer abc.def-0123456789`,
    };
    const once = redacted({ type: 'none' }, KEY, json).request;
    expect(redactRequest(once)).toEqual(once);
  });

  it('of MCP servers are whatever is no name, type, URL or list of tools', async () => {
    const server = {
      type: 'url',
      name: 'sales-2026',
      url: 'https://t0k3nT0k3nT0k3n.mcp.example:8443/v2/bot1102:AAHd3Tcv/k7x2/2025-06-18/team-7/sse#f1x',
      authorization_token: 'Bearer abc12345',
      headers: { 'X-Custom': 'header-0123', Cookie: 'sid=cookie-0123' },
      oauth: { client: ['oauth-01234', 5], nested: { deep: 'nested-01234' } },
      tool_configuration: { enabled: true, allowed_tools: ['list_0123456789'] },
    };
    const said =
      'abc12345 header-0123 cookie-0123 oauth-01234 nested-01234 AAHd3Tcv t0k3nT0k3nT0k3n list_0123456789';
    const asked = { mcp_servers: [server], requests: [{ params: { mcp_servers: [server] } }] };
    const { request, response } = redacted({ type: 'json', json: { said } }, KEY, asked);
    const safe = {
      ...server,
      url: 'https://redacted.mcp.example:8443/v2/redacted/redacted/2025-06-18/team-7/sse#redacted',
      authorization_token: 'redacted',
      headers: { 'X-Custom': 'redacted', Cookie: 'redacted' },
      oauth: { client: ['redacted', 'redacted'], nested: { deep: 'redacted' } },
    };
    const json = { mcp_servers: [safe], requests: [{ params: { mcp_servers: [safe] } }] };
    expect(request.body).toEqual({ type: 'json', json });
    expect(JSON.stringify(response.body)).not.toMatch(/012345?\b|abc12345|AAHd|t0k3n/);
    expect(JSON.stringify(response.body)).toContain('list_0123456789');
    // What a schema describes is none.
    const schema = {
      properties: { mcp_servers: { type: 'array', items: { type: 'object' }, title: 'Servers' } },
    };
    expect(redacted({ type: 'none' }, KEY, schema).request.body).toEqual({ type: 'json', json: schema });
  });

  it('keep secrets of headers out of answers', async () => {
    const recording = record({
      defaultHeaders: {
        'cf-access-client-secret': 'cloud-0123456789',
        cookie: 'a=1; session=cookie-0123456789',
      },
      fetch: answering(
        Response.json(
          { echo: 'cloud-0123456789 cookie-0123456789' },
          { headers: { 'set-cookie': 'b=answer-0123456789; Path=/' } },
        ),
      ),
    });
    await recording.client.messages.create(saying('Go.'));
    await recording.flush();
    expect(Object.values(await fixtures()).join('')).not.toContain('0123456789');
  });
});

/** Headers of gateways, as they name them and would name them, with a key in each. */
const GATEWAYS: readonly (readonly [name: string, value: string, secret: string])[] = [
  ['x-portkey-api-key', 'PkAbCd0123456789', 'PkAbCd0123456789'],
  ['cf-aig-authorization', 'Bearer cf-aig-A1b2C3d4', 'cf-aig-A1b2C3d4'],
  ['helicone-auth', 'Bearer helicone.abcdefgh', 'helicone.abcdefgh'],
  ['x-litellm-key', 'sk-litellm-12', 'sk-litellm-12'],
  ['ocp-apim-subscription-key', '0a1b2c3d4e5f60718293a4b5c6d7e8f9', '0a1b2c3d4e5f60718293a4b5c6d7e8f9'],
  ['x-gateway-of-tomorrow', 'Zq8-Lm2Vt9Rb4Nc6', 'Zq8-Lm2Vt9Rb4Nc6'],
  ['x-team-pin', 'team=red; pin="Ab3dE5gH7jK9"', 'Ab3dE5gH7jK9'],
  ['x-portkey-config', '{"provider":"anthropic","virtual":"vk_Ab3dE5gH7jK9"}', 'vk_Ab3dE5gH7jK9'],
  ['x-trace', '4bf92f35-77b3-4da6-a3ce-929d0e0e4736', '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'],
];

describe('keys of gateways', () => {
  it.each(GATEWAYS)('%s: %s', async (name, value, secret) => {
    const echo = { said: `Not ${secret}!`, coded: Buffer.from(`: ${secret}`).toString('base64') };
    const answer = Response.json(echo, { headers: { 'retry-after': secret, 'anthropic-version': value } });
    const recording = record({ defaultHeaders: { [name]: value }, fetch: answering(answer) });
    await recording.client.messages.create(saying(`Is it ${secret}?`));
    await recording.flush();
    const all = Object.values(await fixtures()).join('');
    expect(left(all, secret)).toBeLessThan(8);
    const back = [...all.matchAll(/[\w+/=]{8,}/g)].map(([one]) =>
      Buffer.from(one, 'base64').toString('latin1'),
    );
    expect(left(back.join('|'), secret)).toBeLessThan(8);
    expect(all).toContain('Is it redacted?');
  });

  it.each([
    'https://gw-Ab3dE5gH7jK9.example/proxy',
    'https://gateway.example/k/gw-Ab3dE5gH7jK9/anthropic',
    'https://gateway.example/v1/gw-Ab3dE5gH7jK9/anthropic',
    'https://user:gw-Ab3dE5gH7jK9@gateway.example',
    'https://gw-Ab3dE5gH7jK9@gateway.example/x',
  ])('in the base URL %s', async (baseURL) => {
    const answer = Response.json({
      type: 'message',
      content: [{ type: 'text', text: 'No gw-Ab3dE5gH7jK9 here.' }],
    });
    const recording = record({ baseURL, fetch: answering(answer) });
    await recording.client.messages.create(saying('Go.'));
    await recording.flush();
    const files = await fixtures();
    expect(JSON.stringify(files)).not.toContain('Ab3dE5gH7jK9');
    expect(Object.keys(files)).toEqual(['0001-post-v1-messages.json']);
    const { client, served } = replayed();
    expect(await client.messages.create(saying('Go.'))).toMatchObject({
      content: [{ text: 'No redacted here.' }],
    });
    served.assertDone();
  });

  it('in a query of any name, and in a path outside of the API', async () => {
    const query = { tenant: 'Ab3dE5gH7jK9', after_id: 'file_011CabcDEF4567' };
    const answers = [1, 2].map(() =>
      Response.json({ data: [], said: 'Ab3dE5gH7jK9', id: 'file_011CabcDEF4567' }),
    );
    const recording = record({ fetch: answering(...answers) });
    await recording.client.get('/v1/files', { query });
    await recording.client.get('/hooks/Ab3dE5gH7jK9');
    await recording.flush();
    const files = await fixtures();
    expect(JSON.stringify(files)).not.toContain('Ab3dE5gH7jK9');
    expect(recording.exchanges[0]?.request.path).toBe(
      '/v1/files?after_id=file_011CabcDEF4567&tenant=redacted',
    );
    expect(Object.keys(files)[1]).toBe('0002-get-hooks-redacted.json');
  });

  it('are no words, models, versions, dates or media types', async () => {
    const words =
      'true gzip production us-east-1 claude-opus-5-5 claude-haiku-4-5-20251001 us.anthropic.claude-haiku-4-5-20251001-v1:0 ' +
      'anthropic-provider PlatformEngineering getUserName v2026.11.26 2026-11-26T10:00:00Z gpt-4o-mini text/event-stream ' +
      '127.0.0.1:8080 files-api-2025-04-14 node22 x86_64-linux-gnu team-1234 8f14e';
    const names =
      'x-mode x-model accept-encoding x-app helicone-user-id x-cache-key user-agent x-stainless-lang'.split(
        ' ',
      );
    const headers = Object.fromEntries(names.map((name) => [name, words]));
    const kept = 'accept-encoding anthropic-beta user-agent x-stainless-os idempotency-key'.split(' ');
    const tokens = Object.fromEntries(kept.map((name) => [name, 'A1b2C3d4E5f6']));
    for (const word of words.split(' ')) headers[`x-${word.replace(/[^a-z\d]/gi, '')}`] = word;
    const body: ExchangeBody = { type: 'text', text: `${words} A1b2C3d4E5f6` };
    const exchange = exchangeOf(body);
    const sent = { ...exchange.request, headers: { ...headers, ...tokens } };
    const url = 'https://eu-west-1.gateway.example:8443/anthropic/team-1234/v1/messages';
    expect(redactExchange({ ...exchange, request: sent }, url).exchange.response.body).toEqual(body);
  });

  it('of short parts are known by their capitals, small letters and digits', () => {
    const secret = 'ifINn-6kMPH-gIbxr967';
    const exchange = exchangeOf({ type: 'text', text: sse([text(0, `So ${secret}.`)]) }, '');
    const sent = { ...exchange.request, headers: { 'x-any': secret } };
    expect(joined(redactExchange({ ...exchange, request: sent }).exchange)).not.toContain(secret);
  });

  it('of any look are taken out of the header of any name that is no client’s own', () => {
    const letters = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
    // Random, as keys are: not one letter again and again, which fast-check prefers.
    const token = fc
      .noBias(fc.array(letters, { minLength: 28, maxLength: 60 }))
      .map((all) => all.join(''))
      // The rule is for what mixes letters and digits, as nearly all keys do.
      .filter((one) => /[a-z]\d|\d[a-z]/i.test(one.slice(4, -4)) && !/[-_]{2}|^[-_]|[-_]$/.test(one));
    const name = fc
      .stringMatching(/^[a-z]{2,8}-[a-z]{2,8}$/)
      .filter((one) => !/^(?:accept|content)-/.test(one));
    const form = fc.constantFrom(
      (one: string) => one,
      (one: string) => `Token ${one}`,
      (one: string) => `{"a":"${one}"}`,
    );
    fc.assert(
      fc.property(token, name, form, fc.boolean(), (secret, header, write, inPath) => {
        const exchange = exchangeOf({ type: 'text', text: sse([text(0, `So ${secret}.`)]) }, '');
        const headers = inPath ? {} : { [header]: write(secret) };
        const url = `https://gateway.example/${inPath ? secret : 'x'}/v1/messages`;
        const all = joined(
          redactExchange({ ...exchange, request: { ...exchange.request, headers } }, url).exchange,
        );
        expect(left(all, secret)).toBeLessThan(12);
      }),
      { numRuns: CASES },
    );
  });
});

describe('the last check', () => {
  it.each([
    ['whole', KEY],
    ['in part', SECRET.slice(9, 26)],
    ['in base64', Buffer.from(`a${KEY}`).toString('base64')],
  ])('refuses a file in which redact puts a key: %s', async (_, put) => {
    const body = sse([text(0, 'Hello.'), text(0, ' You.')]);
    const redact = (exchange: Exchange): Exchange => ({
      ...exchange,
      response: {
        ...exchange.response,
        body: { type: 'text', text: body.replace('Hello.', put.slice(0, 9)).replace(' You.', put.slice(9)) },
      },
    });
    const recording = record({ apiKey: KEY, fetch: answering(eventStream(body)) }, redact);
    await (await rawStream(recording.client)).text();
    const error = await thrownBy(recording.flush());
    expect(error).toMatchObject({ name: 'EmulatorError', code: 'secret_left' });
    expect((error as Error).message).toMatch(/exchange 1 \(POST \/v1\/messages\).*`redact`/);
    expect(left((error as Error).message)).toBeLessThan(5);
    expect(await fixtures()).toEqual({});
    expect(recording.exchanges).toEqual([]);
    expect(await thrownBy(() => replay(place.directory))).toMatchObject({ code: 'fixtures_missing' });
  });
});

/** How a secret is written, and how it is cut into events. */
const generated = fc.record({
  form: fc.constantFrom('plain', 'escaped', 'percent', 'mixed'),
  cuts: fc.array(fc.nat(400), { maxLength: 8 }),
  kinds: fc.array(fc.nat(3), { minLength: 9, maxLength: 9 }),
  way: fc.constantFrom('text', 'input', 'tomorrow', 'blocks', 'started'),
  key: fc.constantFrom(KEY, GATEWAY),
  end: fc.option(fc.nat(400)),
});

it(
  'no cut of a secret leaves 12 characters of it, or 8 where the stream ends',
  () => {
    const property = fc.property(generated, ({ form, cuts, kinds, way, key, end }) => {
      const secret = key === KEY ? SECRET : GATEWAY;
      const forms = {
        plain: key,
        escaped: escaped(key),
        percent: percent(key, 3),
        mixed: escaped(percent(key, 7), 5),
      };
      const whole =
        end === null ? `${forms[form]}. Well.` : forms[form].slice(0, end % (forms[form].length + 1));
      const at = [...new Set(cuts.map((one) => one % (whole.length + 1)))].sort((a, b) => a - b);
      const parts = [0, ...at].map((from, index) => whole.slice(from, at[index] ?? whole.length));
      const make = {
        text: (part: string) => [text(0, part)],
        input: (part: string) => [input(0, part)],
        tomorrow: (part: string) => [delta(0, { type: 'x_delta', x: part })],
        blocks: (part: string, index: number) => [
          start(index, { type: 'text', text: '' }),
          text(index, part),
          stop(index),
        ],
        started: (part: string, index: number) => [
          index === 0 ? start(0, { type: 'text', text: part }) : text(0, part),
        ],
      }[way];
      const events = parts.flatMap((part, index) => [
        ...make(part, index),
        ...(kinds[index] === 1 ? [{ type: 'ping' }] : []),
        ...(kinds[index] === 2 && way !== 'blocks'
          ? [delta(7, { type: 'thinking_delta', thinking: 'Hm.' })]
          : []),
      ]);
      const body = sse(events);
      const { exchange, secrets } = redactExchange(exchangeOf({ type: 'text', text: body }, key));
      const limit = end === null || way === 'blocks' ? 12 : 8;
      expect(left(joined(exchange), secret)).toBeLessThan(limit);
      expect(holdsSecret(exchange, JSON.stringify(exchange), secrets)).toBe(false);
      const before = exchangeOf({ type: 'text', text: body }, '');
      if (end === null) expect(holdsSecret(before, JSON.stringify(before), secrets)).toBe(true);
    });
    fc.assert(property, { numRuns: CASES });
  },
  60_000 + CASES * 100,
);
