import Anthropic from '@anthropic-ai/sdk';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { createSession, resumeTurn, runTurn, streamTurn, type TurnTracing } from 'code-execution-kit';
import {
  bash,
  callTool,
  cannedSandbox,
  createEmulator,
  cutAfter,
  fails,
  httpError,
  inParallel,
  pause,
  python,
  type Step,
  say,
  stop,
} from 'code-execution-kit/emulator';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { drained, params, thrownBy, viaJson, world } from '../support/world.ts';

const exporter = new InMemorySpanExporter();
const ended: ReadableSpan[] = [];
const provider = new NodeTracerProvider({
  spanProcessors: [
    new SimpleSpanProcessor(exporter),
    {
      onStart: () => {},
      onEnd: (span) => void ended.push(span),
      forceFlush: async () => {},
      shutdown: async () => {},
    },
  ],
});
provider.register();
const tracer = trace.getTracer('test');
const tracing: TurnTracing = { tracer, context };

beforeEach(() => {
  exporter.reset();
  ended.length = 0;
});
afterAll(() => provider.shutdown());

const SECRET = 'sesame';
const SDK = 'com.anthropic.sdk.typescript';
const sandbox = cannedSandbox(({ source }) => ({
  stdout: SECRET,
  returnCode: source === 'false' ? 1 : 0,
  files: source === 'plot' ? { 'a.csv': SECRET } : {},
}));
const start = (...script: Step[]) => world(script, { sandbox });
const ask = {
  name: 'ask',
  input_schema: { type: 'object' as const },
  run: () => {
    tracer.startSpan('in the handler').end();
    return SECRET;
  },
};

const spans = () => exporter.getFinishedSpans();
const named = (name: string) => spans().filter((span) => span.name === name);
const turns = () => named('invoke_agent');
const one = (name: string): ReadableSpan => {
  const [span, ...others] = named(name);
  if (!span || others.length > 0) return expect.unreachable(`${name}: ${spans().map((each) => each.name)}`);
  return span;
};
const idOf = (span: ReadableSpan) => span.spanContext().spanId;
const childrenOf = (parent: ReadableSpan) =>
  spans().filter((span) => span.parentSpanContext?.spanId === idOf(parent));
const namesOf = (list: readonly ReadableSpan[]) => list.map(({ name }) => name).toSorted();
const notesOf = (span: ReadableSpan) => span.events.map(({ name, attributes }) => [name, attributes]);

