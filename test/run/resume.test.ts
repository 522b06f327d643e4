import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import {
  type Checkpoint,
  createSession,
  isContainerLostError,
  isTurnInterruptedError,
  isTurnLimitError,
  nextParams,
  type RunnableTool,
  resumeTurn,
  runTurn,
  streamTurn,
  type TurnInterruptedError,
  type TurnOptions,
  type TurnParams,
  type TurnStream,
  userMessage,
} from 'code-execution-kit';
import {
  bash,
  callTool,
  cannedSandbox,
  cutAfter,
  inParallel,
  pause,
  python,
  type Step,
  say,
  stop,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { clientAnswering, response, sseOf } from '../support/sse.ts';
import { params, thrownBy, timeless, viaJson, type WorldOptions, world } from '../support/world.ts';

const FROM_CODE = ['code_execution_20260120'] as const;

/** A sandbox whose Python calls `double` twice at once, then once more. */
const calling = cannedSandbox(async ({ language, source, tools }) => {
  if (language === 'bash' || !tools.names.includes('double')) return { stdout: source };
  const call = (n: number) => ({ name: 'double', input: { n } });
  const first = await tools.call([call(1), call(2)]);
  const [last] = await tools.call([call(3)]);
  return { stdout: [...first, last].map((reply) => `${reply?.kind} ${reply?.text}`).join(', ') };
});

const start = (script: readonly Step[], options: WorldOptions = {}) =>
  world(script, { sandbox: calling, ...options });

const double = betaZodTool({
  name: 'double',
  description: 'Doubles a number.',
  inputSchema: z.object({ n: z.number() }),
  run: ({ n }) => String(2 * n),
});

/** A tool that code may call. */
const fromCode = (tool: RunnableTool): RunnableTool =>
  ({ ...tool, allowed_callers: FROM_CODE }) as RunnableTool;

describe('limits', () => {
  const pauses = [pause(), pause(), pause(), say('Done.')];

  it.each([
    ['maxPauses', { maxPauses: 1 }, pauses, 2],
    ['maxOutputTokens', { maxOutputTokens: 5 }, [say('x'.repeat(200)), pause(), say('Done.')], 1],
    [
      'maxToolRounds',
      { maxToolRounds: 1 },
      [callTool('double', { n: 1 }), say('And'), callTool('double', { n: 2 }), say('Done.')],
      2,
    ],
  ] as const)('%s speaks, and the turn goes on from its checkpoint', async (limit, options, script, sent) => {
    const { client, posts, emulator } = start(script);
    const error = await thrownBy(runTurn(client, { ...params, tools: [double] }, options));
    expect(isTurnLimitError(error)).toBe(true);
    expect(error).toMatchObject({
      limit,
      turn: { outcome: 'paused' },
      message: expect.stringContaining(limit),
    });
    expect(posts()).toBe(sent);
    const checkpoint = JSON.parse(JSON.stringify(error.checkpoint));
    expect(checkpoint).toEqual(error.checkpoint);
    // Its own counter begins anew, so each resumption gets one step further.
    let turn = await resumeTurn(client, checkpoint, { tools: [double] })
      .turn()
      .catch((again) => again);
    while (isTurnLimitError(turn)) {
      turn = await resumeTurn(client, turn.checkpoint, { tools: [double] })
        .turn()
        .catch((again) => again);
    }
    expect(turn).toMatchObject({ outcome: 'completed', answer: expect.stringMatching(/Done\.$/) });
    emulator.assertDone();
  });

  it('maxDurationMs counts by the clock, over processes, and ends no response that is under way', async () => {
    let time = 0;
    const now = () => new Date(time);
    const { client } = start([bash('a'), pause(), bash('b'), pause(), say('c'), pause(), say('Done.')], {
      sandbox: cannedSandbox(() => {
        time += 60_000;
        return {};
      }),
    });
    const options = { now, maxDurationMs: 100_000, maxPauses: 1 };
    const first = await thrownBy(runTurn(client, params, options));
    expect(first).toMatchObject({
      limit: 'maxPauses',
      checkpoint: { spent: { pauses: 1, durationMs: 120_000 } },
    });
    const second = await thrownBy(resumeTurn(client, first.checkpoint, { now, maxPauses: 5 }).turn());
    expect(second).toMatchObject({ limit: 'maxDurationMs', checkpoint: { spent: { durationMs: 0 } } });
  });

  it.each(['at once', 'later'])(
    'stopWhen ends the turn without an error, with a checkpoint: %s',
    async (when) => {
      const { client, posts } = start([bash('a'), pause(), bash('b'), pause(), say('Done.')]);
      const stopWhen = ({ executions }: { executions: readonly unknown[] }) => {
        const stops = executions.length === 2;
        return when === 'later' ? Promise.resolve(stops) : stops;
      };
      const turn = await runTurn(client, params, { stopWhen });
      expect(turn).toMatchObject({ outcome: 'paused', stopReason: 'pause_turn', status: 'ended' });
      expect(posts()).toBe(2);
      const whole = await resumeTurn(client, turn.checkpoint as Checkpoint).turn();
      expect(whole).toMatchObject({ outcome: 'completed', answer: 'Done.' });
      expect(whole.executions).toHaveLength(2);
      expect(whole.responses).toHaveLength(3);
      expect(whole.checkpoint).toBeUndefined();
    },
  );
});

describe('client tools', () => {
  it('of Claude and of running code are answered, made by betaZodTool, in the same container', async () => {
    const { client, emulator } = start([
      inParallel(callTool('double', { n: 20 }), callTool('double', { n: 21 })),
      python('…'),
      say(({ stdout }) => stdout),
    ]);
    const both = {
      ...double,
      allowed_callers: ['direct', ...FROM_CODE] as ['direct', 'code_execution_20260120'],
    };
    const turn = await runTurn(client, { ...params, tools: [both] });
    expect(turn.answer).toBe('text 2, text 4, text 6');
    expect(turn.executions).toMatchObject([{ kind: 'python', status: 'succeeded' }]);
    const bodies = emulator.requests.flatMap(({ body }) =>
      body ? [body as { tools: object[]; messages: never[]; container?: string }] : [],
    );
    expect(bodies).toHaveLength(4);
    expect(bodies[0]?.tools[0]).toEqual({
      type: 'custom',
      name: 'double',
      description: 'Doubles a number.',
      input_schema: expect.objectContaining({ type: 'object' }),
      allowed_callers: ['direct', ...FROM_CODE],
    });
    expect(new Set(bodies.map(({ tools }) => JSON.stringify(tools))).size).toBe(1);
    expect(bodies[1]?.messages.at(-1)).toEqual({
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: expect.any(String), content: '40' },
        { type: 'tool_result', tool_use_id: expect.any(String), content: '42' },
      ],
    });
    expect(bodies.slice(2).map(({ container }) => container)).toEqual(Array(2).fill(turn.container?.id));
    emulator.assertDone();
  });

  it('run at the same time', async () => {
    const { client } = start([
      inParallel(callTool('double', { n: 1 }), callTool('double', { n: 2 })),
      say('Done.'),
    ]);
    let arrived = 0;
    let open = () => {};
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const meeting: RunnableTool = {
      ...double,
      run: async () => {
        if (++arrived === 2) open();
        await both;
        return 'met';
      },
    };
    expect((await runTurn(client, { ...params, tools: [meeting] })).answer).toBe('Done.');
  });

  it.each([
    ['throws', () => Promise.reject(new Error('no such sale')), 'error Error: no such sale'],
    ['is late', () => new Promise<never>(() => {}), 'error Error: double did not answer within 20 ms.'],
    ['gives JSON', () => ({ sum: 3 }), 'text {"sum":3}'],
    [
      'gives an image to code',
      () => [{ type: 'image', source: {} }],
      'error Error: double gave image, and code takes text only.',
    ],
  ])('a handler that %s makes a result', async (_, run, text) => {
    const { client } = start([python('…'), say(({ stdout }) => stdout)]);
    const tools = [fromCode({ ...double, run } as RunnableTool)];
    const turn = await runTurn(client, { ...params, tools }, { toolTimeoutMs: 20 });
    expect(turn.answer).toBe(`${text}, ${text}, ${text}`);
  });

  it('of which one has no handler run not at all: the turn awaits them, and goes on with their results', async () => {
    const { client, posts } = start([
      inParallel(callTool('double', { n: 1 }), callTool('other')),
      say('Done.'),
    ]);
    let runs = 0;
    const counted: RunnableTool = { ...double, run: () => String(++runs) };
    const other = { name: 'other', input_schema: { type: 'object' as const } };
    const turn = await runTurn(client, { ...params, tools: [counted, other] });
    expect(turn).toMatchObject({ outcome: 'awaiting-tools', stopReason: 'tool_use' });
    expect([runs, posts()]).toEqual([0, 1]);
    const toolResults = turn.toolUses.map(({ id }) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: 'x',
    }));
    const checkpoint = turn.checkpoint as Checkpoint;
    await expect(resumeTurn(client, checkpoint, { tools: [counted] }).turn()).rejects.toThrow(
      /tool other, which has no handler/,
    );
    const half = resumeTurn(client, checkpoint, {
      tools: [counted],
      toolResults: toolResults.slice(1),
    }).turn();
    await expect(half).rejects.toThrow(/no result for toolu_/);
    const whole = await resumeTurn(client, checkpoint, { tools: [counted], toolResults }).turn();
    expect(whole).toMatchObject({ outcome: 'completed', answer: 'Done.' });
    expect(posts()).toBe(2);
  });
});

