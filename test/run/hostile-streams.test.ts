import Anthropic from '@anthropic-ai/sdk';
import {
  executionsOf,
  isTurnInterruptedError,
  runTurn,
  streamTurn,
  type TurnEvent,
  turnEvents,
} from 'code-execution-kit';
import { describe, expect, it } from 'vitest';
import { clientAnswering, response, sdkMessage, sseOf } from '../support/sse.ts';
import { params } from '../support/world.ts';

const encoder = new TextEncoder();
const [start, ...rest] = response([{ type: 'text', text: 'Kept.' }]) as [object, ...object[]];
const delta = (index: number, value: unknown) => ({ type: 'content_block_delta', index, delta: value });
const open = (index: number, block: unknown) => ({
  type: 'content_block_start',
  index,
  content_block: block,
});
const close = (index: number) => ({ type: 'content_block_stop', index });
const ends = rest.slice(-2);
const call = { type: 'server_tool_use', id: '1', name: 'code_execution', input: {} };
const result = {
  type: 'code_execution_tool_result',
  tool_use_id: '1',
  content: {
    type: 'code_execution_result',
    stdout: 'PRECIOUS',
    stderr: '',
    return_code: 0,
    content: [{ type: 'code_execution_output', file_id: 'file_1' }],
  },
};

const turnOver = (...bodies: BodyInit[]) => runTurn(clientAnswering(...bodies), params, { describe: false });
const failureOver = async (...bodies: BodyInit[]) => {
  const error = await turnOver(...bodies).then(
    (turn) => turn,
    (thrown) => thrown,
  );
  if (!isTurnInterruptedError(error))
    throw new Error(`wanted a TurnInterruptedError, got ${JSON.stringify(error)}`);
  return error;
};

describe('what is malformed', () => {
  it.each([
    ['a delta that is null', [open(0, { type: 'text', text: 'Kept.' }), delta(0, null), close(0)]],
    [
      'a delta for no block',
      [open(0, { type: 'text', text: 'Kept.' }), delta(7, { type: 'text_delta', text: 'x' }), close(0)],
    ],
    [
      'input that is no text',
      [
        open(0, { type: 'text', text: 'Kept.' }),
        close(0),
        open(1, call),
        delta(1, { type: 'input_json_delta', partial_json: null }),
        close(1),
      ],
    ],
    [
      'citations that are no list',
      [
        open(0, { type: 'text', text: 'Kept.', citations: 5 }),
        delta(0, { type: 'citations_delta', citation: {} }),
        close(0),
      ],
    ],
    [
      'a key with an escape that JSON has not',
      [
        open(0, { type: 'text', text: 'Kept.' }),
        close(0),
        open(1, call),
        delta(1, { type: 'input_json_delta', partial_json: '{"co\\qde":"x"}' }),
        close(1),
      ],
    ],
    ['a block that is null', [open(0, { type: 'text', text: 'Kept.' }), close(0), open(1, null), close(1)]],
    ['a block without a type', [open(0, { type: 'text', text: 'Kept.' }), close(0), open(1, {}), close(1)]],
    ['a stop without a start', [open(0, { type: 'text', text: 'Kept.' }), close(0), close(4)]],
  ])('%s does not end a turn', async (_, events) => {
    const turn = await turnOver(sseOf([start, ...events, ...ends]));
    expect(turn).toMatchObject({ outcome: 'completed', text: 'Kept.' });
    expect(JSON.parse(JSON.stringify(turn))).toEqual(turn);
  });

  it.each([
    ['data: [DONE]\n\n'],
    ['event: x\ndata: 3\n\n'],
    ['event: keepalive\ndata: null\n\n'],
    [': a comment\n\n'],
    ['event: lonely\n\n'],
    ['id: 7\nretry: 10\n\n'],
  ])('%j between events does not, either', async (text) => {
    const turn = await turnOver(sseOf([start]) + text + sseOf(rest));
    expect(turn.responses).toEqual([await sdkMessage(sseOf([start, ...rest]))]);
  });

  it.each([
    ['a message that is null', [{ type: 'message_start', message: null }]],
    ['a second message_start', [start, ...rest.slice(0, -1), start]],
  ])('%s ends it with an error that says so', async (_, events) => {
    expect(await failureOver(sseOf(events))).toMatchObject({ code: 'invalid_stream' });
  });

  it.each([
    ['content is no list', 5],
    ['content holds no blocks', [null, 'x']],
  ])('%s: the turn goes on', async (_, content) => {
    const message = { ...(start as { message: object }).message, content };
    expect((await turnOver(sseOf([{ type: 'message_start', message }, ...ends]))).outcome).toBe('completed');
  });

  it('a result without a known form is no success', async () => {
    const contents = [
      null,
      [],
      'error text',
      { type: 'x_result_v2', exit: 1 },
      { type: 'bash_code_execution_result', return_code: null },
    ];
    for (const content of contents) {
      const blocks = [{ type: 'bash_code_execution_tool_result', tool_use_id: '1', content }];
      const { executions } = await turnOver(sseOf(response(blocks)));
      expect(executions).toMatchObject([
        { status: 'errored', errorCode: 'unreadable_result', result: { content } },
      ]);
    }
  });

  it('blocks that share an index, events after the end, and a time that is none are taken as they are', async () => {
    const container = { id: 'container_1', expires_at: 'junk' };
    const events = [
      start,
      open(0, call),
      delta(0, { type: 'input_json_delta', partial_json: '{"code":"1"}' }),
      open(0, { type: 'text', text: 'A' }),
      close(0),
      { type: 'message_delta', delta: { stop_reason: 'end_turn', container }, usage: {} },
      { type: 'message_stop' },
      open(1, { type: 'text', text: 'B' }),
    ];
    const turn = await turnOver(sseOf(events));
    expect(turn).toMatchObject({
      text: 'A',
      executions: [{ status: 'pending', code: '1', inputComplete: true }],
    });
    expect(turn.container).toEqual({ id: 'container_1', expiresAt: null, skills: [] });
  });
});

