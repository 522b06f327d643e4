import Anthropic from '@anthropic-ai/sdk';
import {
  artifactsOf,
  type Exchange,
  initialTurnState,
  isTurnInterruptedError,
  reduceTurn,
  resumeTurn,
  runTurn,
  streamTurn,
  type TurnEvent,
  type TurnOptions,
  type TurnState,
} from 'code-execution-kit';
import {
  bash,
  cannedSandbox,
  cutAfter,
  delay,
  type Fault,
  httpError,
  pause,
  python,
  say,
  stallAfter,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { params, world } from '../support/world.ts';

const start = (...faults: readonly Fault[]) =>
  world([say('First.'), python('one'), pause(), bash('two'), say('Done.')], {
    sandbox: cannedSandbox(({ source }) => ({ stdout: source, files: { [`${source}.txt`]: source } })),
    faults,
    maxRetries: 2,
  });

/** What does not differ between two turns that went the same way. */
const outlineOf = ({
  outcome,
  text,
  answer,
  parts,
  executions,
  artifacts,
  status,
  exchanges,
}: TurnState) => ({
  ...{ outcome, text, answer, status },
  exchanges: exchanges.flatMap(({ interrupted, stopReason }) => (interrupted ? [] : [stopReason])),
  parts: parts.map(({ type }) => type),
  executions: executions.map(({ kind, status, stdout, responseIndex }) => [
    kind,
    status,
    stdout,
    responseIndex,
  ]),
  artifacts: artifacts.map(({ name }) => name),
});

async function run(faults: readonly Fault[], options: TurnOptions) {
  const { client, posts } = start(...faults);
  const events: TurnEvent[] = [];
  const stream = streamTurn(client, params, options);
  for await (const event of stream) events.push(event);
  return { turn: await stream.turn(), events, posts: posts() };
}

/** How many events each response of the turn has. */
async function eventCounts(): Promise<number[]> {
  const { emulator } = start();
  const texts: Promise<string>[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await emulator.fetch(input, init);
    if (response.headers.get('content-type')?.includes('event-stream')) texts.push(response.clone().text());
    return response;
  };
  await runTurn(new Anthropic({ apiKey: 'none', fetch }), params);
  return (await Promise.all(texts)).map((text) => text.split('event: ').length - 1);
}

describe('interruptedRetries', () => {
  it.each([0, 1])(
    'asks again for a response that was cut, at each of its events before the stop reason (response %i)',
    async (responseIndex) => {
      const undisturbed = await run([], {});
      const before = Array.from({ length: responseIndex }, () => delay(0));
      const count = (await eventCounts())[responseIndex] ?? 0;
      expect(count).toBeGreaterThan(15);
      await Promise.all(
        Array.from({ length: count - 1 }, async (_, events) => {
          const cut = await run([...before, cutAfter(events)], { interruptedRetries: 1 });
          expect(outlineOf(cut.turn)).toEqual(outlineOf(undisturbed.turn));
          expect(cut.posts).toBe(3);
          const [notice, ...others] = cut.turn.notices;
          expect(others).toEqual([]);
          expect(notice?.code).toBe('response-repeated');
          expect(notice?.response === null).toBe(events === 0);
          const { exchanges, usage } = cut.turn;
          expect(exchanges.filter(({ interrupted }) => !interrupted)).toHaveLength(2);
          expect(exchanges.filter(({ interrupted }) => interrupted)).toHaveLength(events === 0 ? 0 : 1);
          expect(usage.output_tokens).toBe(exchanges.reduce((all, one) => all + one.usage.output_tokens, 0));
          expect(cut.turn.responses).toHaveLength(2);
          const folded = cut.events.reduce(reduceTurn, initialTurnState());
          expect(JSON.parse(JSON.stringify(folded))).toEqual(folded);
          expect(outlineOf(folded)).toEqual(outlineOf(cut.turn));
          expect(cut.events.map(({ seq }) => seq)).toEqual(cut.events.map((_, index) => index));
          const repeat = cut.events.find(({ type }) => type === 'response-repeat');
          expect(repeat).toEqual({ type: 'response-repeat', responseIndex, seq: expect.any(Number) });
          const { responses, messages, parsed, ...state } = cut.turn;
          expect(folded).toEqual(state);
        }),
      );
    },
  );

  it('keeps what came in the notice: blocks, results and files', async () => {
    const [count = 0] = await eventCounts();
    const { turn } = await run([cutAfter(count - 2)], { interruptedRetries: 1 });
    const [notice] = turn.notices;
    expect(notice?.response?.content.map(({ type }) => type)).toEqual(
      turn.responses[0]?.content.map(({ type }) => type),
    );
    expect(artifactsOf(notice?.response ?? { content: [] })).toHaveLength(1);
  });

  it.each([
    ['a silent stream', stallAfter(3), { idleTimeoutMs: 30 }],
    ['a broken connection', cutAfter(3, 'break'), {}],
    ['an error event that passes', cutAfter(3, 'error'), {}],
    ['a 500', httpError(500), {}],
    ['a 504', httpError(504), {}],
  ])('asks again after %s', async (_, fault, options) => {
    const { turn, posts } = await run([fault], { ...options, interruptedRetries: 1 });
    expect([turn.outcome, posts, turn.notices.length]).toEqual(['completed', 3, 1]);
  });

  it.each([
    ['a refusal', httpError(400)],
    ['what retries cover', httpError(529, { headers: { 'retry-after': '0' } })],
    ['an error that says so', httpError(500, { headers: { 'x-should-retry': 'false' } })],
    ['a wait of more than a minute', httpError(500, { headers: { 'retry-after': '61' } })],
  ])('does not ask again after %s', async (_, fault) => {
    const { client, posts } = start(fault);
    await expect(runTurn(client, params, { retries: 0, interruptedRetries: 3 })).rejects.toThrow();
    expect(posts()).toBe(1);
  });

  it('does not ask again unless it is told to', async () => {
    const { client, posts } = start(cutAfter(3));
    await expect(runTurn(client, params)).rejects.toMatchObject({ code: 'stream_cut' });
    expect(posts()).toBe(1);
  });

  it('ends with the last failure, and its checkpoint goes on counting what was reported', async () => {
    const { client, posts } = start(delay(0), cutAfter(3), cutAfter(4));
    const error = await runTurn(client, params, { interruptedRetries: 1 }).catch((thrown) => thrown);
    expect(isTurnInterruptedError(error) && error.code).toBe('stream_cut');
    expect(posts()).toBe(3);
    const { checkpoint } = error;
    expect(checkpoint.mayRerun).toBe(true);
    const before: Exchange[] = checkpoint.state.exchanges;
    expect(before.map(({ interrupted = false }) => interrupted)).toEqual([false, true, true]);
    expect(checkpoint.spent.outputTokens).toBe(
      before.reduce((sum, { usage }) => sum + usage.output_tokens, 0),
    );
    const turn = await resumeTurn(client, checkpoint, { rerun: true }).turn();
    expect(turn.exchanges.slice(0, 3)).toEqual(before);
    expect(turn.exchanges).toHaveLength(4);
    expect(turn.notices.map(({ code }) => code)).toEqual(['response-repeated']);
  });

  it('can be aborted while it waits', async () => {
    const { client, posts } = start(httpError(500, { headers: { 'retry-after': '50' } }));
    const controller = new AbortController();
    const turn = runTurn(client, params, { interruptedRetries: 1, signal: controller.signal });
    while (posts() === 0) await new Promise(setImmediate);
    controller.abort();
    await expect(turn).rejects.toMatchObject({ code: 'aborted' });
    expect(posts()).toBe(1);
  });
});
