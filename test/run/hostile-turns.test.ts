import type { ContentBlock, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import {
  type Checkpoint,
  CodeExecutionError,
  createSession,
  isContainerLostError,
  isTurnInterruptedError,
  isTurnLimitError,
  nextParams,
  type RunnableTool,
  resumeTurn,
  runTurn,
  type TurnOptions,
  userMessage,
} from 'code-execution-kit';
import {
  bash,
  callTool,
  cannedSandbox,
  httpError,
  inParallel,
  pause,
  python,
  type Step,
  say,
  stop,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { params, thrownBy, viaJson, type WorldOptions, world } from '../support/world.ts';

const asking = cannedSandbox(async ({ tools }) => {
  const [reply] = tools.names.includes('f') ? await tools.call([{ name: 'f', input: { n: 1 } }]) : [];
  return { stdout: `${reply?.kind} ${reply?.text}` };
});

function start(script: readonly Step[], options: WorldOptions = {}) {
  const made = world(script, { sandbox: asking, apiKey: 'secret-key', ...options });
  return { ...made, paths: () => made.emulator.requests.map(({ method, path }) => `${method} ${path}`) };
}

const tool = (run: (input: never, context: never) => unknown, more: object = {}): RunnableTool =>
  ({ name: 'f', input_schema: { type: 'object' }, run, ...more }) as RunnableTool;
const fromCode = { allowed_callers: ['code_execution_20260120'] };
const pausedTurn = async (options: TurnOptions = {}) => {
  const world = start([bash('a'), pause(), say('Done.')]);
  const turn = await runTurn(world.client, params, { stopWhen: () => true, ...options });
  return { ...world, checkpoint: viaJson(turn.checkpoint as Checkpoint) };
};

describe('a checkpoint from outside', () => {
  it('brings no options with it, such as where to send the key', async () => {
    const { client, checkpoint, paths } = await pausedTurn();
    const limits = {
      ...checkpoint.limits,
      request: { path: 'https://evil.example/steal', method: 'delete' },
    };
    await resumeTurn(client, { ...checkpoint, limits } as never).turn();
    expect(paths()).toEqual(['POST /v1/messages', 'POST /v1/messages']);
  });

  it('survives JSON whatever the limits were', async () => {
    const { client, checkpoint } = await pausedTurn({
      maxPauses: Number.POSITIVE_INFINITY,
      maxOutputTokens: Number.POSITIVE_INFINITY,
    });
    expect(await resumeTurn(client, checkpoint).turn()).toMatchObject({ outcome: 'completed' });
  });

  it.each([
    [
      'a response that is none of the history',
      (one: Checkpoint) => ({ ...one, phase: 'awaiting-tools', responses: [] }),
      /responses/,
    ],
    [
      'tools that are no list',
      (one: Checkpoint) => ({ ...one, params: { ...one.params, tools: 5 } }),
      /params\.tools/,
    ],
    [
      'a text without text',
      (one: Checkpoint) => ({
        ...one,
        state: { ...one.state, parts: [{ type: 'text', responseIndex: 0 }] },
      }),
      /state\.parts/,
    ],
    [
      'half an execution',
      (one: Checkpoint) => ({ ...one, state: { ...one.state, executions: [{ id: 'x' }] } }),
      /state\.executions/,
    ],
  ])('is refused with %s', async (_, damage, field) => {
    const { client, checkpoint, paths } = await pausedTurn();
    await expect(resumeTurn(client, damage(checkpoint) as never).turn()).rejects.toThrow(field);
    expect(paths()).toHaveLength(1);
  });

  it('of a turn that had come to its end gives the turn, and sends nothing', async () => {
    const script = [python('…'), say('The answer.')];
    const { client, emulator, paths } = start(script, {
      sandbox: cannedSandbox(() => ({ files: { 'a.txt': 'x' } })),
    });
    const controller = new AbortController();
    const slow = {
      messages: client.messages,
      files: {
        ...client.files,
        list: () => {
          controller.abort();
          return new Promise<never>(() => {});
        },
      },
    };
    const error = await thrownBy(runTurn(slow as never, params, { signal: controller.signal }));
    expect(isTurnInterruptedError(error) && error.code).toBe('aborted');
    const turn = await resumeTurn(client, viaJson(error.checkpoint)).turn();
    expect(turn).toMatchObject({ outcome: 'completed', answer: 'The answer.' });
    expect(paths().filter((path) => path === 'POST /v1/messages')).toHaveLength(1);
    emulator.assertDone();
  });
});

describe('a handler', () => {
  it('that never settles gives an error result, and the process waits for it', async () => {
    const { client } = start([callTool('f'), say('Done.')]);
    const tools = [tool(() => new Promise(() => {}))];
    const turn = await runTurn(client, { ...params, tools }, { toolTimeoutMs: 20.5 });
    expect(turn.messages.at(-2)?.content).toMatchObject([
      { is_error: true, content: expect.stringContaining('20.5 ms') },
    ]);
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 31 + 10])(
    'may take its time with toolTimeoutMs %d',
    async (toolTimeoutMs) => {
      const { client } = start([callTool('f'), say('Done.')]);
      const tools = [tool(() => new Promise((resolve) => setImmediate(() => resolve('ok'))))];
      const turn = await runTurn(client, { ...params, tools }, { toolTimeoutMs });
      expect(turn.messages.at(-2)?.content).toMatchObject([{ content: 'ok' }]);
    },
  );

  it('gets copies: what it does to its input is not sent', async () => {
    const { client, emulator } = start([callTool('f', { n: 1 }), say('Done.')]);
    const meddling = tool((input: { n?: number }, context: { toolUse: { input: { n?: number } } }) => {
      input.n = 99;
      context.toolUse.input.n = 98;
      return 'ok';
    });
    await runTurn(client, { ...params, tools: [meddling] });
    const { messages } = (emulator.requests.at(-1) as { body: unknown }).body as { messages: MessageParam[] };
    expect(messages[1]?.content).toMatchObject([{ type: 'tool_use', input: { n: 1 } }]);
  });

  const circular: unknown[] = [];
  circular.push({ type: 'text', text: circular });
  it.each<[string, () => unknown, object]>([
    ['a BigInt in a block', () => [{ type: 'text', text: 1n }], { is_error: true }],
    ['a circle', () => circular, { is_error: true }],
    [
      'what cannot be made a text',
      () => {
        throw Object.create(null);
      },
      { is_error: true, content: 'Error: a value that cannot be shown was thrown' },
    ],
    ['undefined', () => undefined, { type: 'tool_result' }],
    ['null', () => null, { content: 'null' }],
    ['data with types', () => [{ type: 'sale', amount: 3 }], { content: '[{"type":"sale","amount":3}]' }],
    [
      'an error with such content',
      () => {
        throw Object.assign(new Error('x'), { name: 'ToolError', content: 5n });
      },
      { is_error: true },
    ],
  ])('that gives %s makes a result', async (_, run, expected) => {
    const { client } = start([callTool('f'), say('Done.')]);
    const turn = await runTurn(client, { ...params, tools: [tool(run)] });
    expect(turn.messages.at(-2)?.content).toMatchObject([expected]);
    expect(viaJson(turn.messages)).toEqual(turn.messages);
  });

  it('that gives the same list each time leaves the history as it was', async () => {
    const { client } = start([callTool('f'), say('And'), callTool('f'), say('Done.')]);
    const list: object[] = [];
    const growing = tool(() => {
      list.push({ type: 'text', text: `call ${list.length}` });
      return list;
    });
    const turn = await runTurn(client, { ...params, tools: [growing] });
    expect(
      turn.messages
        .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
        .filter(({ type }) => type === 'tool_result'),
    ).toMatchObject([
      { content: [{ text: 'call 0' }] },
      { content: [{ text: 'call 0' }, { text: 'call 1' }] },
    ]);
  });

  it('gives code no image, not as an error either', async () => {
    const image = { type: 'image', source: {} };
    for (const run of [
      () => [image],
      () => {
        throw Object.assign(new Error('x'), { name: 'ToolError', content: [image] });
      },
    ]) {
      const { client } = start([python('…'), say(({ stdout }) => stdout)]);
      expect((await runTurn(client, { ...params, tools: [tool(run, fromCode)] })).answer).toBe(
        'error Error: f gave image, and code takes text only.',
      );
    }
  });
});

it('definitions are sent whole but for what is no JSON, and names are unique', async () => {
  const { client, emulator } = start([say('Done.')]);
  const editor = {
    type: 'text_editor_20250728',
    name: 'str_replace_based_edit_tool',
    max_characters: 10_000,
    run: () => '',
    parse: (x: unknown) => x,
  };
  await runTurn(client, { ...params, tools: [editor as never] });
  const { tools } = (emulator.requests[0] as { body: unknown }).body as { tools: object[] };
  expect(tools[0]).toEqual({
    type: 'text_editor_20250728',
    name: 'str_replace_based_edit_tool',
    max_characters: 10_000,
  });
  const plain = { name: 'f', input_schema: { type: 'object' as const } };
  await expect(runTurn(client, { ...params, tools: [tool(() => ''), plain] })).rejects.toThrow(
    /two tools named f/,
  );
  await expect(
    runTurn(client, { ...params, tools: [tool(() => '', { name: 'code_execution' })] }),
  ).rejects.toThrow(/code_execution/);
});

describe('callers who go on with their own lists', () => {
  it('do not change the turn, nor do those who trim checkpoints', async () => {
    const { client, emulator } = start([say('a'), pause(), say('b')]);
    const messages = [userMessage('Go.')];
    await runTurn(
      client,
      { ...params, messages },
      {
        onEvent: ({ type }) => void (type === 'text-delta' && messages.push(userMessage('typed meanwhile'))),
        onCheckpoint: ({ messages: stored }) => void (stored as unknown[]).splice(0),
      },
    );
    expect((emulator.requests[1] as { body: unknown }).body).toMatchObject({
      messages: [{ role: 'user' }, { role: 'assistant' }],
    });
  });

  it('do not change a session', async () => {
    const { client, emulator } = start([say('a'), stop(), say('b')]);
    const session = createSession(client, { model: params.model, max_tokens: 100 });
    const turn = await session.run('one');
    turn.messages.push(userMessage('INJECTED'));
    (session.toJSON().messages as unknown[]).splice(0);
    await session.run('two');
    expect(JSON.stringify((emulator.requests[1] as { body: unknown }).body)).not.toContain('INJECTED');
    expect(session.messages).toHaveLength(4);
  });
});

describe('limits', () => {
  it('of time hold after handlers and checkpoints, too', async () => {
    let time = 0;
    const now = () => new Date(time);
    const slow = tool(() => {
      time += 100_000;
      return 'ok';
    });
    const { client, paths } = start([callTool('f'), say('Done.')]);
    const error = await thrownBy(
      runTurn(client, { ...params, tools: [slow] }, { now, maxDurationMs: 50_000 }),
    );
    expect(isTurnLimitError(error)).toBe(true);
    expect(paths()).toHaveLength(1);
    expect(error.checkpoint.messages.at(-1)).toMatchObject({
      content: [{ type: 'tool_result', content: 'ok' }],
    });
    expect((await resumeTurn(client, viaJson(error.checkpoint), { now, tools: [slow] }).turn()).answer).toBe(
      'Done.',
    );
  });

  it('count what resuming goes on with', async () => {
    const { client } = start([pause(), pause(), pause(), pause(), say('Done.')]);
    const options = { maxPauses: 2, stopWhen: () => true };
    let turn = await runTurn(client, params, options);
    turn = await resumeTurn(client, turn.checkpoint as Checkpoint, { stopWhen: () => true }).turn();
    const error = await thrownBy(
      resumeTurn(client, turn.checkpoint as Checkpoint, { stopWhen: () => true }).turn(),
    );
    expect(isTurnLimitError(error) && error.limit).toBe('maxPauses');
  });

  it('give no number twice', async () => {
    const { client } = start([pause(), say('Done.')]);
    const numbers: number[] = [];
    const onEvent = ({ seq }: { seq: number }) => void numbers.push(seq);
    const error = await thrownBy(runTurn(client, params, { maxPauses: 0, onEvent }));
    await resumeTurn(client, error.checkpoint, { maxPauses: 5, onEvent }).turn();
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });
});

describe('functions of the caller', () => {
  it.each<[string, TurnOptions, string]>([
    [
      'stopWhen that throws',
      {
        stopWhen: () => {
          throw new CodeExecutionError('over budget', { code: 'budget' });
        },
      },
      'stop_when_failed',
    ],
    [
      'stopWhen that rejects',
      {
        stopWhen: async () => {
          throw new Error('x');
        },
      },
      'stop_when_failed',
    ],
    [
      'onCheckpoint that throws anything',
      {
        onCheckpoint: () => {
          throw Object.create(null);
        },
      },
      'checkpoint_failed',
    ],
  ])('%s loses nothing', async (_, options, code) => {
    const { client } = start([bash('a'), pause(), say('Done.')]);
    const error = await thrownBy(runTurn(client, params, options));
    expect(isTurnInterruptedError(error) && error.code).toBe(code);
    expect(error).toMatchObject({
      state: { executions: [{ status: 'succeeded' }] },
      responses: [{}],
      checkpoint: { phase: 'ready' },
    });
  });

  it('onEvent that throws anything is a notice', async () => {
    const { client } = start([say('Done.')]);
    const turn = await runTurn(client, params, {
      onEvent: () => {
        throw Object.create(null);
      },
    });
    expect(turn.notices).toMatchObject([{ code: 'listener-failed' }]);
  });

  it.each([() => new Date(Number.NaN), Date.now])('a clock that gives no time is refused', async (now) => {
    await expect(runTurn(start([]).client, params, { now: now as never })).rejects.toThrow(
      /options\.now must be a function that gives a Date/,
    );
  });
});

describe('an interruption', () => {
  it.each([[[null]], [[{ type: 'tool_result', tool_use_id: 'x' }]], [[]], [''], [5]])(
    'by %j is refused, and nothing changes',
    async (interrupt) => {
      const { client, checkpoint, paths } = await pausedTurn();
      await expect(resumeTurn(client, checkpoint, { interrupt: interrupt as never }).turn()).rejects.toThrow(
        /interrupt must be/,
      );
      expect(paths()).toHaveLength(1);
    },
  );

  it('drops calls without a result, and nothing else, whatever they lack', () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'tool_use', name: 't', input: {} },
      { type: 'mcp_tool_use', id: 'mcptoolu_1', name: 'x', input: {} },
    ];
    const response = { content: content as unknown as ContentBlock[], stop_reason: 'tool_use' };
    expect(nextParams(params, response, { interrupt: 'Stop.' })?.messages).toEqual([
      userMessage('Go.'),
      { role: 'assistant', content: content.slice(0, 2) },
      { role: 'user', content: 'Stop.' },
    ]);
  });
});