describe('what was received before a cut', () => {
  it('a result that has begun is whole', async () => {
    const error = await failureOver(sseOf([start, open(0, call), close(0), open(1, result)]));
    expect(error.state.executions).toMatchObject([{ status: 'succeeded', stdout: 'PRECIOUS' }]);
    expect(error.state.artifacts).toMatchObject([{ fileId: 'file_1' }]);
    expect(executionsOf(error.responses)).toMatchObject([{ stdout: 'PRECIOUS' }]);
  });

  it('half an input is on the state and on the response', async () => {
    const json = '{"command":"create","path":"/report.md","file_text":"A LONG REP';
    const editor = { ...call, name: 'text_editor_code_execution' };
    const tool = { type: 'tool_use', id: 'toolu_1', name: 'save', input: {} };
    const error = await failureOver(
      sseOf([
        start,
        open(0, editor),
        delta(0, { type: 'input_json_delta', partial_json: json }),
        open(1, tool),
        delta(1, { type: 'input_json_delta', partial_json: '{"report":"ANOTHER' }),
      ]),
    );
    expect(error.state.executions).toMatchObject([
      { kind: 'create', status: 'writing', path: '/report.md', fileText: 'A LONG REP', inputComplete: false },
    ]);
    expect(error.responses[0]?.content).toMatchObject([
      { input: { command: 'create', path: '/report.md', file_text: 'A LONG REP' } },
      { input: { report: 'ANOTHER' } },
    ]);
  });

  it('what comes in one chunk with a limit or an abort is kept', async () => {
    const begun = sseOf([start, open(0, call), close(0), open(1, result), close(1)]);
    const bytes = encoder.encode(`${begun}: ${'x'.repeat(1000)}\n\n`);
    const large = await runTurn(clientAnswering(bytes), params, { maxTurnBytes: begun.length }).catch(
      (error) => error,
    );
    const controller = new AbortController();
    const pull = (sink: ReadableStreamDefaultController) => {
      sink.enqueue(bytes);
      controller.abort();
    };
    const body = new ReadableStream({ pull }, { highWaterMark: 0 });
    const { signal } = controller;
    const aborted = await runTurn(clientAnswering(body), params, { signal }).catch((error) => error);
    for (const [error, code] of [
      [large, 'too_large'],
      [aborted, 'aborted'],
    ]) {
      expect(error).toMatchObject({ code, state: { executions: [{ stdout: 'PRECIOUS' }] } });
    }
  });

  it('a JSON answer that was cut is an interruption, too', async () => {
    const fetch = async () =>
      new Response('{"id":"msg_1","content":[{"type":"te', {
        headers: { 'content-type': 'application/json' },
      });
    const turn = runTurn(new Anthropic({ apiKey: 'none', fetch }), params);
    await expect(turn).rejects.toMatchObject({ name: 'TurnInterruptedError', code: 'invalid_stream' });
  });
});

