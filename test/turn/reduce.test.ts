import { initialTurnState, reduceTurn, type TurnEvent, type TurnState } from 'code-execution-kit';
import { describe, expect, it } from 'vitest';
import { pendingExecution } from '../../src/turn/execution.ts';
import { listed } from '../support/artifacts.ts';
import { deepFreeze } from '../support/freeze.ts';

type Unnumbered = TurnEvent extends infer Event
  ? Event extends TurnEvent
    ? Omit<Event, 'seq'>
    : never
  : never;

/** Folds events one by one, each state frozen before the next event. */
function fold(events: readonly Unnumbered[], from = initialTurnState()): TurnState {
  let { seq } = from;
  return events.reduce(
    (state, event) => reduceTurn(deepFreeze(state), { ...event, seq: ++seq } as TurnEvent),
    from,
  );
}

const start = (responseIndex: number): Unnumbered => ({
  type: 'response-start',
  responseIndex,
  id: `msg_${responseIndex}`,
  model: 'claude-opus-5-5',
  startedAt: null,
});
const end = (responseIndex: number, stopReason: string | null = 'pause_turn'): Unnumbered => ({
  type: 'response-end',
  responseIndex,
  stopReason,
  endedAt: '2026-11-22T10:00:01.000Z',
  inputTransformations: [],
});
const writing = (id: string, name: string, responseIndex = 0): Unnumbered => ({
  type: 'execution-start',
  execution: pendingExecution(
    { call: { type: 'server_tool_use', id, name, input: {} } as never, responseIndex },
    'writing',
  ),
});
const code = (id: string, field: string, text: string): Unnumbered =>
  ({ type: 'code-delta', id, field, text }) as Unnumbered;
const text = (words: string): Unnumbered => ({ type: 'text-delta', text: words });
const usage = (responseIndex: number, output: number): Unnumbered => ({
  type: 'usage',
  responseIndex,
  usage: { input_tokens: 10, output_tokens: output },
});

describe('the source of an execution grows', () => {
  it.each([
    ['code_execution', 'code', { kind: 'python', code: 'one two', source: 'one two' }],
    ['bash_code_execution', 'command', { kind: 'bash', command: 'one two', source: 'one two' }],
    [
      'text_editor_code_execution',
      'file_text',
      { kind: 'create', path: null, fileText: 'one two', source: 'one two' },
    ],
    [
      'text_editor_code_execution',
      'old_str',
      { kind: 'replace', oldText: 'one two', newText: null, source: null },
    ],
    [
      'text_editor_code_execution',
      'new_str',
      { kind: 'replace', oldText: null, newText: 'one two', source: 'one two' },
    ],
    [
      'shell_of_tomorrow_code_execution',
      'code',
      { kind: 'unknown', input: { code: 'one two' }, source: 'one two' },
    ],
  ])('of %s in %s', (name, field, expected) => {
    const state = fold([
      start(0),
      writing('a', name),
      code('a', field, 'one '),
      text('!'),
      code('a', field, 'two'),
    ]);
    expect(state.executions).toMatchObject([expected]);
    expect(Object.keys(state.executions[0] ?? {})).not.toContain(
      field === 'code' ? 'file_text' : field.concat('_'),
    );
  });

  it('in both texts of a replacement', () => {
    const name = 'text_editor_code_execution';
    const state = fold([
      writing('a', name),
      code('a', 'old_str', 'x'),
      code('a', 'new_str', 'y'),
      code('a', 'new_str', 'z'),
    ]);
    expect(state.executions).toMatchObject([{ kind: 'replace', oldText: 'x', newText: 'yz', source: 'yz' }]);
    expect(state.executions[0]).not.toHaveProperty('input');
  });

  it('not by a field that its tool does not have, nor that of another', () => {
    const state = fold([
      writing('a', 'code_execution'),
      writing('b', 'bash_code_execution'),
      code('a', 'command', 'no'),
      code('c', 'code', 'no'),
      code('b', 'command', 'ls'),
    ]);
    expect(state.executions).toMatchObject([
      { code: null, source: null },
      { command: 'ls', source: 'ls' },
    ]);
  });
});

describe('texts', () => {
  it('of one part are joined, those of several by a blank line, and the answer begins after the last execution', () => {
    const state = fold([
      start(0),
      text('Let '),
      text('me.'),
      writing('a', 'code_execution'),
      text('One'),
      { type: 'thinking-delta', text: 'hm' },
      { type: 'thinking-delta', text: 'm' },
      text('Two'),
      end(0),
      start(1),
      text('Three'),
    ]);
    expect(state.text).toBe('Let me.\n\nOne\n\nTwo\n\nThree');
    expect(state.answer).toBe('One\n\nTwo\n\nThree');
    expect(state.parts).toEqual([
      { type: 'text', text: 'Let me.', responseIndex: 0 },
      { type: 'execution', id: 'a', responseIndex: 0 },
      { type: 'text', text: 'One', responseIndex: 0 },
      { type: 'thinking', text: 'hmm', responseIndex: 0 },
      { type: 'text', text: 'Two', responseIndex: 0 },
      { type: 'text', text: 'Three', responseIndex: 1 },
    ]);
  });
});

