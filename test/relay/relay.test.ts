import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Anthropic from '@anthropic-ai/sdk';
import { initialTurnState, reduceTurn, streamTurn, type TurnEvent, withoutRaw } from 'code-execution-kit';
import { bash, pause, say } from 'code-execution-kit/emulator';
import {
  type EventStore,
  memoryStore,
  readEvents,
  resumeResponse,
  type ToResponseOptions,
  toResponse,
} from 'code-execution-kit/relay';
import { describe, expect, it } from 'vitest';
import { serve } from '../support/server.ts';
import { bodyOf, response, sseOf } from '../support/sse.ts';
import { drained, params, thrownBy, world } from '../support/world.ts';

const SCRIPT = [bash('echo one'), pause(), say('Half.'), bash('echo two'), say('Done.')];
const fold = (events: readonly TurnEvent[]) => events.reduce(reduceTurn, initialTurnState());
const last = (events: readonly TurnEvent[]) => events.at(-1) as TurnEvent & Record<string, unknown>;
const hasEnded = ({ type }: TurnEvent) => type === 'turn-end' || type === 'turn-error';

/** A promise and what settles it. */
function gate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A client whose one response goes on when the gate opens; `signal` is that of its request. */
function held(...more: readonly object[]) {
  const { opened, open } = gate();
  const begun = gate();
  const seen: { signal?: AbortSignal | null | undefined } = {};
  const events = response([{ type: 'text', text: 'Hello.' }, ...more]);
  const client = new Anthropic({
    apiKey: 'none',
    maxRetries: 0,
    fetch: async (_, init) => {
      seen.signal = init?.signal;
      async function* body() {
        yield new TextEncoder().encode(sseOf(events.slice(0, 3)));
        begun.open();
        await opened;
        yield new TextEncoder().encode(sseOf(events.slice(3)));
      }
      const stream = Readable.toWeb(Readable.from(body())) as ReadableStream<Uint8Array>;
      init?.signal?.addEventListener('abort', () => open());
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
    },
  });
  return { client, open, begun: begun.opened, seen };
}

/** The whole of a response as text. */
const text = (from: Response) => from.text();

