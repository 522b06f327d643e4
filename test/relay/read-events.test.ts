import { streamTurn } from 'code-execution-kit';
import { bash, say } from 'code-execution-kit/emulator';
import { isRelayError, memoryStore, readEvents, resumeResponse, toResponse } from 'code-execution-kit/relay';
import { describe, expect, it } from 'vitest';
import { bodyOf, slices } from '../support/sse.ts';
import { drained, params, thrownBy, world } from '../support/world.ts';

const SSE = { 'content-type': 'text/event-stream' };
const of = (body: BodyInit | null, init: ResponseInit = {}) => new Response(body, { headers: SSE, ...init });
const line = (event: object, id?: string) => `${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(event)}\n\n`;
const delta = (seq: number) => ({ type: 'text-delta', seq, text: `${seq}` });
const END = { type: 'turn-end', seq: 9, outcome: 'completed', stopReason: 'end_turn' };

describe('readEvents', () => {
  it('reads bytes in pieces of any length, with comments and unknown fields between', async () => {
    const { client } = world([say('Grüße 🎉'), bash('echo ✓')]);
    const body = new Uint8Array(await toResponse(streamTurn(client, params)).arrayBuffer());
    const whole = await drained(readEvents(of(body)));
    for (const longest of [1, 2, 7]) {
      expect(await drained(readEvents(of(bodyOf(slices(body, longest)))))).toEqual(whole);
    }
    const odd = new TextDecoder().decode(body).replaceAll('\n\n', '\n\n: hi\n\nfoo: bar\n\n');
    expect(await drained(readEvents(of(odd)))).toEqual(whole);
  });

  it.each([
    ['no JSON', 'data: {"type"\n\n'],
    ['no object', 'data: null\n\n'],
    ['a text that is none', line({ type: 'text-delta', seq: 0, text: { $$typeof: 'x' } })],
    ['a part of an execution', line({ type: 'execution-end', seq: 0, execution: { id: 1 } })],
    ['a later type without a number', line({ type: 'hologram', seq: 'a' })],
  ])('throws what fails the check, and does not ask again: %s', async (_, body) => {
    let asked = 0;
    const connect = async () => {
      asked++;
      return of(line(delta(0), 'a') + body);
    };
    const given: unknown[] = [];
    const error = await thrownBy(async () => {
      for await (const event of readEvents(connect)) given.push(event);
    });
    expect(error).toMatchObject({ name: 'RelayError', code: 'event_damaged', retryable: false });
    expect([given.length, asked]).toEqual([1, 1]);
  });

  it('gives types of a later version as unknown', async () => {
    const hologram = { type: 'hologram', seq: 1, light: true };
    const events = await drained(readEvents(of(line(delta(0)) + line(hologram) + line(END))));
    expect(events[1]).toEqual({ type: 'unknown', seq: 1, responseIndex: 0, raw: hologram });
  });

  it('goes on after the last id, gives nothing twice, and ends at the last event', async () => {
    const answers: (() => Response)[] = [
      () => of(line(delta(0), 'a') + line(delta(1), 'b')),
      () => of('<html>busy</html>', { status: 502, headers: { 'content-type': 'text/html' } }),
      () => {
        throw new TypeError('fetch failed');
      },
      () => of(line(delta(1), 'b') + line(END, 'c') + line(delta(10), 'd')),
    ];
    const asked: (string | undefined)[] = [];
    const connect = async (id?: string) => {
      asked.push(id);
      return (answers[asked.length - 1] as () => Response)();
    };
    const events = await drained(readEvents(connect));
    expect(events.map(({ seq }) => seq)).toEqual([0, 1, 9]);
    expect(asked).toEqual([undefined, 'b', 'b', 'b']);
  });

  it.each([
    ['a response alone', of(line(delta(0), 'a')), 'relay_cut', undefined],
    ['events without ids', async () => of(line(delta(0))), 'relay_cut', undefined],
    ['a page', async () => of('<html>', { headers: { 'content-type': 'text/html' } }), 'relay_refused', 200],
    ['a refusal', async () => of('no', { status: 403 }), 'relay_refused', 403],
    ['no body', async () => of(null, { status: 204 }), 'relay_refused', 204],
  ])('reports what cannot go on: %s', async (_, source, code, status) => {
    const error = await thrownBy(drained(readEvents(source)));
    expect(isRelayError(error)).toBe(true);
    expect(error).toMatchObject({ code, status: status ?? null });
  });

  it('stops after so many failures in a row', async () => {
    let asked = 0;
    const connect = async () => {
      asked++;
      return of(asked === 1 ? line(delta(0), 'a') : '');
    };
    expect(await thrownBy(drained(readEvents(connect, { retries: 2 })))).toMatchObject({ code: 'relay_cut' });
    expect(asked).toBe(3);
  });

  it('counts a silent connection as lost, and is aborted at once', async () => {
    const silent = () => of(new ReadableStream({ pull: () => new Promise(() => {}) }));
    const options = { idleTimeoutMs: 20 };
    expect(await thrownBy(drained(readEvents(silent(), options)))).toMatchObject({ code: 'relay_cut' });
    expect(await thrownBy(drained(readEvents(silent(), { signal: AbortSignal.abort() })))).toMatchObject({
      code: 'aborted',
    });
    const controller = new AbortController();
    const reading = drained(
      readEvents(async () => new Promise<Response>(() => {}), { signal: controller.signal }),
    );
    controller.abort();
    expect(await thrownBy(reading)).toMatchObject({ code: 'aborted' });
  });

  it('bounds the length of an event', async () => {
    const body = bodyOf(['data: "', ...Array.from({ length: 100 }, () => 'x'.repeat(100))]);
    const error = await thrownBy(drained(readEvents(of(body), { maxEventChars: 1000 })));
    expect(error).toMatchObject({ code: 'event_damaged' });
  });

  it('releases the connection of a reader that leaves', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(line(delta(0)))),
      cancel: () => {
        isCancelled = true;
      },
    });
    for await (const event of readEvents(of(body))) if (event.seq === 0) break;
    expect(isCancelled).toBe(true);
  });
});

