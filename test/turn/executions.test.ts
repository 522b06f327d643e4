import {
  artifactsOf,
  executionsOf,
  initialTurnState,
  reduceTurn,
  streamTurn,
  turnEvents,
} from 'code-execution-kit';
import { describe, expect, it } from 'vitest';
import { clientAnswering, response, sdkMessage, sseOf } from '../support/sse.ts';
import { params, timeless } from '../support/world.ts';

const call = (id: string, name: string, input: object) => ({ type: 'server_tool_use', id, name, input });
const result = (id: string, name: string, content: object) => ({
  type: `${name}_tool_result`,
  tool_use_id: id,
  content,
});

/** The same blocks read at once, and streamed and folded. */
async function bothWays(blocks: readonly object[]) {
  let state = initialTurnState();
  const client = clientAnswering(sseOf(response(blocks)));
  for await (const event of streamTurn(client, params, { describe: false })) state = reduceTurn(state, event);
  const executions = executionsOf({ content: blocks });
  expect(timeless(state.executions)).toEqual(executions);
  expect(state.artifacts).toEqual(artifactsOf({ content: blocks }));
  return { executions, state };
}

describe('executions', () => {
  it('of all kinds', async () => {
    const editor = 'text_editor_code_execution';
    const { executions } = await bothWays([
      call('1', 'code_execution', { code: 'print(1)' }),
      result('1', 'code_execution', {
        type: 'code_execution_result',
        stdout: '1\n',
        stderr: '',
        return_code: 0,
        content: [],
        abort_reason: null,
      }),
      call('2', 'bash_code_execution', { command: 'ls' }),
      result('2', 'bash_code_execution', {
        type: 'bash_code_execution_result',
        stdout: '',
        stderr: 'no',
        return_code: 2,
        content: [],
      }),
      call('3', editor, { command: 'view', path: '/a' }),
      result('3', editor, {
        type: `${editor}_view_result`,
        file_type: 'text',
        content: 'x',
        num_lines: 1,
        start_line: 1,
        total_lines: 1,
      }),
      call('4', editor, { command: 'create', path: '/a', file_text: 'x' }),
      result('4', editor, { type: `${editor}_create_result`, is_file_update: true }),
      call('5', editor, { old_str: 'x', path: '/a', command: 'str_replace', new_str: 'y' }),
      result('5', editor, {
        type: `${editor}_str_replace_result`,
        old_start: 1,
        old_lines: 1,
        new_start: 1,
        new_lines: 1,
        lines: ['-x', '+y'],
      }),
      call('6', editor, { command: 'undo', path: '/a' }),
      result('6', editor, {
        type: `${editor}_tool_result_error`,
        error_code: 'string_not_found',
        error_message: 'none',
      }),
      call('7', 'future_code_execution', { code: 'x', level: 9 }),
      result('7', 'future_code_execution', {
        type: 'future_code_execution_result',
        stdout: 'new',
        return_code: 0,
      }),
      call('8', 'code_execution', { code: 'search()' }),
      result('8', 'code_execution', {
        type: 'encrypted_code_execution_result',
        encrypted_stdout: 'abc',
        stderr: '',
        return_code: 0,
        content: [],
      }),
      call('9', 'bash_code_execution', { command: 'sleep 999' }),
    ]);
    expect(executions).toMatchObject([
      { kind: 'python', status: 'succeeded', code: 'print(1)', stdout: '1\n', returnCode: 0 },
      { kind: 'bash', status: 'failed', command: 'ls', stderr: 'no', returnCode: 2 },
      { kind: 'view', status: 'succeeded', path: '/a', view: { content: 'x', totalLines: 1 } },
      { kind: 'create', status: 'succeeded', path: '/a', fileText: 'x', isFileUpdate: true },
      { kind: 'replace', status: 'succeeded', oldText: 'x', newText: 'y', diff: { lines: ['-x', '+y'] } },
      {
        kind: 'unknown',
        status: 'errored',
        errorCode: 'string_not_found',
        errorMessage: 'none',
        inputComplete: true,
      },
      { kind: 'unknown', status: 'succeeded', stdout: 'new', input: { code: 'x', level: 9 } },
      { kind: 'python', stdout: null, encryptedStdout: 'abc', status: 'succeeded' },
      { kind: 'bash', status: 'pending', inputComplete: true, result: null },
    ]);
    const sources = executions.map(({ source }) => source);
    expect(sources).toEqual(['print(1)', 'ls', '/a', 'x', 'y', null, 'x', 'search()', 'sleep 999']);
  });

  it('of results whose calls are in another response', () => {
    const content = [
      result('1', 'bash_code_execution', {
        type: 'bash_code_execution_result',
        stdout: 'x',
        stderr: '',
        return_code: 0,
        content: [],
      }),
    ];
    expect(executionsOf({ content })).toMatchObject([
      { id: '1', kind: 'bash', call: null, command: null, stdout: 'x' },
    ]);
    const history = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: [call('1', 'bash_code_execution', { command: 'a' })] },
      { role: 'assistant', content },
    ];
    expect(executionsOf(history)).toMatchObject([{ id: '1', command: 'a', stdout: 'x', responseIndex: 0 }]);
  });

  it('with their files, each once', async () => {
    const output = (name: string, ...ids: string[]) =>
      ids.map((file_id) => ({ type: `${name}_output`, file_id }));
    const { state } = await bothWays([
      call('1', 'code_execution', { code: 'a' }),
      result('1', 'code_execution', {
        type: 'code_execution_result',
        stdout: '',
        stderr: '',
        return_code: 0,
        content: output('code_execution', 'file_1'),
      }),
      call('2', 'bash_code_execution', { command: 'b' }),
      result('2', 'bash_code_execution', {
        type: 'bash_code_execution_result',
        stdout: '',
        stderr: '',
        return_code: 1,
        content: output('bash_code_execution', 'file_2', 'file_1'),
      }),
    ]);
    expect(state.artifacts.map(({ fileId, executionId }) => [fileId, executionId])).toEqual([
      ['file_1', '1'],
      ['file_2', '2'],
    ]);
  });

  it('whose input was cut keep what was written', async () => {
    const fragments = ['', '{"command": "create", "pa', 'th": "/x.py", "file_text": "import o', 's\\nprint('];
    const events = response([call('1', 'text_editor_code_execution', {})], { stopReason: 'max_tokens' });
    const deltas = fragments.map((partial_json) => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json },
    }));
    const stream = streamTurn(clientAnswering(sseOf(events.toSpliced(2, 0, ...deltas))), params);
    const writing: unknown[] = [];
    for await (const event of stream)
      if (event.type === 'code-delta') writing.push(stream.state.executions[0]);
    const turn = await stream.turn();
    expect(writing.at(-1)).toMatchObject({
      kind: 'create',
      status: 'writing',
      fileText: 'import os\nprint(',
      source: 'import os\nprint(',
    });
    expect(turn).toMatchObject({ outcome: 'truncated', stopReason: 'max_tokens' });
    expect(turn.executions).toMatchObject([
      {
        kind: 'create',
        status: 'pending',
        inputComplete: false,
        path: '/x.py',
        fileText: 'import os\nprint(',
        source: 'import os\nprint(',
      },
    ]);
    // The message is what the SDK makes of it.
    expect(turn.responses[0]?.content[0]).toMatchObject({ input: { command: 'create', path: '/x.py' } });
  });
});