describe('a checkpoint', () => {
  /** Every checkpoint of an undisturbed turn, and the turn. */
  async function checkpointsOf(
    script: readonly Step[],
    options: TurnOptions = {},
    more: Partial<TurnParams> = {},
  ) {
    const world = start(script);
    const checkpoints: Checkpoint[] = [];
    const onCheckpoint = (checkpoint: Checkpoint) =>
      void checkpoints.push(JSON.parse(JSON.stringify(checkpoint)));
    const turn = await runTurn(world.client, { ...params, ...more }, { ...options, onCheckpoint });
    return { ...world, checkpoints, turn };
  }

  it('is made after each pause, and before and after the handlers of a tool round', async () => {
    const { checkpoints } = await checkpointsOf(
      [pause(), callTool('double', { n: 1 }), say('Done.')],
      {},
      { tools: [double] },
    );
    expect(
      checkpoints.map(({ phase, mayRerun, spent: { pauses, toolRounds } }) => [
        phase,
        mayRerun,
        pauses,
        toolRounds,
      ]),
    ).toEqual([
      ['ready', true, 1, 0],
      ['awaiting-tools', true, 1, 1],
      ['ready', true, 1, 1],
    ]);
    expect(JSON.stringify(checkpoints)).not.toContain('none');
  });

  it('goes on with the same counters, numbers and usage, wherever it was taken', async () => {
    const script = [bash('a'), pause(), python('…'), pause(), bash('b'), say('Done.')];
    const tools = [fromCode(double)];
    const { checkpoints, turn } = await checkpointsOf(script, {}, { tools });
    expect(checkpoints).toHaveLength(6);
    for (const [index, checkpoint] of checkpoints.entries()) {
      // Another emulator that was asked for the same up to there.
      const world = start(script);
      let seen = -1;
      const again = await thrownBy(
        runTurn(
          world.client,
          { ...params, tools },
          {
            onCheckpoint: () => {
              if (++seen === index) throw new Error('killed');
            },
          },
        ),
      );
      expect(isTurnInterruptedError(again) && again.code).toBe('checkpoint_failed');
      const numbers: number[] = [];
      const onEvent = ({ seq }: { seq: number }) => void numbers.push(seq);
      const resumed = await resumeTurn(world.client, checkpoint, { tools, rerun: true, onEvent }).turn();
      const facts = ({ executions, artifacts, usage, answer, text }: typeof turn) => ({
        executions,
        artifacts,
        usage,
        answer,
        text,
      });
      expect(timeless(facts(resumed))).toEqual(timeless(facts(turn)));
      expect(numbers[0]).toBe(checkpoint.state.seq + 1);
      expect(numbers).toEqual(numbers.map((_, place) => (numbers[0] as number) + place));
      world.emulator.assertDone();
    }
  });

  it('of an interruption says that code may run again, and is not taken without a word', async () => {
    const { client, emulator, posts } = start([
      bash('a'),
      pause(),
      bash('b'),
      say('Done.'),
      stop(),
      say('x'),
    ]);
    emulator.inject(cutAfter(1000), cutAfter(4));
    const error = await thrownBy(runTurn(client, params));
    expect(error).toMatchObject({
      code: 'stream_cut',
      checkpoint: { mayRerun: true, phase: 'ready', responses: [{}] },
    });
    await expect(resumeTurn(client, error.checkpoint).turn()).rejects.toThrow(/Pass rerun: true/);
    expect(posts()).toBe(2);
    expect(await resumeTurn(client, error.checkpoint, { rerun: true }).turn()).toMatchObject({
      outcome: 'completed',
    });
    // Something else than going on repeats nothing.
    const interrupted = await resumeTurn(client, error.checkpoint, { interrupt: 'Other.' }).turn();
    expect(interrupted).toMatchObject({ outcome: 'completed', answer: 'x' });
  });

  it('can be interrupted: open calls are dropped and named, and the message is sent', async () => {
    const { client, emulator } = start([say('Let me see.'), pause(bash('a')), say('All right.')]);
    const turn = await runTurn(client, params, { stopWhen: () => true });
    const stopped = await resumeTurn(client, turn.checkpoint as Checkpoint, {
      interrupt: 'Stop that.',
    }).turn();
    expect(stopped).toMatchObject({
      answer: 'All right.',
      notices: [{ code: 'calls-dropped', message: expect.stringContaining('srvtoolu_') }],
    });
    expect(emulator.requests.at(-1)?.body).toMatchObject({
      messages: [
        {},
        { role: 'assistant', content: [{ type: 'text' }] },
        { role: 'user', content: 'Stop that.' },
      ],
    });
  });

  it('can be interrupted while code waits for its tools', async () => {
    const { client, emulator } = start([python('…'), say('x'), stop(), say('All right.')]);
    const tools = [{ ...fromCode(double), run: undefined } as never];
    const turn = await runTurn(client, { ...params, tools });
    expect(turn.outcome).toBe('awaiting-tools');
    emulator.reset();
    const client2 = start([say('All right.')]).client;
    const { container: _, ...checkpoint } = turn.checkpoint as Checkpoint;
    const stopped = await resumeTurn(
      client2,
      { ...checkpoint, container: null },
      { interrupt: 'Stop that.' },
    ).turn();
    expect(stopped.answer).toBe('All right.');
  });

  it('can be interrupted in a later round of calls from code: its earlier calls go, too', async () => {
    const { client, emulator } = start([say('Let me see.'), python('…'), stop(), say('All right.')]);
    const tools = [fromCode(double)];
    const turn = await thrownBy(runTurn(client, { ...params, tools }, { maxToolRounds: 1 }));
    expect(turn.checkpoint.responses).toHaveLength(2);
    const another = start([say('All right.')]);
    const checkpoint = { ...turn.checkpoint, container: null };
    const stopped = await resumeTurn(another.client, checkpoint, { tools, interrupt: 'Stop that.' }).turn();
    expect(stopped.answer).toBe('All right.');
    expect(another.emulator.requests[0]?.body).toMatchObject({
      messages: [
        { role: 'user' },
        { role: 'assistant', content: [{ type: 'text', text: 'Let me see.' }] },
        { role: 'user', content: 'Stop that.' },
      ],
    });
    expect(stopped.notices[0]?.message.match(/toolu_/g)).toHaveLength(4);
    await emulator[Symbol.asyncDispose]();
  });

  it('counts no time backwards when the clock is set back', async () => {
    let time = 100_000;
    const now = () => {
      time -= 10_000;
      return new Date(time);
    };
    const checkpoints: Checkpoint[] = [];
    const onCheckpoint = (checkpoint: Checkpoint) => void checkpoints.push(checkpoint);
    const { client } = start([pause(), say('Done.')]);
    await runTurn(client, params, { now, onCheckpoint, maxDurationMs: 1000 });
    expect(checkpoints[0]?.spent.durationMs).toBe(0);
  });

  it.each([
    ['of another version', { version: 7 }, /has version 7, and this package reads version 1/],
    ['without messages', { messages: [] }, /damaged: messages: /],
    ['with a damaged message', { messages: [{ role: 'user' }] }, /damaged: messages\.0\.content: /],
    ['with a damaged state', { state: { seq: 'x' } }, /damaged: state\.\w+: /],
    ['with an unknown phase', { phase: 'x' }, /damaged: phase: /],
    ['with wrong limits', { limits: { maxPauses: 'many' } }, /damaged: limits\.maxPauses: /],
  ])('%s is refused, before any request', async (_, change, message) => {
    const { client, checkpoints, posts } = await checkpointsOf([pause(), say('Done.')]);
    const before = posts();
    const damaged = { ...checkpoints[0], ...change } as Checkpoint;
    await expect(resumeTurn(client, damaged, { rerun: true }).turn()).rejects.toThrow(message);
    expect(posts()).toBe(before);
  });

  it.each([null, 'x', [], 7])('%j is none', async (value) => {
    await expect(resumeTurn(start([]).client, value as never).turn()).rejects.toThrow(
      /resumeTurn takes a checkpoint|has version/,
    );
  });

  it('of a container without an expiry is taken', async () => {
    const paused = response([{ type: 'text', text: 'x' }], {
      stopReason: 'pause_turn',
      container: { id: 'container_1' },
    });
    const client = clientAnswering(sseOf(paused), sseOf(response([])));
    const { checkpoint } = await runTurn(client, params, { stopWhen: () => true });
    expect(checkpoint?.state.exchanges.at(-1)?.container).toMatchObject({
      id: 'container_1',
      expiresAt: null,
    });
    expect(await resumeTurn(client, checkpoint as Checkpoint).turn()).toMatchObject({ outcome: 'completed' });
  });

  it('whose tool has no handler here is refused with its name', async () => {
    const { client, checkpoints } = await checkpointsOf([pause(), say('Done.')], {}, { tools: [double] });
    const [checkpoint] = checkpoints;
    await expect(resumeTurn(client, checkpoint as Checkpoint, { rerun: true }).turn()).rejects.toThrow(
      /the tool double, which has no handler/,
    );
  });
});