describe('a relayed turn', () => {
  it.each([true, false])('folds to the turn that the server has, raw: %s', async (raw) => {
    const { client } = world(SCRIPT);
    const stream = streamTurn(client, params);
    const events = await drained(readEvents(toResponse(stream, { raw })));
    await stream.turn();
    const { state } = stream;
    expect(fold(events)).toEqual(raw ? state : withoutRaw(state));
    expect(state.executions).toHaveLength(2);
    expect(JSON.stringify(events).includes('srvtoolu_')).toBe(true);
    expect(JSON.stringify(events).includes('"tool_use_id"')).toBe(raw);
  });

  it('goes over a real connection, and resumes after each loss of it', async () => {
    const { client } = world(SCRIPT);
    const store = memoryStore();
    const stream = streamTurn(client, params);
    const first = toResponse(stream, { store, key: 'k', onDisconnect: 'finish' });
    const asked: (string | undefined)[] = [];
    // Each connection is destroyed after some bytes, and the next one lasts a little longer.
    const address = await serve(async (request, answer) => {
      const id = request.headers['last-event-id'] as string | undefined;
      asked.push(id);
      const headers = new Headers(id ? { 'last-event-id': id } : {});
      const from = asked.length === 1 ? first : resumeResponse(store, 'k', { headers });
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      let bytes = 0;
      const cutting = async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          yield chunk.subarray(0, 100 * asked.length);
          if (bytes > 100 * asked.length && asked.length < 20) throw new Error('the connection is lost');
        }
      };
      const body = Readable.fromWeb(from.body as import('node:stream/web').ReadableStream);
      await pipeline(body, cutting, answer).catch(() => {});
    });
    const connect = (id?: string) => fetch(address, { headers: id ? { 'last-event-id': id } : {} });
    const events = await drained(readEvents(connect, { retries: 20 }));
    expect(asked.length).toBeGreaterThanOrEqual(10);
    const turn = await stream.turn();
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
    expect(fold(events)).toEqual(withoutRaw(turn));
  });

  it('is followed by several readers at once, also by one that comes late', async () => {
    const { client, open, begun } = held();
    const store = memoryStore();
    toResponse(streamTurn(client, params), { store, key: 'k', onDisconnect: 'finish' });
    await begun;
    const request = new Request('http://x');
    const readers = [1, 2, 3].map(() => drained(readEvents(resumeResponse(store, 'k', request))));
    open();
    const [one, ...others] = await Promise.all(readers);
    for (const other of others) expect(other).toEqual(one);
    expect(await drained(readEvents(resumeResponse(store, 'k', request)))).toEqual(one);
    expect(last(one ?? []).type).toBe('turn-end');
  });

  it('sends the last event once onTurn is done', async () => {
    const { client } = world([say('Hi.')]);
    const { opened, open } = gate();
    const order: string[] = [];
    const stream = toResponse(streamTurn(client, params), {
      onTurn: async (turn) => {
        order.push(turn.answer);
        await opened;
        order.push('saved');
      },
    });
    for await (const event of readEvents(stream)) {
      if (event.type === 'response-end') open();
      if (hasEnded(event)) order.push(event.type);
    }
    expect(order).toEqual(['Hi.', 'saved', 'turn-end']);
  });

  it('ends with an error event whatever fails, and gives the reason to onError alone', async () => {
    const cases: readonly [string, ToResponseOptions, string, unknown?][] = [
      ['onTurn', { onTurn: () => Promise.reject(new Error('secret of the database')) }, 'relay_failed'],
      ['input', {}, 'invalid_input', { ...params, model: '' }],
      ['refusal', {}, 'turn-error', { ...params, model: 'claude-unknown' }],
    ];
    for (const [name, options, code, asked] of cases) {
      const { client } = world([say('Hi.')]);
      const errors: unknown[] = [];
      const stream = streamTurn(client, (asked ?? params) as typeof params);
      const events = await drained(
        readEvents(toResponse(stream, { ...options, onError: (error) => errors.push(error) })),
      );
      expect(last(events).type, name).toBe('turn-error');
      if (code !== 'turn-error') expect(last(events)['code'], name).toBe(code);
      expect(errors, name).toHaveLength(1);
      expect(JSON.stringify(events), name).not.toContain('secret');
      expect(fold(events).status, name).toBe('interrupted');
    }
  });

  it('goes on where the store fails, and says so to onError', async () => {
    const { client } = world(SCRIPT);
    const inner = memoryStore();
    let appended = 0;
    const store: EventStore = {
      ...inner,
      append: (key, events) =>
        ++appended < 3 ? inner.append(key, events) : Promise.reject(new Error('no Redis')),
    };
    const errors: unknown[] = [];
    const stream = streamTurn(client, params);
    const relayed = toResponse(stream, { store, key: 'k', onError: (error) => errors.push(error) });
    const events = await drained(readEvents(relayed));
    expect(errors.map(String)).toEqual(['Error: no Redis']);
    expect(fold(events)).toEqual(withoutRaw(await stream.turn()));
    const late = await drained(readEvents(resumeResponse(store, 'k', new Request('http://x'))));
    expect(last(late)).toMatchObject({ type: 'turn-error', code: 'relay_cut', retryable: true });
  });

  it('does not trust the offsets of a store', async () => {
    const { client } = world([say('Hi.')]);
    const store: EventStore = { ...memoryStore(), append: async () => ['a\nevent: b'] };
    const errors: unknown[] = [];
    const body = await text(
      toResponse(streamTurn(client, params), { store, key: 'k', onError: (error) => errors.push(error) }),
    );
    expect(body).not.toContain('id:');
    expect(errors).toMatchObject([{ code: 'store_failed' }]);
  });

  it('sends heartbeats while nothing happens', async () => {
    const { client, open } = held();
    const reader = toResponse(streamTurn(client, params), { heartbeatMs: 5 }).body?.getReader();
    const decoder = new TextDecoder();
    let all = '';
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) break;
      all += decoder.decode(value);
      if (all.split(': the turn goes on').length > 3) open();
    }
    expect(all).toContain('"turn-end"');
    expect((await drained(readEvents(new Response(all, { headers: SSE })))).length).toBeGreaterThan(4);
  });
});

