import type { EventEmitter } from 'node:events';
import { stat } from 'node:fs/promises';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { downloadArtifact, runTurn, streamTurn } from 'code-execution-kit';
import { cannedSandbox, httpError, pause, python, say } from 'code-execution-kit/emulator';
import { uploadPath, uploadStream } from 'code-execution-kit/node';
import { describe, expect, it } from 'vitest';
import { bodyOf, response, sseOf } from '../support/sse.ts';
import { params, thrownBy, world } from '../support/world.ts';

const sandbox = cannedSandbox(() => ({ files: { 'a.csv': 'a,b\n1,2\n' } }));
const script = [say('Let me see.'), python('x'), pause(), say('Done.')];
type Fetch = typeof globalThis.fetch;

/** As node-fetch's are: `get` knows no case, and the class is another one. */
class ForeignHeaders {
  readonly #entries: Map<string, string>;
  constructor(headers: Headers) {
    this.#entries = new Map(headers);
  }
  get = (name: string) => this.#entries.get(name.toLowerCase()) ?? null;
  entries = () => this.#entries.entries();
  [Symbol.iterator] = () => this.#entries.entries();
}

type Pieces = (body: ReadableStream<Uint8Array>) => unknown;
const BODIES: Record<string, Pieces> = {
  'a stream of Node': (body) => Readable.fromWeb(body as never),
  'a PassThrough': (body) => pipeline(Readable.fromWeb(body as never), new PassThrough(), () => {}),
  'a stream of Node that gives texts': (body) => Readable.fromWeb(body as never).setEncoding('utf8'),
  'an iterable of texts': async function* (body) {
    const text = new TextDecoder();
    for await (const piece of body) yield text.decode(piece, { stream: true });
  },
  'an iterable of ArrayBuffers': async function* (body) {
    for await (const piece of body) yield piece.slice().buffer;
  },
  'an iterable of views': async function* (body) {
    for await (const piece of body) yield new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
  },
};

/** A `fetch` whose answers are no Response of the runtime. */
const foreign =
  (fetch: Fetch, toBody: Pieces, bodies: unknown[] = []): Fetch =>
  async (input, init) => {
    const answer = await fetch(input, init);
    const { ok, status, url } = answer;
    const body = answer.body && toBody(answer.body);
    bodies.push(body);
    const text = async () => new TextDecoder().decode(await gathered(body));
    const json = async () => JSON.parse(await text());
    const headers = new ForeignHeaders(answer.headers);
    return { ok, status, url, body, headers, text, json } as unknown as Response;
  };

async function gathered(body: unknown): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  for await (const piece of body as AsyncIterable<never>) pieces.push(viewed(piece));
  return Buffer.concat(pieces);
}
const viewed = (piece: string | DataView | ArrayBuffer) =>
  ArrayBuffer.isView(piece)
    ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    : Buffer.from(piece as string);

describe.each(Object.entries(BODIES))('a fetch whose bodies are %s', (_, toBody) => {
  const enter = (faults = [] as ReturnType<typeof httpError>[]) => {
    const { emulator } = world(script, { sandbox, faults });
    const bodies: unknown[] = [];
    const fetch = foreign(emulator.fetch, toBody, bodies);
    return { emulator, bodies, client: new Anthropic({ apiKey: 'none', maxRetries: 0, fetch }) };
  };

  it('runs a turn, and its file comes down', async () => {
    const { client } = enter();
    const turn = await runTurn(client, params);
    expect(turn).toMatchObject({ outcome: 'completed', answer: 'Done.' });
    const [artifact] = turn.artifacts;
    expect(artifact).toMatchObject({ name: 'a.csv' });
    expect(await (await downloadArtifact(client, artifact as never)).text()).toBe('a,b\n1,2\n');
  });

  it('is let go when the turn is left', async () => {
    const { client, bodies } = enter();
    for await (const { type } of streamTurn(client, params)) if (type === 'text-delta') break;
    const [body] = bodies;
    if (body instanceof Readable) expect(body.destroyed).toBe(true);
    else expect(await (body as AsyncGenerator).next()).toEqual({ done: true, value: undefined });
  });

  it('has its retry-after heard', async () => {
    const { client, emulator } = enter([httpError(429, { headers: { 'retry-after-ms': '7' } })]);
    const error = await thrownBy(runTurn(client, params, { retries: 0 }));
    expect(error.headers).toBeInstanceOf(ForeignHeaders);
    emulator.inject(httpError(429, { headers: { 'Retry-After': '3600' } }));
    expect(await thrownBy(runTurn(client, params))).toMatchObject({ status: 429 });
    emulator.inject(httpError(429, { headers: { 'Retry-After': '0' } }));
    expect((await runTurn(client, params)).answer).toBe('Done.');
  });
});