describe('a container that is gone', () => {
  async function afterLoss(onLostContainer: 'throw' | 'restart') {
    const world = start([bash('a'), stop(), bash('b'), say('Done.')]);
    const { client, emulator, posts } = world;
    const file = await client.files.upload({ file: new File(['x'], 'a.csv') });
    const messages = [userMessage('Go.', { files: [file] })];
    const first = await runTurn(client, { ...params, messages });
    emulator.loseContainers();
    const before = posts();
    const again = {
      ...params,
      messages: [...first.messages, userMessage('Again.')],
      container: first.container,
    };
    const outcome = await runTurn(client, again, { onLostContainer }).catch((error) => error);
    return { ...world, first, file, outcome, sent: posts() - before };
  }

  it('is an error that names it, sent once', async () => {
    const { outcome, first, sent } = await afterLoss('throw');
    expect(isContainerLostError(outcome)).toBe(true);
    expect(outcome).toMatchObject({
      containerId: first.container?.id,
      requestId: expect.stringMatching(/^req_/),
      state: { container: null },
    });
    expect(sent).toBe(1);
  });

  it('is replaced by a fresh one with the uploads repeated, with a notice', async () => {
    const { outcome, file, sent, emulator } = await afterLoss('restart');
    expect(outcome).toMatchObject({ outcome: 'completed', notices: [{ code: 'container-lost' }] });
    expect(sent).toBe(2);
    const { messages, container } = (emulator.requests.at(-1) as { body: unknown }).body as {
      messages: never[];
      container?: string;
    };
    expect(container).toBeUndefined();
    expect(messages.at(-1)).toEqual({
      role: 'user',
      content: [
        { type: 'text', text: 'Again.' },
        { type: 'container_upload', file_id: file.id },
      ],
    });
  });

  it('in the middle of a turn is an error with everything received, whatever is asked for', async () => {
    const { client, emulator, posts } = start([bash('a'), pause(), bash('b'), say('Done.')]);
    const onCheckpoint = () => emulator.loseContainers();
    const error = await thrownBy(runTurn(client, params, { onLostContainer: 'restart', onCheckpoint }));
    expect(isContainerLostError(error)).toBe(true);
    expect(error.state.executions).toMatchObject([{ status: 'succeeded' }]);
    expect(error.responses).toHaveLength(1);
    expect(posts()).toBe(2);
  });

  it('and answers 500 past its expiry, as users report, counts as lost, and before its expiry does not', async () => {
    let time = Date.parse('2026-11-22T10:00:00Z');
    const now = () => new Date(time);
    const { client, emulator } = start([bash('a'), stop(), bash('b'), stop(), say('Done.')], { now });
    const file = await client.files.upload({ file: new File(['x'], 'a.csv') });
    const messages = [userMessage('Go.', { files: [file] })];
    const { container } = await runTurn(client, { ...params, messages }, { now });
    time += 3_600_001;
    const lost = await thrownBy(runTurn(client, { ...params, messages, container }, { now }));
    expect(isContainerLostError(lost)).toBe(true);
    time -= 3_600_000;
    emulator.inject({
      fault: 'http',
      status: 500,
      type: 'api_error',
      message: 'Internal server error',
      headers: {},
    });
    await expect(runTurn(client, { ...params, messages, container }, { now })).rejects.toMatchObject({
      status: 500,
    });
  });
});