const SSE = { 'content-type': 'text/event-stream' };

describe('a reader that leaves', () => {
  const leave: Readonly<Record<string, (from: Response) => Promise<unknown>>> = {
    'by cancel': (from) => {
      const reader = (from.body as ReadableStream).getReader();
      return reader.read().then(() => reader.cancel());
    },
    'without a word, as behind pipe': async (from) => {
      const address = await serve((_, answer) => {
        Readable.fromWeb(from.body as import('node:stream/web').ReadableStream)
          .on('error', () => {})
          .pipe(answer);
      });
      const left = new AbortController();
      const got = await fetch(address, { signal: left.signal });
      await got.body?.getReader().read();
      left.abort();
    },
  };

  it.each(Object.keys(leave))('ends the turn and its request, %s', async (how) => {
    const { client, seen } = held();
    const stream = streamTurn(client, params);
    const options = { heartbeatMs: 10, readerTimeoutMs: 50 };
    await leave[how]?.(toResponse(stream, options));
    expect(await thrownBy(stream.turn())).toMatchObject({ code: 'aborted' });
    expect(seen.signal?.aborted).toBe(true);
  });

  it.each(Object.keys(leave))('lets the turn end where told so, %s', async (how) => {
    const { client, open, begun } = held();
    const stream = streamTurn(client, params);
    const store = memoryStore();
    let ended: Promise<void> | undefined;
    const relayed = toResponse(stream, {
      heartbeatMs: 10,
      readerTimeoutMs: 50,
      onDisconnect: 'finish',
      store,
      key: 'k',
      waitUntil: (promise) => {
        ended = promise;
      },
    });
    await begun;
    await leave[how]?.(relayed);
    open();
    await ended;
    const events = await drained(readEvents(resumeResponse(store, 'k', new Request('http://x'))));
    expect(fold(events)).toEqual(withoutRaw(await stream.turn()));
  });

  it('is not waited for, and a slow one holds the turn up', async () => {
    const pieces = Array.from({ length: 200 }, (_, index) => ({ type: 'text', text: `${index}` }));
    const all = response(pieces);
    let taken = 0;
    const body = bodyOf(
      (function* () {
        for (const event of all) {
          taken++;
          yield sseOf([event]);
        }
      })(),
    );
    const client = new Anthropic({
      apiKey: 'none',
      fetch: async () => new Response(body, { headers: SSE }),
    });
    const reader = toResponse(streamTurn(client, params)).body?.getReader();
    for (let read = 0; read < 3; read++) await reader?.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBeLessThan(50);
    await reader?.cancel();
  });
});

it.each([
  [{ store: memoryStore() }, 'store and key'],
  [{ key: 'k' }, 'store and key'],
  [{ onDisconnect: 'go on' }, 'onDisconnect'],
  [{ heartbeatMs: 0 }, 'heartbeatMs'],
  [{ readerTimeoutMs: Number.NaN }, 'readerTimeoutMs'],
])('refuses wrong options before anything begins: %o', async (options, named) => {
  const { client, posts } = world([say('Hi.')]);
  const error = await thrownBy(() => toResponse(streamTurn(client, params), options as ToResponseOptions));
  expect(error).toMatchObject({ code: 'invalid_input' });
  expect(error.message).toContain(named);
  expect(posts()).toBe(0);
});