describe('what never answers', () => {
  it.each([
    ['headers that never come', () => new Promise<Response>(() => {})],
    [
      'a JSON body that never ends',
      async () => new Response(new ReadableStream({}), { headers: { 'content-type': 'application/json' } }),
    ],
  ])('%s: abort ends the turn', async (_, fetch) => {
    const stream = streamTurn(new Anthropic({ apiKey: 'none', fetch }), params);
    const turn = stream.turn();
    await new Promise((resolve) => setImmediate(resolve));
    stream.abort();
    await expect(turn).rejects.toMatchObject({ code: 'aborted' });
  });

  it('a look-up of artifacts: abort ends the turn', async () => {
    let asked = () => {};
    const lookedUp = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const sse = sseOf(response([call, result]));
    const client = new Anthropic({
      apiKey: 'none',
      fetch: async (url) => {
        if (String(url).includes('/v1/messages'))
          return new Response(sse, { headers: { 'content-type': 'text/event-stream' } });
        asked();
        return new Promise<Response>(() => {});
      },
    });
    const stream = streamTurn(client, params);
    const turn = stream.turn();
    await lookedUp;
    stream.abort();
    await expect(turn).rejects.toMatchObject({
      code: 'aborted',
      state: { artifacts: [{ fileId: 'file_1' }] },
    });
  });

  it('an idle timeout that no timer can hold is none', async () => {
    const turn = await runTurn(clientAnswering(sseOf([start, ...rest])), params, {
      idleTimeoutMs: Number.POSITIVE_INFINITY,
    });
    expect(turn.outcome).toBe('completed');
  });
});

describe('leaving a turn', () => {
  it('ends it even when everything has arrived, and sends nothing more', async () => {
    const client = clientAnswering(sseOf(response([call, result])));
    const stream = streamTurn(client, params);
    for await (const _ of stream) break;
    await expect(stream.turn()).rejects.toMatchObject({ code: 'aborted' });
    expect(client.sent).toHaveLength(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('from within a listener ends it, too', async () => {
    const stream = streamTurn(clientAnswering(sseOf([start, ...rest])), params, {
      onEvent: ({ type }) => type === 'text-delta' && stream.abort(),
    });
    await expect(stream.turn()).rejects.toMatchObject({ code: 'aborted', state: { text: 'Kept.' } });
  });

  it('turn-end is the last event, also when its listener fails', async () => {
    const events: TurnEvent[] = [];
    const onEvent = ({ type }: TurnEvent) => {
      if (type === 'turn-end') throw new Error('broke');
    };
    for await (const event of streamTurn(clientAnswering(sseOf([start, ...rest])), params, { onEvent }))
      events.push(event);
    expect(events.slice(-2)).toMatchObject([
      { type: 'notice', notice: { code: 'listener-failed' } },
      { type: 'turn-end' },
    ]);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
  });
});

describe('limits of a turn', () => {
  it('hold over its responses together', async () => {
    const paused = sseOf(response([{ type: 'text', text: 'x'.repeat(1000) }], { stopReason: 'pause_turn' }));
    const client = clientAnswering(paused, paused, paused);
    const error = await runTurn(client, params, { maxTurnBytes: paused.length + 10 }).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ name: 'TurnInterruptedError', code: 'too_large' });
    expect(client.sent).toHaveLength(2);
  });
});

describe('turnEvents over a raw stream of the SDK', () => {
  const body = (text: string) =>
    new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(encoder.encode(text)) });
  const thrown = async (source: BodyInit, options: Parameters<typeof turnEvents>[1] = {}) => {
    const stream = await clientAnswering(source).messages.create({ ...params, stream: true });
    try {
      for await (const _ of turnEvents(stream, options));
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const begun = sseOf([start, open(0, { type: 'text', text: 'Kept.' })]);

  it.each([
    ['is silent', () => thrown(body(begun), { idleTimeoutMs: 30 }), 'idle_timeout'],
    ['is aborted', () => thrown(body(begun), { signal: AbortSignal.timeout(30) }), 'aborted'],
    ['is cut', () => thrown(begun), 'stream_cut'],
    [
      'ends with an error',
      () => thrown(begun + sseOf([{ type: 'error', error: { type: 'overloaded_error', message: 'x' } }])),
      'stream_error',
    ],
    ['cannot be read', () => thrown(`${begun}event: message_delta\ndata: {\n\n`), 'invalid_stream'],
    [
      'holds a huge event',
      () =>
        thrown(begun + sseOf([delta(0, { type: 'text_delta', text: 'x'.repeat(500) })]), {
          maxEventBytes: 400,
        }),
      'too_large',
    ],
    ['is huge', () => thrown(begun, { maxTurnBytes: 100 }), 'too_large'],
  ])('that %s tells so, with what was received', async (_, run, code) => {
    const error = await run();
    expect(error).toMatchObject({ name: 'TurnInterruptedError', code });
    expect((error as { state: { status: string } }).state.status).toBe('interrupted');
  });

  it('that its own controller aborts ends as aborted', async () => {
    const stream = await clientAnswering(body(begun)).messages.create({ ...params, stream: true });
    const iterate = async () => {
      for await (const { type } of turnEvents(stream)) if (type === 'text-delta') stream.controller.abort();
    };
    await expect(iterate()).rejects.toMatchObject({ code: 'aborted', state: { text: 'Kept.' } });
  });

  it('refuses unknown options and a Response that was read', async () => {
    await expect(turnEvents(new Response(begun), { idleTimeoutMS: 5 } as never).next()).rejects.toThrow(
      /no option idleTimeoutMS/,
    );
    const read = new Response(begun);
    await read.text();
    await expect(turnEvents(read).next()).rejects.toThrow(/was read already/);
  });
});

describe('many requests and much text', () => {
  it('leave no listeners after, on no signal', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error) => warnings.push(warning);
    process.on('warning', listener);
    const { signal } = new AbortController();
    const paused = sseOf(response([], { stopReason: 'pause_turn' }));
    const bodies = [...Array.from({ length: 15 }, () => paused), sseOf([start, ...rest])];
    for (let turn = 0; turn < 15; turn++) streamTurn(clientAnswering(), params, { signal });
    expect(await runTurn(clientAnswering(...bodies), params, { signal, maxPauses: 20 })).toMatchObject({
      text: 'Kept.',
    });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    expect(warnings).toEqual([]);
  });

  it('with CR alone as line ends are read', async () => {
    const deltas = Array.from({ length: 40 }, () => delta(0, { type: 'text_delta', text: 'x' }));
    const sse = sseOf([start, open(0, { type: 'text', text: '' }), ...deltas, close(0), ...ends]);
    expect((await turnOver(sse.replaceAll('\n', '\r'))).text).toHaveLength(40);
  });

  it('that came before the message are kept one by one', async () => {
    const early = ['a', 'b', 'c'].map((text) => delta(0, { type: 'text_delta', text }));
    const turn = await turnOver(sseOf([...early, start, ...rest]));
    expect(turn.parts.slice(0, 3)).toEqual(early.map((raw) => ({ type: 'unknown', responseIndex: 0, raw })));
  });
});