it('nextParams interrupts, too', () => {
  const response = {
    content: [
      { type: 'text', text: 'x' },
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'bash_code_execution', input: {} },
    ],
    stop_reason: 'pause_turn',
  };
  expect(nextParams(params, response, { interrupt: 'Stop.' })?.messages.slice(1)).toEqual([
    { role: 'assistant', content: [{ type: 'text', text: 'x' }] },
    { role: 'user', content: 'Stop.' },
  ]);
});

describe('the tokens of MCP servers', () => {
  const TOKEN = 'mcp-token-0123456789';
  const open = { type: 'url' as const, name: 'open', url: 'https://open.example/mcp' };
  const sales = { type: 'url' as const, name: 'sales', url: 'https://sales.example/mcp' };
  const servers = [open, { ...sales, authorization_token: TOKEN }];
  const withServers = { ...params, mcp_servers: servers };

  /** A turn that stops at its second pause, and all checkpoints that it gave. */
  async function paused() {
    const bodies: Record<string, unknown>[] = [];
    const answers = clientAnswering(
      ...['pause_turn', 'pause_turn', 'end_turn'].map((reason) =>
        sseOf(response([{ type: 'text', text: `Said ${reason}.` }], { stopReason: reason })),
      ),
    );
    const client = {
      messages: {
        create(body: never, options?: never) {
          bodies.push(body);
          return answers.messages.create(body, options);
        },
      },
    } as typeof answers;
    const stored: string[] = [];
    const onCheckpoint = (one: Checkpoint) => void stored.push(JSON.stringify(one));
    const error = await thrownBy(runTurn(client, withServers, { maxPauses: 1, onCheckpoint }));
    stored.push(JSON.stringify(error.checkpoint), JSON.stringify(error));
    return { client, bodies, stored, checkpoint: JSON.parse(JSON.stringify(error.checkpoint)) as Checkpoint };
  }

  it('are sent, in no checkpoint, and given again', async () => {
    const { client, bodies, stored, checkpoint } = await paused();
    expect(bodies.map((body) => body['mcp_servers'])).toEqual([servers, servers]);
    expect(stored.length).toBeGreaterThan(2);
    expect(stored.join('')).not.toContain(TOKEN);
    expect(checkpoint.params).toMatchObject({ mcp_servers: [open, sales] });
    expect(checkpoint.mcpServers).toEqual(['sales']);
    const mcpServers = [{ ...sales, authorization_token: 'a-new-one' }, open];
    const again: Checkpoint[] = [];
    const onCheckpoint = (one: Checkpoint) => void again.push(one);
    const turn = await resumeTurn(client, checkpoint, { mcpServers, onCheckpoint, maxPauses: 5 }).turn();
    expect(turn.outcome).toBe('completed');
    expect(bodies[2]?.['mcp_servers']).toEqual(mcpServers);
    expect(JSON.stringify([turn, again])).not.toContain('a-new-one');
  });

  it.each([
    ['none', undefined, /server sales is not given as it was sent\. Pass mcpServers: .*authorization_token/],
    ['one without its token', [open, sales], /server sales is not given/],
    ['too few', servers.slice(1), /server open is not given/],
    ['too many', [...servers, { ...open, name: 'else' }], /server else is not given/],
    [
      'one with another URL',
      [open, { ...servers[1], url: 'https://else.example?k=1' }],
      /server sales is not given/,
    ],
    ['what is no list', 'sales', /Pass mcpServers: the list/],
  ])('are asked for before any request: %s', async (_, mcpServers, message) => {
    const { client, bodies, checkpoint } = await paused();
    const error = await thrownBy(resumeTurn(client, checkpoint, { mcpServers: mcpServers as never }).turn());
    expect(error).toMatchObject({ code: 'invalid_input', message: expect.stringMatching(message) });
    expect(error.message).not.toContain(TOKEN);
    expect(bodies).toHaveLength(2);
  });

  it('are those of a session’s defaults, and are not in its snapshot', async () => {
    const { client, bodies } = start([pause(), pause(), say('Done.')]);
    const { messages: _, ...defaults } = withServers;
    const session = createSession(client, defaults, { maxPauses: 1 });
    await thrownBy(session.run('Go.'));
    const snapshot = JSON.stringify(session);
    expect(snapshot).not.toContain(TOKEN);
    const restored = createSession(client, defaults, { snapshot: JSON.parse(snapshot) });
    await restored.resume({ maxPauses: 5 }).turn();
    const { mcp_servers: __, ...bare } = defaults;
    const other = createSession(client, bare, { snapshot: JSON.parse(snapshot) });
    await expect(other.resume().turn()).rejects.toThrow(/server sales is not given/);
    expect(bodies().map((body) => (body as typeof withServers).mcp_servers)).toEqual([
      servers,
      servers,
      servers,
    ]);
  });
});

