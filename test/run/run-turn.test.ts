import {
  executionsOf,
  initialTurnState,
  isTurnInterruptedError,
  isTurnLimitError,
  reduceTurn,
  runTurn,
  streamTurn,
  type TurnEvent,
  userMessage,
} from 'code-execution-kit';
import { bash, pause, python, type Step, say, stop } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../support/freeze.ts';
import { timeless, world } from '../support/world.ts';

const params = deepFreeze({
  model: 'claude-opus-5-5',
  max_tokens: 1000,
  messages: [userMessage('What is 6 * 7?')],
});

const start = (...script: Step[]) => world(script);

describe('runTurn', () => {
  it('runs over a pause, in one container, and sends each response back as it came', async () => {
    const { emulator, client } = start(
      say('First.'),
      bash('echo "kept between requests" > /tmp/note'),
      pause(),
      python('print(open("/tmp/note").read(), 6 * 7)'),
      say('It is 42.'),
    );
    const turn = await runTurn(client, params);

    expect(turn).toMatchObject({
      status: 'ended',
      outcome: 'completed',
      stopReason: 'end_turn',
      answer: 'It is 42.',
    });
    expect(turn.text).toBe('First.\n\nIt is 42.');
    expect(turn.parts.map(({ type }) => type)).toEqual(['text', 'execution', 'pause', 'execution', 'text']);
    expect(turn.executions.map(({ kind, status, responseIndex }) => [kind, status, responseIndex])).toEqual([
      ['bash', 'succeeded', 0],
      ['python', 'succeeded', 1],
    ]);
    expect(turn.executions[1]?.stdout).toBe('kept between requests\n 42\n');
    expect(timeless(turn.executions)).toEqual(executionsOf(turn.responses));

    const [first, second] = emulator.requests.map(({ body }) => body as Record<string, unknown>);
    expect(first?.['container']).toBeUndefined();
    expect(first?.['tools']).toEqual([{ type: 'code_execution_20260120', name: 'code_execution' }]);
    expect(second).toEqual({
      ...first,
      container: turn.container?.id,
      messages: [...params.messages, { role: 'assistant', content: turn.responses[0]?.content }],
    });
    // The key order of what is sent back is the one it came in.
    const sent = second as { messages: { content?: unknown }[] };
    expect(JSON.stringify(sent.messages[1]?.content)).toBe(JSON.stringify(turn.responses[0]?.content));
    expect(turn.messages).toEqual([
      ...params.messages,
      ...turn.responses.map(({ content }) => ({ role: 'assistant', content })),
    ]);
    expect(emulator.containers.map(({ id }) => id)).toEqual([turn.container?.id]);
    emulator.assertDone();
  });

  it('sums usage over the responses and keeps each', async () => {
    const { client } = start(say('a'), pause(), say('b'));
    const { usage, responses, exchanges } = await runTurn(client, params);
    expect(exchanges.map(({ usage }) => usage.output_tokens)).toEqual(
      responses.map(({ usage }) => usage.output_tokens),
    );
    expect(usage.output_tokens).toBe(responses.reduce((sum, one) => sum + one.usage.output_tokens, 0));
    expect(usage['cache_creation']).toEqual({ ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 });
    expect(usage['service_tier']).toBe('standard');
  });

  it('goes on in the container of an earlier turn', async () => {
    const { emulator, client } = start(bash('echo hello > /tmp/x'), stop(), bash('cat /tmp/x'));
    const first = await runTurn(client, params);
    const second = await runTurn(client, {
      ...params,
      messages: [...first.messages, userMessage('And now?')],
      container: first.container,
    });
    expect(second.executions[0]?.stdout).toBe('hello\n');
    expect(second.container?.id).toBe(first.container?.id);
    expect(emulator.requests.at(-1)?.body).toMatchObject({ container: first.container?.id });
  });

  it('tells code that failed from a tool that failed, and throws for neither', async () => {
    const { client } = start(python('import sys; print("out"); sys.exit(3)'), say('It failed.'));
    const { executions, outcome } = await runTurn(client, params);
    expect(executions[0]).toMatchObject({
      status: 'failed',
      returnCode: 3,
      stdout: 'out\n',
      errorCode: null,
    });
    expect(outcome).toBe('completed');
  });

  it.each([
    ['max_tokens', 'truncated'],
    ['model_context_window_exceeded', 'truncated'],
    ['refusal', 'refused'],
    ['stop_sequence', 'completed'],
    ['reason_of_tomorrow', 'unknown'],
  ])('ends with %s as %s, and keeps the reason', async (stopReason, outcome) => {
    const { client } = start(bash('echo x > $OUTPUT_DIR/x.txt'), stop(stopReason));
    const turn = await runTurn(client, params);
    expect(turn).toMatchObject({ outcome, stopReason });
    expect(turn.artifacts).toMatchObject([
      { name: 'x.txt', status: 'described', sizeBytes: 2, mimeType: 'text/plain' },
    ]);
  });

  it('throws a TurnLimitError at maxPauses that holds the turn and can be continued', async () => {
    const { emulator, client } = start(
      python('print(1)'),
      pause(),
      python('print(2)'),
      pause(),
      say('Done.'),
    );
    const error = await runTurn(client, params, { maxPauses: 1 }).catch((thrown) => thrown);
    expect(isTurnLimitError(error) && error.limit).toBe('maxPauses');
    expect(error.turn).toMatchObject({ outcome: 'paused', stopReason: 'pause_turn' });
    expect(error.turn.executions).toHaveLength(2);
    expect(emulator.requests).toHaveLength(2);

    const turn = await runTurn(client, {
      ...params,
      messages: error.turn.messages,
      container: error.turn.container,
    });
    expect(turn.answer).toBe('Done.');
    emulator.assertDone();
  });

  it('does not continue a pause with maxPauses 0', async () => {
    const { emulator, client } = start(pause(), say('x'));
    await expect(runTurn(client, params, { maxPauses: 0 })).rejects.toThrow(
      /reached maxPauses \(0\) and is not finished/,
    );
    expect(emulator.requests).toHaveLength(1);
  });

  it('adds no tool where one is, and none at all with addTool: false', async () => {
    const { emulator, client } = start(say('a'), stop(), say('b'));
    const tools = [{ type: 'code_execution_20250825', name: 'code_execution' }] as const;
    await runTurn(client, { ...params, tools: [...tools] });
    await runTurn(client, params, { addTool: false });
    const sent = emulator.requests.map(({ body }) => (body as { tools?: unknown }).tools);
    expect(sent).toEqual([tools, undefined]);
  });

  it('works through client.beta and through a clone', async () => {
    const { emulator, client } = start(say('a'), stop(), say('b'));
    expect((await runTurn(client.beta, params)).answer).toBe('a');
    expect((await runTurn(client.withOptions({ timeout: 1000 }), params)).answer).toBe('b');
    emulator.assertDone();
  });

  it('tells of an upload that a fresh container will not have', async () => {
    const { client } = start(say('a'), stop(), say('b'));
    const file = await client.files.upload({ file: new File(['x'], 'x.csv') });
    const first = await runTurn(client, { ...params, messages: [userMessage('One.', { files: [file] })] });
    expect(first.notices).toEqual([]);
    const messages = [...first.messages, userMessage('Two.')];
    const second = await runTurn(client, { ...params, messages });
    expect(second.notices).toMatchObject([
      { code: 'inert-upload', message: expect.stringContaining(file.id) },
    ]);
  });
});