describe('a turn', () => {
  it('that pauses and calls tools is one tree, with the spans of the SDK and of handlers in it', async () => {
    const { client } = start(
      bash('plot'),
      pause(),
      python('1'),
      callTool('ask', { word: SECRET }),
      say('Done.'),
    );
    const turn = await tracer.startActiveSpan('request', async (outer) => {
      const done = await runTurn(client, { ...params, tools: [ask as never] }, { tracing });
      outer.end();
      return done;
    });
    expect(turn.outcome).toBe('completed');
    const [request, span] = [one('request'), one('invoke_agent')];
    expect(namesOf(childrenOf(request))).toEqual(['invoke_agent']);
    expect(namesOf(childrenOf(span))).toEqual([
      'anthropic.files.list',
      'anthropic.messages.create',
      'anthropic.messages.create',
      'anthropic.messages.create',
      'execute_tool ask',
      'execute_tool bash_code_execution',
      'execute_tool code_execution',
    ]);
    expect(namesOf(childrenOf(one('execute_tool ask')))).toEqual(['in the handler']);
    const traces = new Set(spans().map((each) => each.spanContext().traceId));
    expect(traces.size).toBe(1);
    expect(spans().filter(({ parentSpanContext }) => !parentSpanContext)).toEqual([request]);
    expect(named('anthropic.messages.create')[0]?.instrumentationScope.name).toBe(SDK);
  });

  it('is named by the conventions, and says what it came to', async () => {
    const { client } = start(bash('plot'), pause(), bash('false'), callTool('ask'), say('Done.'));
    const request = { openTelemetry: { conversationId: 'conv_1' } };
    const turn = await runTurn(client, { ...params, tools: [ask as never] }, { tracing, request });
    const span = one('invoke_agent');
    expect(span).toMatchObject({ kind: SpanKind.INTERNAL, status: { code: SpanStatusCode.UNSET } });
    expect(span.attributes).toEqual({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.provider.name': 'anthropic',
      'gen_ai.conversation.id': 'conv_1',
      'gen_ai.request.model': params.model,
      'gen_ai.request.max_tokens': params.max_tokens,
      'gen_ai.response.model': turn.exchanges[0]?.model,
      'gen_ai.response.id': turn.exchanges.at(-1)?.id,
      'gen_ai.response.finish_reasons': ['end_turn'],
      'gen_ai.usage.input_tokens': turn.usage.input_tokens,
      'gen_ai.usage.output_tokens': turn.usage.output_tokens,
      'gen_ai.usage.cache_read.input_tokens': 0,
      'gen_ai.usage.cache_creation.input_tokens': 0,
      'code_execution_kit.outcome': 'completed',
      'code_execution_kit.responses': 3,
      'code_execution_kit.pauses': 1,
      'code_execution_kit.tool_rounds': 1,
      'code_execution_kit.executions': 2,
      'code_execution_kit.executions_failed': 1,
      'code_execution_kit.artifacts': 1,
      'code_execution_kit.notices': 0,
      'code_execution_kit.container.id': turn.container?.id,
    });
    const changed = (change: string) => [
      'code_execution_kit.container',
      {
        'code_execution_kit.container.change': change,
        'code_execution_kit.container.id': turn.container?.id,
      },
    ];
    expect(notesOf(span)).toEqual([
      changed('created'),
      ['code_execution_kit.pause', { 'code_execution_kit.response_index': 0 }],
      changed('reused'),
      changed('reused'),
    ]);
  });

  it('counts cached tokens as input, as the conventions do', async () => {
    const { client } = start(say('One.'), stop(), say('Two.'));
    const system = [
      {
        type: 'text' as const,
        text: 'Be brief. '.repeat(2000),
        cache_control: { type: 'ephemeral' as const },
      },
    ];
    await runTurn(client, { ...params, system }, { tracing });
    const { usage } = await runTurn(client, { ...params, system }, { tracing });
    const read = usage['cache_read_input_tokens'] as number;
    expect(read).toBeGreaterThan(0);
    expect(turns()[1]?.attributes).toMatchObject({
      'gen_ai.usage.cache_read.input_tokens': read,
      'gen_ai.usage.input_tokens':
        read + usage.input_tokens + (usage['cache_creation_input_tokens'] as number),
    });
  });

  it('has a span for each execution and handler, which says how it ended', async () => {
    const broken = { ...ask, run: () => Promise.reject(new RangeError(SECRET)) };
    const { client } = start(
      inParallel(bash('true'), bash('false')),
      fails(bash('x'), 'unavailable', SECRET),
      callTool('ask'),
      say('Done.'),
    );
    const turn = await runTurn(client, { ...params, tools: [broken as never] }, { tracing });
    const ids = turn.executions.map(({ id }) => id);
    const found = named('execute_tool bash_code_execution').toSorted(
      (a, b) =>
        ids.indexOf(String(a.attributes['gen_ai.tool.call.id'])) -
        ids.indexOf(String(b.attributes['gen_ai.tool.call.id'])),
    );
    const tool = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'bash_code_execution',
      'gen_ai.tool.type': 'extension',
    };
    expect(found.map(({ attributes }) => attributes['gen_ai.tool.call.id'])).toEqual(ids);
    expect(found.map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([
      [SpanStatusCode.UNSET, undefined],
      [SpanStatusCode.ERROR, 'failed'],
      [SpanStatusCode.ERROR, 'unavailable'],
    ]);
    expect(found[1]?.attributes).toMatchObject({
      ...tool,
      'code_execution_kit.execution.status': 'failed',
      'code_execution_kit.execution.return_code': 1,
      'code_execution_kit.execution.files': 0,
    });
    const handler = one('execute_tool ask');
    expect(handler.status.code).toBe(SpanStatusCode.ERROR);
    expect(handler.attributes).toMatchObject({
      'gen_ai.tool.type': 'function',
      'gen_ai.tool.call.id': turn.toolUses[0]?.id,
      'error.type': 'RangeError',
    });
  });

  it('keeps what belongs to it apart from turns beside it', async () => {
    const count = 8;
    const { client } = world(() => [bash('plot'), pause(), callTool('ask'), say('Done.')].slice(0, 1), {
      sandbox,
    });
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        tracer.startActiveSpan(`request ${index}`, async (outer) => {
          await runTurn(client, params, { tracing });
          outer.end();
        }),
      ),
    );
    expect(turns()).toHaveLength(count);
    for (let index = 0; index < count; index++) {
      const [turn, ...others] = childrenOf(one(`request ${index}`));
      expect(others).toEqual([]);
      expect(namesOf(childrenOf(turn as ReadableSpan))).toEqual([
        'anthropic.files.list',
        'anthropic.messages.create',
        'execute_tool bash_code_execution',
      ]);
    }
  });

  it('of a session, and one that is resumed, has a span each time, and sums count nothing twice', async () => {
    const { client } = start(bash('plot'), pause(), bash('true'), say('Done.'), stop(), say('More.'));
    const cost = ({
      usage,
      executions,
    }: {
      usage: { input_tokens: number };
      executions: readonly unknown[];
    }) => usage.input_tokens + executions.length / 1000;
    const { messages: _, ...defaults } = params;
    const options = { tracing: { ...tracing, cost }, stopWhen: () => true };
    const session = createSession(client, defaults, options);
    const paused = await session.run('Go.');
    expect(paused.outcome).toBe('paused');
    const turn = await session.resume({ stopWhen: () => false }).turn();
    await session.run('And?');
    const all = turns().map(({ attributes }) => attributes);
    expect(all.map((each) => each['code_execution_kit.outcome'])).toEqual([
      'paused',
      'completed',
      'completed',
    ]);
    const sum = (name: string) => all.slice(0, 2).reduce((total, each) => total + Number(each[name]), 0);
    expect(sum('gen_ai.usage.input_tokens')).toBe(turn.usage.input_tokens);
    expect(sum('code_execution_kit.responses')).toBe(2);
    expect(sum('code_execution_kit.pauses')).toBe(1);
    expect(sum('code_execution_kit.executions')).toBe(2);
    expect(sum('code_execution_kit.cost_usd')).toBeCloseTo(turn.usage.input_tokens + 2 / 1000);
  });
});