describe('a response that takes longer than its process may run', () => {
  /** Each process is stopped while the response is on its way. */
  async function stopped(stream: TurnStream) {
    const error = await thrownBy(async () => {
      for await (const event of stream) if (event.type === 'text-delta') stream.abort();
    });
    return error as TurnInterruptedError;
  }
  const long = Array.from({ length: 9 }, () => [say('It takes its time.'), stop()]).flat();

  it('is begun again three times in a row, and not for ever', async () => {
    const { client, posts } = world(long);
    let { checkpoint } = await stopped(streamTurn(client, params));
    for (const reruns of [1, 2, 3]) {
      const saved: Checkpoint[] = [];
      const onCheckpoint = (one: Checkpoint) => void saved.push(viaJson(one));
      const error = await stopped(
        resumeTurn(client, viaJson(checkpoint) as never, { rerun: true, onCheckpoint }),
      );
      // Stored before anything was sent, so that a kill counts as well.
      expect([saved[0]?.spent.reruns, saved[0]?.mayRerun]).toEqual([reruns, true]);
      expect(error.checkpoint).toMatchObject({ spent: { reruns }, mayRerun: true });
      checkpoint = error.checkpoint;
    }
    expect(posts()).toBe(4);
    const error = await thrownBy(resumeTurn(client, checkpoint as never, { rerun: true }).turn());
    expect(isTurnLimitError(error)).toBe(true);
    expect([error.limit, error.message]).toEqual([
      'maxReruns',
      expect.stringMatching(/begun 4 times.*queue/s),
    ]);
    expect(posts()).toBe(4);
    // Who knows better goes on from there.
    expect(await resumeTurn(client, error.checkpoint, { rerun: true }).turn()).toMatchObject({
      outcome: 'completed',
    });
  });

  it('counts from zero after a response that ended, and for another request', async () => {
    const { client } = world([say('One.'), pause(), ...long]);
    const first = await thrownBy(
      runTurn(client, params, { onCheckpoint: () => Promise.reject(new Error('full')) }),
    );
    const { checkpoint } = await stopped(resumeTurn(client, first.checkpoint, { maxReruns: 1 }));
    const again = await stopped(resumeTurn(client, checkpoint as never, { rerun: true }));
    expect(again.checkpoint).toMatchObject({ spent: { reruns: 1 }, limits: { maxReruns: 1 } });
    const other = await stopped(
      resumeTurn(client, again.checkpoint as never, { interrupt: 'Shorter, please.' }),
    );
    expect(other.checkpoint).toMatchObject({ spent: { reruns: 0 } });
    const off = await thrownBy(
      resumeTurn(client, other.checkpoint as never, { rerun: true, maxReruns: 0 }).turn(),
    );
    expect(off.limit).toBe('maxReruns');
  });
});
