import { createSession, isCodeExecutionError, isTurnInterruptedError, runTurn } from 'code-execution-kit';
import { describe, expect, it } from 'vitest';
import { clientAnswering, response, sseOf } from '../support/sse.ts';
import { params, thrownBy, viaJson } from '../support/world.ts';

const { messages: _, ...defaults } = params;
const text = { type: 'text', text: 'Kept.' };
const whole = sseOf(response([{ type: 'text', text: 'Done.' }]));
const paused = sseOf(response([text], { stopReason: 'pause_turn' }));
const quick = { describe: false };
const nest = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`;

/** A Proxy that throws whatever it is asked. */
const refusing = () => {
  const refuse = () => {
    throw new RangeError('refused');
  };
  return new Proxy({}, Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((trap) => [trap, refuse])));
};
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const speechless = Object.defineProperty(new Error('x'), 'message', {
  get: () => {
    throw new RangeError('refused');
  },
});

/** What code may throw. */
const thrown: readonly [string, unknown][] = [
  ['a Symbol', Symbol('x')],
  ['null', null],
  ['undefined', undefined],
  ['a BigInt', 5n],
  ['a Proxy that throws', refusing()],
  ['a revoked Proxy', revoked()],
  ['an error whose message is a Symbol', Object.assign(new Error(), { message: Symbol('x') })],
  ['an error whose message throws', speechless],
  ['what has no text', { toString: 1 }],
];

describe.each(thrown)('%s that is thrown', (_name, error) => {
  const fail = () => {
    throw error;
  };

  it('by a handler is an error result', async () => {
    const call = { type: 'tool_use', id: 'toolu_1', name: 'save', input: {} };
    const client = clientAnswering(sseOf(response([call], { stopReason: 'tool_use' })), whole);
    const tool = { name: 'save', input_schema: { type: 'object' as const }, run: fail };
    const turn = await runTurn(client, { ...params, tools: [tool] }, quick);
    expect(turn.outcome).toBe('completed');
    const [result] = (turn.messages.at(-2) as unknown as { content: [{ content: string }] }).content;
    expect(result).toMatchObject({ tool_use_id: 'toolu_1', is_error: true });
    expect(result.content).toMatch(/^Error: ./);
  });

  it('by onEvent is a notice', async () => {
    const turn = await runTurn(clientAnswering(whole), params, { ...quick, onEvent: fail });
    expect(turn.notices).toMatchObject([{ code: 'listener-failed' }]);
    const rejects = { ...quick, onEvent: () => Promise.reject(error) };
    expect((await runTurn(clientAnswering(whole), params, rejects)).outcome).toBe('completed');
  });

  it.each([
    ['stopWhen', 'stop_when_failed'],
    ['onCheckpoint', 'checkpoint_failed'],
  ])('by %s ends the turn with all that came', async (option, code) => {
    for (const callback of [fail, () => Promise.reject(error)]) {
      const failed = await thrownBy(
        runTurn(clientAnswering(paused, whole), params, { ...quick, [option]: callback }),
      );
      expect(isTurnInterruptedError(failed)).toBe(true);
      expect(failed).toMatchObject({ code, state: { text: 'Kept.' }, checkpoint: { mayRerun: false } });
      expect(failed.responses).toHaveLength(1);
    }
  });

  it('by the client is typed, and keeps what came before', async () => {
    const { messages } = clientAnswering(paused);
    let requests = 0;
    const create = (...args: Parameters<typeof messages.create>) => {
      if (requests++ === 1) throw error;
      return messages.create(...args);
    };
    const later = await thrownBy(runTurn({ messages: { create } } as never, params, quick));
    expect(later).toMatchObject({
      code: 'request_failed',
      state: { text: 'Kept.' },
      checkpoint: { version: 1 },
    });
    const first = await thrownBy(runTurn({ messages: { create: fail } } as never, params, quick));
    expect(isCodeExecutionError(first)).toBe(true);
    expect(first.code).toBe('request_failed');
  });

  it('as the reason of an abort is typed', async () => {
    const controller = new AbortController();
    const onCheckpoint = () => controller.abort(error);
    const options = { ...quick, onCheckpoint, signal: controller.signal };
    const failed = await thrownBy(runTurn(clientAnswering(paused, whole), params, options));
    expect(failed).toMatchObject({ code: 'aborted', state: { text: 'Kept.' } });
  });
});

describe('what is nested deeply', () => {
  const call = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'code_execution', input: 'DEEP' };
  const deepIn = (events: readonly object[]) => sseOf(events).replaceAll('"DEEP"', nest(10_000));

  /** What fails must not hold what is deep, which no reporter can show. */
  const plainly = <T>(promise: Promise<T>) =>
    promise.catch((error) => {
      throw new Error(String(error));
    });

  it('in usage counts nothing, and costs nothing', async () => {
    const events = response([text]);
    const usage = { input_tokens: 10, output_tokens: { toString: 1 }, cache: 'DEEP' };
    const body = deepIn([...events.slice(0, -2), { ...events.at(-2), usage }, ...events.slice(-1)]);
    const turn = await plainly(runTurn(clientAnswering(body), params, quick));
    const { text: said, usage: used } = turn;
    expect({ text: said, usage: used }).toMatchObject({
      text: 'Kept.',
      usage: { input_tokens: 10, output_tokens: 1 },
    });
    expect(viaJson(turn.usage)).toEqual(turn.usage);
  });

  it.each(['end_turn', 'pause_turn'])(
    'in an input: a turn with %s goes on to its end',
    async (stopReason) => {
      const bodies = [deepIn(response([text, call], { stopReason })), whole];
      const turn = await runTurn(clientAnswering(...bodies), params, quick);
      expect(turn).toMatchObject({ outcome: 'completed', executions: [{ id: 'srvtoolu_1' }] });
      expect(viaJson(turn.messages)).toEqual(turn.messages);
    },
  );

  it('in an input: a session goes on, and is stored', async () => {
    const session = createSession(clientAnswering(deepIn(response([text, call])), whole), defaults, quick);
    await plainly(session.run('Go.'));
    const again = createSession(clientAnswering(whole), defaults, {
      ...quick,
      snapshot: viaJson(session.toJSON()),
    });
    expect((await again.run('More.')).outcome).toBe('completed');
  });

  it('in the input of a tool: the handler gets nothing, and Claude is told', async () => {
    const tool = { name: 'save', input_schema: { type: 'object' as const }, run: () => 'saved' };
    const use = { type: 'tool_use', id: 'toolu_1', name: 'save', input: 'DEEP' };
    const bodies = [deepIn(response([use], { stopReason: 'tool_use' })), whole];
    const turn = await plainly(runTurn(clientAnswering(...bodies), { ...params, tools: [tool] }, quick));
    expect(turn.messages.at(-2)?.content).toMatchObject([{ is_error: true }]);
  });
});

it('a clock that breaks in the middle loses nothing', async () => {
  let received = 0;
  for (const good of [2, 3, 4, 5, 6]) {
    let readings = 0;
    const now = () => (readings++ < good ? new Date() : (5 as never));
    const failed = await thrownBy(runTurn(clientAnswering(paused, whole), params, { ...quick, now }));
    expect(isCodeExecutionError(failed)).toBe(true);
    expect(failed.message).toMatch(/options\.now must be a function that gives a Date, got 5/);
    received += failed.responses?.length ?? 0;
    if (failed.responses?.length > 0) expect(failed.state.text).toMatch(/^Kept\./);
  }
  expect(received).toBeGreaterThan(2);
});

describe('a damaged snapshot', () => {
  const readers = ['usage', 'container', 'messages', 'unfinished'] as const;

  it('is refused, with a type, by whatever reads it first', async () => {
    const session = createSession(clientAnswering(paused), defaults, { ...quick, stopWhen: () => true });
    await session.run('Go.');
    const snapshot = session.toJSON() as unknown as Record<string, unknown>;
    let refused = 0;
    for (const key of Object.keys(snapshot).filter((name) => name !== 'version')) {
      for (const bad of [undefined, null, 5, 'x', {}, [null], [5], { state: null }, () => {}]) {
        const open = () =>
          createSession(clientAnswering(whole), defaults, {
            ...quick,
            snapshot: { ...snapshot, [key]: bad } as never,
          });
        const reads = [
          ...readers.map((name) => () => open()[name]),
          () => open().toJSON(),
          () => open().fork(),
          () => open().discard(),
          () => open().run('Go.'),
          () => open().resume({ rerun: true }).turn(),
        ];
        for (const read of reads) {
          const error = await (async () => read())().catch((thrownError) => thrownError);
          if (!(error instanceof Error)) continue;
          expect(isCodeExecutionError(error), String(error)).toBe(true);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(50);
  });
});