describe('a fetch that takes streams of Node alone, as node-fetch', () => {
  const enter = () => {
    const { emulator } = world([]);
    const fetch: Fetch = (input, init) => {
      const body = init?.body instanceof ReadableStream ? String(init.body) : init?.body;
      return emulator.fetch(input, { ...init, body, duplex: 'half' } as RequestInit);
    };
    const toBody = BODIES['a stream of Node'] as Pieces;
    return { emulator, client: new Anthropic({ apiKey: 'none', fetch: foreign(fetch, toBody) }) };
  };
  const path = fileURLToPath(new URL('../fixtures/sales.xlsx', import.meta.url));
  const bytes = Buffer.alloc(1_000_000, 'x,y\n');
  const once = () => Readable.from([bytes.subarray(0, 600_000), bytes.subarray(600_000)]);
  const UPLOADS: Record<string, (client: Anthropic) => Promise<{ readonly size_bytes: number }>> = {
    'a one-time stream': (client) => uploadStream(client, once(), { name: 'a.csv' }),
    'a web stream': (client) => uploadStream(client, new Blob([bytes]).stream(), { name: 'a.csv' }),
    'one of known size': (client) =>
      uploadStream(client, once(), { name: 'a.csv', sizeBytes: bytes.length, retries: 0 }),
    'one that is opened': (client) => uploadStream(client, once, { name: 'a.csv', retries: 0 }),
    'a file': (client) => uploadPath(client, path),
  };

  it.each(Object.keys(UPLOADS))('uploads %s at the first time and at the second', async (name) => {
    const { client, emulator } = enter();
    const size_bytes = name === 'a file' ? (await stat(path)).size : bytes.length;
    for (let i = 0; i < 2; i++) expect(await UPLOADS[name]?.(client)).toMatchObject({ size_bytes });
    expect(emulator.requests.filter(({ method }) => method === 'POST')).toHaveLength(3);
    expect(emulator.files).toHaveLength(2);
    if (name === 'a file') return;
    for (const file of emulator.files) expect(Buffer.from(file.bytes).equals(bytes)).toBe(true);
  });

  it('names the cure where something before it reads of a one-time stream', async () => {
    const { client, emulator } = enter();
    const watched = client.withOptions({
      middleware: [
        (request, next) => {
          const body = (request.body as ReadableStream | null)?.pipeThrough?.(new TransformStream());
          return next(body ? { ...request, body } : request);
        },
      ],
    });
    const error = await thrownBy(UPLOADS['a one-time stream']?.(watched) ?? Promise.resolve());
    expect(error).toMatchObject({ name: 'UploadError', code: 'source_failed', cause: { status: 400 } });
    expect((error as Error).message).toMatch(/fresh one, or pass a function that opens it/);
    expect(emulator.files).toHaveLength(0);
    expect(await UPLOADS['one that is opened']?.(enter().client)).toMatchObject({ size_bytes: bytes.length });
  });
});

it('a body of Node that waits is let go at once by an abort, and breaks nothing afterwards', async () => {
  const body = new PassThrough();
  body.write(sseOf(response([]).slice(0, 1)));
  const fetch = async () =>
    ({ ok: true, status: 200, url: '', body, headers: new Headers() }) as unknown as Response;
  const controller = new AbortController();
  const turn = runTurn(new Anthropic({ apiKey: 'none', fetch }), params, {
    signal: controller.signal,
    onEvent: ({ type }) => void (type === 'response-start' && controller.abort()),
  });
  expect(await thrownBy(turn)).toMatchObject({ code: 'aborted' });
  expect(body.destroyed).toBe(true);
  // node-fetch 2 does so at an abort: without a listener that ends the process.
  expect(() => (body as EventEmitter).emit('error', new Error('late'))).not.toThrow();
});

it.each([
  [
    'a Map',
    new Map([
      ['Content-Type', 'text/html'],
      ['Request-Id', 'req_map'],
    ]),
  ],
  ['a plain object', { 'CONTENT-TYPE': 'text/html', 'request-id': 'req_map' }],
])('headers in %s are read', async (_, headers) => {
  const answer = { status: 200, body: bodyOf(['<html>']), headers };
  const create = () => ({ asResponse: async () => answer as unknown as Response });
  const error = await thrownBy(runTurn({ messages: { create } }, params));
  expect(error).toMatchObject({ code: 'not_a_stream', requestId: 'req_map' });
  expect(error.message).toContain('text/html');
});