describe('a session', () => {
  const other = { name: 'other', input_schema: { type: 'object' as const } };
  const awaiting = async () => {
    const world = start([callTool('other'), say('Done.')]);
    const session = createSession(world.client, { model: params.model, max_tokens: 100, tools: [other] });
    const turn = await session.run('hi');
    const [{ id = '' } = {}] = turn.toolUses;
    return { ...world, session, results: [{ type: 'tool_result' as const, tool_use_id: id, content: 'ok' }] };
  };

  it('waits on when a continuation is refused', async () => {
    const { emulator, session, results } = await awaiting();
    emulator.inject(httpError(400));
    await expect(session.resume({ toolResults: results }).turn()).rejects.toMatchObject({
      code: 'request_failed',
    });
    expect((await session.resume({ toolResults: results }).turn()).answer).toBe('Done.');
  });

  it('is not changed by a stream that never began', async () => {
    const { session, paths } = await awaiting();
    const before = session.toJSON();
    await session.resume({ interrupt: 'never sent' })[Symbol.asyncDispose]();
    expect(session.toJSON()).toEqual(before);
    expect(paths()).toHaveLength(1);
  });

  it('keeps its container when a 404 speaks of something else', async () => {
    const { client, emulator } = start([bash('a'), stop(), say('b')]);
    const session = createSession(client, { model: params.model, max_tokens: 100 });
    await session.run('one');
    emulator.inject(
      httpError(404, { message: 'File file_1 was not found, so it could not be loaded into the container.' }),
    );
    await expect(session.run('two')).rejects.toMatchObject({ status: 404 });
    expect(session.container).not.toBeNull();
  });
});

it('a lost container is not replaced while calls wait for results that were appended by hand', async () => {
  const { client, emulator } = start([inParallel(python('…')), say('Done.')]);
  const definition = { ...fromCode, name: 'f', input_schema: { type: 'object' as const } };
  const turn = await runTurn(client, { ...params, tools: [definition as never] });
  const results = turn.toolUses.map(({ id }) => ({
    type: 'tool_result' as const,
    tool_use_id: id,
    content: 'ok',
  }));
  emulator.loseContainers();
  const again = {
    ...params,
    tools: [definition as never],
    container: turn.container,
    messages: [...turn.messages, { role: 'user' as const, content: results }],
  };
  expect(isContainerLostError(await thrownBy(runTurn(client, again, { onLostContainer: 'restart' })))).toBe(
    true,
  );
});
