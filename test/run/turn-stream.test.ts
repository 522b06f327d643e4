import {
  initialTurnState,
  reduceTurn,
  streamTurn,
  type TurnEvent,
  type TurnStream,
} from 'code-execution-kit';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bodyOf, clientAnswering, response, slices, sseOf } from '../support/sse.ts';
import { params } from '../support/world.ts';

const encoder = new TextEncoder();
const call = { type: 'server_tool_use', id: '1', name: 'code_execution', input: { code: 'print(1)' } };
const paused = sseOf(response([{ type: 'text', text: 'First.' }, call], { stopReason: 'pause_turn' }));
const whole = sseOf(response([{ type: 'text', text: 'Last.' }]));
const cut = whole.slice(0, whole.indexOf('event: message_stop'));

/** What ends a step of the event loop, in which promises settle. */
const tick = () => new Promise((resolve) => setImmediate(resolve));

const unhandled: unknown[] = [];
const listener = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', listener);
});
afterEach(() => void process.off('unhandledRejection', listener));

type Action = 'turn' | 'next' | 'iterate' | 'break' | 'abort' | 'dispose' | 'state' | 'tick';

/** Does one thing to a stream; what it leads to is awaited later, or by nobody. */
function act(stream: TurnStream, action: Action, events: TurnEvent[]): Promise<unknown> | undefined {
  const iterate = async (all: boolean) => {
    for await (const event of stream) {
      events.push(event);
      if (!all) break;
    }
  };
  switch (action) {
    case 'turn':
      // Nobody awaits it: its failure must not come up as unhandled.
      stream.turn();
      return undefined;
    case 'next':
      return stream.next().then(({ value }) => value && events.push(value));
    case 'iterate':
      return iterate(true);
    case 'break':
      return iterate(false);
    case 'abort':
      stream.abort();
      return undefined;
    case 'dispose':
      return stream[Symbol.asyncDispose]();
    case 'state':
      expect(stream.state.status).toMatch(/running|ended|interrupted/);
      return undefined;
    case 'tick':
      return undefined;
  }
}

const actions = fc.array(
  fc.constantFrom<Action>(
    'turn',
    'next',
    'iterate',
    'break',
    'abort',
    'dispose',
    'state',
    'tick',
    'next',
    'tick',
  ),
  { maxLength: 8 },
);

it('settles in any order of calls, once, without an unhandled rejection', async () => {
  const property = fc.asyncProperty(
    actions,
    fc.constantFrom(whole, cut, ''),
    fc.integer({ min: 1, max: 400 }),
    async (list, last, size) => {
      const bodies = [paused, last].map((text) => bodyOf(slices(encoder.encode(text), size)));
      // All that happened, whether taken or not.
      const heard: TurnEvent[] = [];
      const hasEnded = () => ['turn-end', 'turn-error'].includes(heard.at(-1)?.type ?? '');
      const onEvent = (event: TurnEvent) => void heard.push(event);
      const stream = streamTurn(clientAnswering(...bodies), params, { onEvent });
      const events: TurnEvent[] = [];
      const started: Promise<unknown>[] = [];
      let mustAbort = false;
      let mayAbort = false;
      for (const action of list) {
        if (!hasEnded()) {
          mustAbort ||= action === 'abort';
          mayAbort ||= action === 'break' || action === 'dispose';
        }
        const promise = act(stream, action, events);
        // An error of an iteration is the iterating caller's.
        if (promise) started.push(promise.catch(() => {}));
        if (action === 'tick') await tick();
      }
      await Promise.all(started);
      const first = stream.turn();
      expect(stream.turn()).toBe(first);
      // A turn that was iterated in part goes on when it is iterated again.
      await act(stream, 'iterate', events)?.catch(() => {});
      const outcome = await first.then(
        (turn) => turn.outcome,
        (error) => error.code,
      );
      const byItself = last === whole ? 'completed' : 'stream_cut';
      if (mustAbort) expect(outcome).toBe('aborted');
      else if (!mayAbort) expect(outcome).toBe(byItself);
      else expect(['aborted', byItself]).toContain(outcome);
      expect(stream.state.status).toBe(outcome === 'completed' ? 'ended' : 'interrupted');
      // Numbered without a gap, and one of them is the last; a turn that was left before it began has none.
      expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, index) => index));
      expect(heard.findIndex(({ type }) => /^turn-(end|error)$/.test(type))).toBe(heard.length - 1);
      if (heard.length > 0) expect(stream.state).toEqual(heard.reduce(reduceTurn, initialTurnState()));
      else expect(mayAbort).toBe(true);
      // Each is taken at most once, and in order; all of them where nothing else takes them.
      const taken = events.map(({ seq }) => seq);
      expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b));
      if (!list.includes('turn') && !mustAbort && !mayAbort) expect(events).toEqual(heard);
      await tick();
      expect(unhandled).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: Number(process.env['STREAM_ORDERS'] ?? 1000) });
}, 60_000);

it('has the state of the events that were taken', async () => {
  const stream = streamTurn(clientAnswering(paused, whole), params);
  let state = initialTurnState();
  for await (const event of stream) {
    state = reduceTurn(state, event);
    expect(stream.state).toEqual(state);
  }
  expect(await stream.turn()).toMatchObject(state);
});

it('gives the events in order to callers who do not wait for each other', async () => {
  const stream = streamTurn(clientAnswering(paused, whole), params);
  const results = await Promise.all(Array.from({ length: 60 }, () => stream.next()));
  const seqs = results.flatMap(({ value }) => (value ? [value.seq] : []));
  expect(seqs).toEqual(seqs.map((_, index) => index));
  expect(results.at(-1)).toEqual({ done: true, value: undefined });
});

it('reads no further than its reader', async () => {
  const events = response([{ type: 'text', text: '' }]);
  const delta = {
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: 'x'.repeat(500) },
  };
  let sent = 0;
  function* chunks() {
    yield sseOf(events.slice(0, 2));
    while (sent < 10_000) {
      sent++;
      yield sseOf([delta]);
    }
    yield sseOf(events.slice(2));
  }
  const stream = streamTurn(clientAnswering(bodyOf(chunks())), params);
  for (let taken = 0; taken < 10; taken++) await stream.next();
  for (let turn = 0; turn < 20; turn++) await tick();
  // The body itself keeps a chunk ready.
  expect(sent).toBeLessThan(15);
  expect(
    (
      await (async () => {
        for await (const _ of stream);
        return stream.turn();
      })()
    ).text,
  ).toHaveLength(5_000_000);
});

it('tells who comes too late to iterate', async () => {
  let finish = () => {};
  const slow = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(cut));
      finish = () => controller.enqueue(encoder.encode(whole.slice(cut.length)));
    },
  });
  const stream = streamTurn(clientAnswering(slow), params);
  const turn = stream.turn();
  await tick();
  expect(() => stream[Symbol.asyncIterator]()).toThrow(
    /Begin to iterate before you await turn\(\), or use onEvent/,
  );
  finish();
  await turn;
  // Afterwards there is nothing left, and nothing wrong.
  for await (const _ of stream) expect.unreachable();
});

it('ends when the signal aborts while nothing comes, even if the body ignores it', async () => {
  const silent = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(cut)),
  });
  const controller = new AbortController();
  const stream = streamTurn(clientAnswering(silent), params, { signal: controller.signal });
  const turn = stream.turn();
  await tick();
  controller.abort(new Error('enough'));
  await expect(turn).rejects.toMatchObject({
    code: 'aborted',
    cause: { message: 'enough' },
    state: { text: 'Last.' },
  });
});