describe('a turn that does not end well', () => {
  const failed = (code: string) => ({
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'error.type': code },
  });

  it.each([
    ['refused', [say('x')], { faults: [httpError(400)] }, {}, 'invalid_request_error'],
    ['cut in the middle', [bash('plot'), say('x')], { faults: [cutAfter(4)] }, {}, 'stream_cut'],
    ['at a limit', [pause(), say('x')], {}, { maxPauses: 0 }, 'turn_limit'],
  ] as const)('because it is %s has an error, and ends once', async (_, script, spoiled, options, code) => {
    const { client } = world([...script], { sandbox, ...spoiled });
    await thrownBy(runTurn(client, params, { ...options, tracing, retries: 0 }));
    expect(one('invoke_agent')).toMatchObject(failed(code));
    expect(one('invoke_agent').status).not.toHaveProperty('message');
    expect(new Set(ended).size).toBe(ended.length);
  });

  it('because it is aborted ends its span, and those below it', async () => {
    const { client } = start(bash('plot'), say('x'));
    for await (const { type } of streamTurn(client, params, { tracing }))
      if (type === 'execution-running') break;
    expect(one('invoke_agent')).toMatchObject(failed('aborted'));
    expect(named('execute_tool bash_code_execution')).toHaveLength(1);
    expect(one('invoke_agent').attributes).toMatchObject({ 'code_execution_kit.executions': 1 });
  });

  it('because it is late in a handler ends the span of the handler', async () => {
    const { client } = start(callTool('ask'), say('x'));
    const never = { ...ask, run: () => new Promise<string>(() => {}) };
    await runTurn(client, { ...params, tools: [never as never] }, { tracing, toolTimeoutMs: 20 });
    expect(one('execute_tool ask').status.code).toBe(SpanStatusCode.ERROR);
  });

  it('is asked for again under the same span', async () => {
    const { client } = world([bash('plot'), say('x')], { sandbox, faults: [cutAfter(9)] });
    await runTurn(client, params, { tracing, interruptedRetries: 1 });
    const span = one('invoke_agent');
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(named('anthropic.messages.create')).toHaveLength(2);
    expect(notesOf(span).map(([name]) => name)).toContain('code_execution_kit.response_repeat');
    expect(notesOf(span)).toContainEqual([
      'code_execution_kit.notice',
      { 'code_execution_kit.notice.code': 'response-repeated' },
    ]);
    // The one that broke off ended with its response.
    expect(named('execute_tool bash_code_execution')).toHaveLength(2);
  });

  it('because it never began has no span', async () => {
    const { client } = start(say('x'));
    await thrownBy(runTurn(client, { ...params, max_tokens: 0 }, { tracing }));
    await thrownBy(runTurn(client, params, { tracing, signal: AbortSignal.abort() }));
    const stream = streamTurn(client, params, { tracing });
    await stream[Symbol.asyncDispose]();
    expect(spans()).toEqual([]);
  });
});