describe('memoryStore', () => {
  const event = (seq: number) =>
    delta(seq) as Parameters<ReturnType<typeof memoryStore>['append']>[1][number];
  const signal = new AbortController().signal;
  const read = async (store: ReturnType<typeof memoryStore>, after: string | null, key = 'k') =>
    (await drained(store.read(key, after, { signal }))).map((one) => one.event.seq);

  it('gives what comes after an offset, until the key is closed', async () => {
    const store = memoryStore();
    const [first] = await store.append('k', [event(0), event(1)]);
    const following = read(store, first ?? null);
    await store.append('k', [event(2)]);
    await store.close('k');
    expect(await following).toEqual([1, 2]);
    expect(await read(store, null)).toEqual([0, 1, 2]);
    expect(await thrownBy(store.append('k', [event(3)]))).toMatchObject({ code: 'key_closed' });
  });

  it('throws where events are gone, and for offsets of another turn', async () => {
    const store = memoryStore({ maxEvents: 10 });
    const [first] = await store.append('k', [event(0)]);
    for (let seq = 1; seq < 40; seq++) await store.append('k', [event(seq)]);
    await store.close('k');
    for (const offset of [null, first ?? null, 'x-1', '', '-1', `${first?.split('-')[0]}-99`]) {
      expect(await thrownBy(read(store, offset)), `${offset}`).toMatchObject({ code: 'events_gone' });
    }
    expect(await thrownBy(read(store, null, 'other'))).toMatchObject({ code: 'unknown_key' });
  });

  it('forgets turns that ended, and no turn that runs', async () => {
    let now = 0;
    const store = memoryStore({ ttlMs: 100, now: () => now });
    await store.append('k', [event(0)]);
    now = 1000;
    await store.append('other', [event(0)]);
    await store.close('k');
    expect(await read(store, null)).toEqual([0]);
    now = 1100;
    expect(await thrownBy(read(store, null))).toMatchObject({ code: 'unknown_key' });
  });

  it('is an error event for a reader that asks for what is not there', async () => {
    const store = memoryStore();
    await store.append('k', [event(0)]);
    const asked = [
      resumeResponse(store, 'nothing', new Request('http://x')),
      resumeResponse(store, 'k', new Request('http://x', { headers: { 'last-event-id': 'old-3' } })),
    ];
    const codes = await Promise.all(
      asked.map(async (one) => (await drained(readEvents(one))).map((e) => ('code' in e ? e.code : e.type))),
    );
    expect(codes).toEqual([['unknown_key'], ['events_gone']]);
  });
});