describe('responses of unusual shape', () => {
  const message = {
    id: 'msg_2',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0 },
  };
  const container = {
    id: 'container_1',
    expires_at: '2026-11-22T10:00:00Z',
    skills: [{ type: 'anthropic', skill_id: 'pptx', version: '20251013' }],
  };

  it('that are message_start and message_stop alone give the events of their blocks', async () => {
    const caller = { type: 'code_execution_20260120', tool_id: '1' };
    const content = [
      { type: 'text', text: 'Whole.', citations: null },
      { ...call('1', 'code_execution', { code: 'await roll({})' }), caller: { type: 'direct' } },
      { type: 'tool_use', id: 'toolu_1', name: 'roll', input: { player: 1 }, caller },
    ];
    const start = { ...message, content, container, stop_reason: 'tool_use' };
    const sse = sseOf([{ type: 'message_start', message: start }, { type: 'message_stop' }]);
    const stream = streamTurn(clientAnswering(sse), params, { describe: false });
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual([
      'response-start',
      'usage',
      'text-delta',
      'execution-start',
      'code-delta',
      'execution-running',
      'tool-use',
      'container',
      'response-end',
      'turn-end',
    ]);
    const turn = await stream.turn();
    expect(turn).toMatchObject({ outcome: 'awaiting-tools', stopReason: 'tool_use', answer: '' });
    expect(turn.responses).toEqual([await sdkMessage(sse)]);
    expect(turn.container).toEqual({
      id: 'container_1',
      expiresAt: '2026-11-22T10:00:00Z',
      skills: [{ skillId: 'pptx', type: 'anthropic', version: '20251013' }],
    });
    expect(turn.executions).toMatchObject([{ kind: 'python', code: 'await roll({})', status: 'pending' }]);
  });

  it('carry progress notes as thinking, which is not the answer', async () => {
    const blocks = [
      { type: 'thinking', thinking: 'Reading the file.', signature: 'a' },
      call('1', 'bash_code_execution', { command: 'ls' }),
      { type: 'redacted_thinking', data: 'x' },
      { type: 'text', text: 'Done.' },
    ];
    const { state } = await bothWays(blocks);
    expect(state.parts).toEqual([
      { type: 'thinking', text: 'Reading the file.', responseIndex: 0 },
      { type: 'execution', id: '1', responseIndex: 0 },
      { type: 'text', text: 'Done.', responseIndex: 0 },
    ]);
    expect(state).toMatchObject({ answer: 'Done.', text: 'Done.', container: null });
  });

  it('go on with a turn whose state is given', async () => {
    const paused = sseOf(
      response([call('1', 'code_execution', { code: 'x' })], { stopReason: 'pause_turn', container }),
    );
    const last = sseOf(
      response([
        result('1', 'code_execution', {
          type: 'code_execution_result',
          stdout: 'y',
          stderr: '',
          return_code: 0,
          content: [],
        }),
        { type: 'text', text: 'Done.' },
      ]),
    );
    let state = initialTurnState();
    for (const sse of [paused, last]) {
      const events = turnEvents(new Response(sse), { state, container: state.container });
      for await (const event of events) state = reduceTurn(state, event);
    }
    const turn = await streamTurn(clientAnswering(paused, last), params, { describe: false }).turn();
    expect(timeless(turn)).toMatchObject(state);
    expect(state).toMatchObject({ status: 'ended', outcome: 'completed', answer: 'Done.' });
    expect(state.exchanges.map(({ stopReason }) => stopReason)).toEqual(['pause_turn', 'end_turn']);
    expect(state.executions).toMatchObject([{ status: 'succeeded', stdout: 'y', responseIndex: 0 }]);
  });

  it('are refused by turnEvents when they are none', async () => {
    for (const source of [undefined, 'text', 5, {}]) {
      await expect(turnEvents(source as never).next()).rejects.toThrow(
        /turnEvents takes the SDK's raw stream/,
      );
    }
  });
});