describe('content', () => {
  const script = () => [
    bash(`echo ${SECRET}`),
    callTool('ask', { word: SECRET }),
    say(`It is ${SECRET}.`),
    stop(),
  ];
  const secret = {
    ...params,
    system: `Say ${SECRET}.`,
    messages: [{ role: 'user' as const, content: SECRET }],
  };
  const tools = [ask as never];

  it('is on no span of the turn unless it is asked for', async () => {
    await runTurn(start(...script()).client, { ...secret, tools }, { tracing });
    const { client } = world([bash('x'), say('x')], { sandbox, faults: [httpError(400)] });
    await thrownBy(runTurn(client, secret, { tracing }));
    const texts = spans().map(({ attributes, events, status }) =>
      JSON.stringify([attributes, events, status]),
    );
    expect(texts.filter((text) => text.includes(SECRET))).toEqual([]);
  });

  it('is on the spans where it is', async () => {
    await runTurn(
      start(...script()).client,
      { ...secret, tools },
      { tracing: { ...tracing, content: true } },
    );
    const { attributes } = one('invoke_agent');
    const part = (content: string) => [{ type: 'text', content }];
    expect(JSON.parse(String(attributes['gen_ai.system_instructions']))).toEqual(part(`Say ${SECRET}.`));
    expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
      { role: 'user', parts: part(SECRET) },
    ]);
    expect(JSON.parse(String(attributes['gen_ai.output.messages']))).toEqual([
      { role: 'assistant', parts: part(`It is ${SECRET}.`) },
    ]);
    expect(one('execute_tool bash_code_execution').attributes).toMatchObject({
      'gen_ai.tool.call.arguments': JSON.stringify({ command: `echo ${SECRET}` }),
      'gen_ai.tool.call.result': JSON.stringify({ stdout: SECRET, stderr: '' }),
    });
    expect(one('execute_tool ask').attributes).toMatchObject({
      'gen_ai.tool.call.arguments': JSON.stringify({ word: SECRET }),
      'gen_ai.tool.call.result': JSON.stringify(SECRET),
    });
  });
});