describe('a response that is asked for again', () => {
  const first: readonly Unnumbered[] = [
    start(0),
    usage(0, 5),
    text('One.'),
    writing('a', 'code_execution'),
    { type: 'execution-running', execution: { ...writingOf('a'), status: 'pending' } },
    { type: 'server-tool', serverTool: serverTool(null) },
    { type: 'container', change: 'created', container: { id: 'c1', expiresAt: null, skills: [] } as never },
    end(0),
    { type: 'pause', responseIndex: 0 },
    { type: 'notice', notice: { code: 'x', message: 'kept', responseIndex: 0 } },
  ];
  const second: readonly Unnumbered[] = [
    start(1),
    usage(1, 7),
    text('Two.'),
    {
      type: 'execution-end',
      execution: { ...writingOf('a'), status: 'succeeded', stdout: '1', resultIndex: 1, result: {} } as never,
    },
    { type: 'artifact', artifact: artifact('f1', 1) },
    {
      type: 'tool-use',
      toolUse: {
        id: 't',
        name: 'n',
        input: {},
        inputComplete: true,
        caller: { type: 'direct' },
        responseIndex: 1,
      } as never,
    },
    { type: 'server-tool', serverTool: serverTool(1) },
    { type: 'container', change: 'changed', container: { id: 'c2', expiresAt: null, skills: [] } as never },
    { type: 'notice', notice: { code: 'y', message: 'gone', responseIndex: 1 } },
    { type: 'notice', notice: { code: 'response-repeated', message: 'kept', responseIndex: 1 } },
  ];

  it('leaves what came before, what it cost, and the notices that keep what came', () => {
    const before = fold(first);
    const broken = fold(second, before);
    const failed = fold([{ type: 'turn-error', code: 'stream_cut', message: 'm', retryable: true }], broken);
    expect(failed).toMatchObject({ status: 'interrupted', error: { code: 'stream_cut' } });
    const state = fold([{ type: 'response-repeat', responseIndex: 1 }], failed);
    expect(state.exchanges.map(({ responseIndex, interrupted }) => [responseIndex, interrupted])).toEqual([
      [0, undefined],
      [1, true],
    ]);
    expect(state.usage).toEqual({ input_tokens: 20, output_tokens: 12 });
    expect(state.notices.map(({ code }) => code)).toEqual(['x', 'response-repeated']);
    const { seq: _, exchanges: __, usage: ___, notices: ____, ...rest } = state;
    const { seq: _1, exchanges: _2, usage: _3, notices: _4, ...was } = before;
    expect(rest).toEqual(was);
  });

  it('leaves of exchanges and notices as many as the process knows of that goes on', () => {
    const state = fold(
      [{ type: 'response-repeat', responseIndex: 1, exchangeCount: 1, noticeCount: 1 }],
      fold([...first, ...second]),
    );
    expect(state.exchanges).toHaveLength(1);
    expect(state.notices.map(({ code }) => code)).toEqual(['x']);
    expect(state.usage).toEqual({ input_tokens: 10, output_tokens: 5 });
  });
});

function writingOf(id: string) {
  const { execution } = writing(id, 'code_execution') as Extract<Unnumbered, { type: 'execution-start' }>;
  return execution;
}

/** Called in the first response; its result comes in the second. */
function serverTool(resultIndex: number | null) {
  const result = resultIndex === null ? null : {};
  const caller = { type: 'direct' as const, toolId: null };
  return { id: 's', name: 'web_search', caller, responseIndex: 0, resultIndex, call: {}, result };
}

const artifact = (fileId: string, responseIndex: number) => ({
  ...listed,
  fileId,
  executionId: 'a',
  responseIndex,
});

describe('entries', () => {
  it('are replaced where they stand, whatever their order', () => {
    const state = fold([
      writing('a', 'code_execution'),
      writing('b', 'bash_code_execution'),
      { type: 'artifact', artifact: artifact('f1', 0) },
      { type: 'artifact', artifact: artifact('f2', 0) },
      { type: 'artifact', artifact: { ...artifact('f1', 0), name: 'a.csv' } },
      { type: 'execution-end', execution: { ...writingOf('a'), stdout: '1' } as never },
    ]);
    expect(state.artifacts.map(({ fileId, name }) => [fileId, name])).toEqual([
      ['f1', 'a.csv'],
      ['f2', null],
    ]);
    expect(state.executions.map(({ id, stdout }) => [id, stdout])).toEqual([
      ['a', '1'],
      ['b', null],
    ]);
    expect(state.parts).toHaveLength(2);
  });

  it('of a lost container are kept in the exchange that named it', () => {
    const container = { id: 'c1', expiresAt: null, skills: [] } as never;
    const state = fold([
      start(0),
      { type: 'container', change: 'created', container },
      { type: 'container', change: 'lost', container },
    ]);
    expect([state.container, state.exchanges[0]?.container]).toEqual([null, container]);
  });
});

describe('the end', () => {
  it('is undone by a response that goes on, and an error by an end', () => {
    const ended: Unnumbered = { type: 'turn-end', outcome: 'paused', stopReason: 'pause_turn' } as never;
    const error: Unnumbered = { type: 'turn-error', code: 'aborted', message: 'm', retryable: false };
    expect(fold([start(0), end(0), ended])).toMatchObject({
      status: 'ended',
      outcome: 'paused',
      stopReason: 'pause_turn',
    });
    const again = fold([start(0), end(0), ended, start(1)]);
    expect(again).toMatchObject({ status: 'running', outcome: null, stopReason: null });
    const failed = fold([start(0), error]);
    expect(failed).toMatchObject({ status: 'interrupted', exchanges: [{ interrupted: true }] });
    expect(fold([start(0), end(0), error]).exchanges[0]).not.toHaveProperty('interrupted');
    expect(fold([start(0), end(0), error, ended])).not.toHaveProperty('error');
    expect(fold([start(0), end(0), error, start(1)])).not.toHaveProperty('error');
    expect(fold([error]).exchanges).toEqual([]);
  });

  it('is not changed by an event of a later version', () => {
    const before = fold([start(0)]);
    const after = fold([{ type: 'news' } as never], before);
    expect({ ...after, seq: before.seq }).toEqual(before);
    expect(after.seq).toBe(before.seq + 1);
  });
});