describe('inputs of unusual kind', () => {
  it('are read where the call brought no input key, and where JSON has no such escape', async () => {
    const { input: _, ...bare } = call;
    const events = [
      start,
      open(0, bare),
      delta(0, { type: 'input_json_delta', partial_json: '{"code":"print(1)"}' }),
      close(0),
      open(1, { ...call, id: '2' }),
      delta(1, { type: 'input_json_delta', partial_json: '{"code":"a\\xb"}' }),
      close(1),
      ...ends,
    ];
    const { executions } = await turnOver(sseOf(events));
    expect(executions).toMatchObject([
      { code: 'print(1)', inputComplete: true },
      { code: 'axb', inputComplete: false },
    ]);
  });

  it('say of a client tool whether they were cut', async () => {
    const tool = { type: 'tool_use', id: 'toolu_1', name: 'save', input: {} };
    const cut = [
      start,
      open(0, tool),
      delta(0, { type: 'input_json_delta', partial_json: '{"a":true,"b":"x' }),
      close(0),
      ...ends,
    ];
    expect((await turnOver(sseOf(cut))).toolUses).toMatchObject([
      { input: { a: true }, inputComplete: false },
    ]);
    expect((await turnOver(sseOf(response([{ ...tool, input: { a: 1 } }])))).toolUses).toMatchObject([
      { inputComplete: true },
    ]);
  });
});

it('keeps the sources of calls apart that are written at the same time', async () => {
  const input = (index: number, json: string) =>
    delta(index, { type: 'input_json_delta', partial_json: json });
  const body = sseOf([
    start,
    open(0, call),
    open(1, { ...call, id: '2' }),
    input(0, '{"code":"a'),
    input(1, '{"code":"x'),
    input(0, 'b"}'),
    input(1, 'y"}'),
    close(0),
    close(1),
    ...ends,
  ]);
  const stream = streamTurn(clientAnswering(body), params, { describe: false });
  const sources = () =>
    stream.state.executions.map((execution) => execution.kind === 'python' && execution.code);
  let written: unknown;
  // Read once, before the calls end: the state folds every delta at that time.
  for await (const event of stream) if (event.type === 'execution-running') written ??= sources();
  expect(written).toEqual(['ab', 'xy']);
});
