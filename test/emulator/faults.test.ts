import { runTurn } from 'code-execution-kit';
import {
  bash,
  create,
  cutAfter,
  delay,
  type EmulatorOptions,
  type Fault,
  fails,
  httpError,
  pause,
  python,
  refuseConnection,
  say,
  sliceInto,
  stallAfter,
  stop,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { params, world } from '../support/world.ts';

const start = (script: EmulatorOptions['script'], ...faults: Fault[]) =>
  world(script, { faults, maxRetries: 2 });

describe('faults', () => {
  it.each([
    [httpError(500), { status: 500, type: 'api_error' }, 1],
    [
      httpError(400, { message: 'emulated reason' }),
      { status: 400, message: expect.stringContaining('emulated reason') },
      1,
    ],
    [httpError(429, { headers: { 'retry-after-ms': '1' } }), undefined, 2],
    [refuseConnection(), undefined, 2],
  ])('before an answer: %o', async (fault, expected, requests) => {
    const { emulator, client } = start([say('Hello.')], fault);
    const outcome = await runTurn(client, params).catch((error) => error);
    if (expected) expect(outcome).toMatchObject(expected);
    else expect(outcome.answer).toBe('Hello.');
    expect(emulator.requests).toHaveLength(requests);
    if (!expected) emulator.assertDone();
  });

  it.each([
    [cutAfter(6), 'stream_cut'],
    [cutAfter(6, 'break'), 'stream_cut'],
    [cutAfter(6, 'error'), 'stream_error'],
    [stallAfter(6), 'idle_timeout'],
  ])('in the middle of one: %o', async (fault, code) => {
    const { client } = start([say('Hello, this is long enough.')], fault);
    const error = await runTurn(client, params, { idleTimeoutMs: 50 }).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'TurnInterruptedError', code });
    expect('Hello, this is long enough.').toContain(error.state.text);
    expect(error.state.text).not.toBe('');
  });

  it('that are none: bytes in small pieces', async () => {
    const { client } = start([say('Grüße 😀'), python('print("ä")')], sliceInto(3));
    expect(await runTurn(client, params)).toMatchObject({
      text: 'Grüße 😀',
      executions: [{ stdout: 'ä\n' }],
    });
  });

  it('of tools, by their error codes', async () => {
    const { client } = start([
      fails(bash('ls'), 'unavailable'),
      fails(create('/a', 'x'), 'of_tomorrow'),
      say('Sorry.'),
    ]);
    const turn = await runTurn(client, params);
    expect(turn.executions).toMatchObject([
      { kind: 'bash', status: 'errored', errorCode: 'unavailable' },
      { kind: 'create', status: 'errored', errorCode: 'of_tomorrow', errorMessage: null },
    ]);
  });

  it('of containers: lost between two requests', async () => {
    const { emulator, client } = start([bash('true'), pause(), say('x'), stop(), say('y')]);
    const stopAtPause = await runTurn(client, params, { maxPauses: 0 }).catch((error) => error.turn);
    emulator.loseContainers();
    const next = { ...params, messages: stopAtPause.messages, container: stopAtPause.container };
    await expect(runTurn(client, next)).rejects.toMatchObject({
      code: 'container_lost',
      cause: { status: 404 },
    });
  });
});

describe('other endpoints', () => {
  it('list models and what they support', async () => {
    const { client } = start([]);
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toContain('claude-opus-5-5');
    const model = await client.models.retrieve('claude-haiku-5-5');
    expect(model.capabilities?.server_tools.code_execution.supported).toBe(true);
    await expect(client.models.retrieve('claude-none')).rejects.toMatchObject({ status: 404 });
  });

  it('count tokens', async () => {
    const { client } = start([]);
    const { model, messages } = params;
    expect((await client.messages.countTokens({ model, messages })).input_tokens).toBeGreaterThan(10);
    await expect(client.messages.countTokens({ model, messages: [] })).rejects.toMatchObject({ status: 400 });
  });
});

it('a delay makes an answer late, and an abort does not wait for it', async () => {
  const { client } = start([say('Second.'), pause(), say('First.')], delay(200), delay(600_000));
  const aborted = new AbortController();
  const order: string[] = [];
  const ask = async (name: string, signal?: AbortSignal) => {
    await client.messages.create(params, { signal }).catch(() => {});
    order.push(name);
  };
  await Promise.all([
    ask('late'),
    ask('aborted', aborted.signal),
    ask('in time').then(() => aborted.abort()),
  ]);
  expect(order).toEqual(['in time', 'aborted', 'late']);
});