describe('a wrapped client', () => {
  type Create = (params: never, options: never) => PromiseLike<unknown>;
  /** One whose `create` gives a plain promise, as Sentry's does. */
  const wrapped = (client: Anthropic) => {
    const create = async (...args: Parameters<Create>) => (client.messages.create as Create)(...args);
    return { messages: { create }, files: client.files } as unknown as Anthropic;
  };
  const proxied = (client: Anthropic): Anthropic =>
    new Proxy(client, {
      get: (target, key) => (key === 'messages' ? wrapped(client).messages : Reflect.get(target, key)),
    });

  it.each([
    ['as an object', wrapped],
    ['as a Proxy', proxied],
  ])('whose create gives a plain promise of the stream is read: %s', async (_, wrap) => {
    const now = () => new Date('2026-11-22T10:00:00Z');
    const { client, posts } = world(script, { sandbox, now });
    const turn = await runTurn(wrap(client), params);
    expect(turn).toMatchObject({ outcome: 'completed', answer: 'Done.' });
    expect(turn.artifacts).toMatchObject([{ name: 'a.csv' }]);
    expect(posts()).toBe(2);
    const plain = await runTurn(world(script, { sandbox, now }).client, params);
    expect(turn.responses).toEqual(plain.responses);
  });

  it('has its refusals and retries as any other', async () => {
    const { client, posts } = world(script, {
      sandbox,
      faults: [httpError(429, { headers: { 'retry-after': '0' } }), httpError(400)],
    });
    const error = await thrownBy(runTurn(wrapped(client), params));
    expect(error).toMatchObject({ status: 400 });
    expect(posts()).toBe(2);
  });

  it('is aborted', async () => {
    const { client } = world(script, { sandbox });
    const controller = new AbortController();
    const onEvent = ({ type }: { type: string }) => void (type === 'text-delta' && controller.abort());
    const { signal } = controller;
    const error = await thrownBy(runTurn(wrapped(client), params, { signal, onEvent }));
    expect(error).toMatchObject({ code: 'aborted', state: { executions: [] } });
  });

  it.each([
    ['a message', { id: 'msg_1', content: [] }, /gave an object with id, content/],
    ['nothing', undefined, /gave undefined/],
    ['a text', 'stream', /gave "stream"/],
  ])('whose create gives %s is told so', async (_, given, message) => {
    let posts = 0;
    const create = async () => {
      posts++;
      return given as never;
    };
    const error = await thrownBy(runTurn({ messages: { create } }, params, { interruptedRetries: 2 }));
    expect(error).toMatchObject({ name: 'TurnInterruptedError', code: 'not_a_stream', requestId: null });
    expect(error.message).toMatch(message);
    expect(error.checkpoint.mayRerun).toBe(true);
    expect(posts).toBe(1);
  });

  it('of an empty stream is not asked again', async () => {
    let posts = 0;
    const create = async () => {
      posts++;
      return (async function* () {})();
    };
    const error = await thrownBy(runTurn({ messages: { create } }, params, { interruptedRetries: 2 }));
    expect(error).toMatchObject({ code: 'not_a_stream' });
    expect(posts).toBe(1);
  });

  it('is refused for its class alone, also in a Proxy', async () => {
    const { client, posts } = world([say('Hi.')]);
    class AnthropicBedrockMantle extends Anthropic {}
    class AnthropicVertex extends Anthropic {}
    for (const Client of [AnthropicBedrockMantle, AnthropicVertex]) {
      const bedrock = new Client({ apiKey: 'none' });
      for (const one of [bedrock, new Proxy(bedrock, {}), new Proxy(bedrock.messages, {})]) {
        const given = 'create' in one ? { messages: one } : one;
        expect(await thrownBy(runTurn(given as never, params))).toMatchObject({ code: 'invalid_input' });
      }
    }
    class AnthropicVertexed extends Anthropic {}
    const fine = new AnthropicVertexed({ apiKey: 'none', fetch: client['fetch' as never] as Fetch });
    expect((await runTurn(new Proxy(fine, {}), params)).answer).toBe('Hi.');
    expect(posts()).toBe(1);
  });
});