describe('what this version does not know', () => {
  it('is kept as it came and surfaced', async () => {
    const future = { type: 'hologram', data: [1, 2] };
    const events = [
      ...response([future]).slice(0, -1),
      { type: 'message_review', verdict: 'fine' },
      { type: 'message_stop' },
    ];
    const turn = await streamTurn(clientAnswering(sseOf(events)), params).turn();
    expect(turn.parts).toEqual([
      { type: 'unknown', responseIndex: 0, raw: future },
      { type: 'unknown', responseIndex: 0, raw: { type: 'message_review', verdict: 'fine' } },
    ]);
    expect(turn.messages.at(-1)?.content).toEqual([future]);
  });

  it('does not stop the reducer', () => {
    const state = initialTurnState();
    expect(reduceTurn(state, { type: 'telepathy', seq: 7 } as never)).toEqual({ ...state, seq: 7 });
  });
});

describe('other tools', () => {
  it('of the server and of the caller are told apart', async () => {
    const { state } = await bothWays([
      call('1', 'web_search', { query: 'x' }),
      { type: 'web_search_tool_result', tool_use_id: '1', content: [] },
      {
        type: 'tool_use',
        id: 'toolu_1',
        name: 'lookup',
        input: { a: 1 },
        caller: { type: 'code_execution_20260120', tool_id: '9' },
      },
    ]);
    expect(state.serverTools).toMatchObject([{ id: '1', name: 'web_search', result: { content: [] } }]);
    expect(state.toolUses).toEqual([
      {
        id: 'toolu_1',
        name: 'lookup',
        input: { a: 1 },
        inputComplete: true,
        caller: { type: 'code_execution_20260120', toolId: '9' },
        responseIndex: 0,
      },
    ]);
    expect(state.parts).toEqual([
      { type: 'server-tool', id: '1', responseIndex: 0 },
      { type: 'tool-use', id: 'toolu_1', responseIndex: 0 },
    ]);
  });
});