describe('a tracer', () => {
  const thrower = (): never => {
    throw new Error('tracer');
  };
  const deaf = { setAttributes: thrower, addEvent: thrower, setStatus: thrower, end: thrower };
  const twice = <T>(_: unknown, work: () => T): T => {
    work();
    return work();
  };

  it.each([
    [
      'whose every method throws',
      { tracer: { startActiveSpan: thrower }, context: { active: thrower, with: thrower } },
    ],
    [
      'whose spans throw',
      {
        tracer: {
          startActiveSpan: (_: string, __: object, work: (span: typeof deaf) => unknown) => work(deaf),
        },
        context,
      },
    ],
    [
      'that runs the work and then throws',
      {
        tracer: {
          startActiveSpan: (name: string, options: object, work: (span: never) => unknown) => {
            tracer.startActiveSpan(name, options, work as never);
            thrower();
          },
        },
        context: {
          active: () => context.active(),
          with: (active: never, work: () => unknown) => {
            context.with(active, work);
            thrower();
          },
        },
      },
    ],
    ['that runs the work twice', { tracer, context: { active: () => context.active(), with: twice } }],
    [
      'that never runs the work',
      { tracer, context: { active: () => context.active(), with: () => undefined } },
    ],
    ['whose price throws', { ...tracing, cost: thrower }],
  ] as const)('%s changes nothing about the turn', async (_, broken) => {
    const script = [bash('plot'), pause(), callTool('ask'), say('Done.')];
    const { client, posts } = start(...script);
    let calls = 0;
    const counting = { ...ask, run: () => String(++calls) };
    const options = { tracing: broken as unknown as TurnTracing };
    const turn = await runTurn(client, { ...params, tools: [counting as never] }, options);
    expect(turn).toMatchObject({ outcome: 'completed', answer: 'Done.', notices: [] });
    expect([posts(), calls]).toEqual([3, 1]);
  });

  it('without a context manager gets the turn alone, and no spans that belong nowhere', async () => {
    const bare = { active: () => undefined, with: <T>(_: unknown, work: () => T) => work() };
    const { client } = start(bash('plot'), callTool('ask'), say('Done.'));
    await runTurn(client, { ...params, tools: [ask as never] }, { tracing: { tracer, context: bare } });
    expect(spans().filter(({ name }) => name.startsWith('execute_tool'))).toEqual([]);
    expect(one('invoke_agent').attributes).toMatchObject({ 'code_execution_kit.executions': 1 });
  });

  it.each([
    ['nothing', {}],
    ['no context', { tracer }],
    ['the context of a span for the API', { tracer, context: context.active() }],
    ['a price that is none', { ...tracing, cost: 3 }],
  ])('with %s is refused before any request', async (_, wrong) => {
    const { client, posts } = start(say('x'));
    const error = await thrownBy(runTurn(client, params, { tracing: wrong as never }));
    expect(error).toMatchObject({ code: 'invalid_input' });
    expect(error.message).toMatch(/options\.tracing must be \{ tracer, context \}/);
    expect(posts()).toBe(0);
  });
});

it('an instrumented fetch of the client is below the span of the turn', async () => {
  const emulator = createEmulator({ script: [say('x')] });
  const fetch: typeof emulator.fetch = async (input, init) => {
    const span = tracer.startSpan('fetch');
    try {
      return await emulator.fetch(input, init);
    } finally {
      span.end();
    }
  };
  const client = new Anthropic({ apiKey: 'none', fetch, openTelemetry: false });
  await runTurn(client, params, { tracing });
  expect(namesOf(childrenOf(one('invoke_agent')))).toEqual(['fetch']);
});

it('a checkpoint of a traced turn is resumed with another tracer, or none', async () => {
  const { client } = start(pause(), say('Done.'));
  const { checkpoint } = await runTurn(client, params, { tracing, stopWhen: () => true });
  await resumeTurn(client, viaJson(checkpoint) as never).turn();
  expect(turns()).toHaveLength(1);
});

it('checkpoints are kept inside the turn', async () => {
  const { client } = start(pause(), say('Done.'));
  const onCheckpoint = () => tracer.startSpan('store').end();
  const events = await drained(streamTurn(client, params, { tracing, onCheckpoint }));
  expect(events.at(-1)?.type).toBe('turn-end');
  expect(namesOf(childrenOf(one('invoke_agent')))).toContain('store');
});