describe('streamTurn', () => {
  it('gives events that fold to the state of the turn', async () => {
    const { client } = start(say('Hello.'), python('print("hi")'), pause(), say('Bye.'));
    const events: TurnEvent[] = [];
    const stream = streamTurn(client, params);
    for await (const event of stream) events.push(deepFreeze(event));
    const turn = await stream.turn();
    const state = events.reduce((before, event) => deepFreeze(reduceTurn(before, event)), initialTurnState());
    expect(turn).toMatchObject(state);
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);

    const order = events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1]);
    expect(order).toEqual([
      'response-start',
      'usage',
      'text-delta',
      'execution-start',
      'code-delta',
      'execution-running',
      'execution-end',
      'usage',
      'container',
      'response-end',
      'pause',
      'response-start',
      'usage',
      'text-delta',
      'usage',
      'container',
      'response-end',
      'turn-end',
    ]);
    expect(events.flatMap((event) => (event.type === 'container' ? [event.change] : []))).toEqual([
      'created',
      'reused',
    ]);
  });

  it('sends nothing before it is asked for, and one request for turn() called twice', async () => {
    const { emulator, client } = start(say('a'));
    const stream = streamTurn(client, params);
    await new Promise((resolve) => setImmediate(resolve));
    expect(emulator.requests).toHaveLength(0);
    expect(stream.turn()).toBe(stream.turn());
    expect((await stream.turn()).answer).toBe('a');
    expect(emulator.requests).toHaveLength(1);
  });

  it('gives every event to an iteration that begins right after turn()', async () => {
    const { client } = start(say('a'));
    const stream = streamTurn(client, params);
    const turn = stream.turn();
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    expect(types[0]).toBe('response-start');
    expect(types.at(-1)).toBe('turn-end');
    expect((await turn).answer).toBe('a');
  });

  it('ends as aborted when it is left early', async () => {
    const { client } = start(say('a'), python('print(1)'), say('b'));
    const stream = streamTurn(client, params);
    for await (const event of stream) if (event.type === 'execution-running') break;
    const error = await stream.turn().catch((thrown) => thrown);
    expect(isTurnInterruptedError(error) && error.code).toBe('aborted');
    expect(error.state).toMatchObject({ status: 'interrupted', text: 'a', error: { code: 'aborted' } });
    expect(error.state.executions).toMatchObject([
      { status: 'pending', code: 'print(1)', inputComplete: true },
    ]);
    expect(error.responses[0].content).toHaveLength(2);
  });

  it.each(['abort()', 'signal'])('ends as aborted by %s', async (way) => {
    const { client } = start(say('a'), say('b'));
    const controller = new AbortController();
    const stream = streamTurn(client, params, { signal: controller.signal });
    const iterate = async () => {
      for await (const event of stream) {
        if (event.type !== 'text-delta') continue;
        if (way === 'signal') controller.abort(new Error('enough'));
        else stream.abort();
      }
    };
    await expect(iterate()).rejects.toMatchObject({ name: 'TurnInterruptedError', code: 'aborted' });
    await expect(stream.turn()).rejects.toMatchObject({ code: 'aborted' });
  });

  it('sends nothing when the signal was aborted before', async () => {
    const { emulator, client } = start(say('a'));
    await expect(runTurn(client, params, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(emulator.requests).toHaveLength(0);
  });

  it('tells of a listener that fails, once, and goes on', async () => {
    const { client } = start(say('a long enough text'));
    let calls = 0;
    const onEvent = () => {
      calls++;
      throw new Error('listener broke');
    };
    const turn = await runTurn(client, params, { onEvent });
    expect(calls).toBe(1);
    expect(turn.notices).toMatchObject([
      { code: 'listener-failed', message: expect.stringContaining('listener broke') },
    ]);
    expect(turn.answer).toBe('a long enough text');
  });

  it('is aborted when it is disposed of', async () => {
    const { client } = start(say('a'), say('b'));
    const stream = streamTurn(client, params);
    await stream.next();
    await stream[Symbol.asyncDispose]();
    await expect(stream.turn()).rejects.toMatchObject({ code: 'aborted' });
  });
});
