import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import {
  checkHistory,
  isInvalidInputError,
  isPrefixMismatch,
  runTurn,
  userMessage,
} from 'code-execution-kit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSendable } from '../support/sendable.ts';
import { clientAnswering, response, sseOf } from '../support/sse.ts';
import { params, thrownBy } from '../support/world.ts';

const user = (content: unknown) => ({ role: 'user', content }) as MessageParam;
const assistant = (...content: unknown[]) => ({ role: 'assistant', content }) as MessageParam;
const text = (words: string, more: object = {}) => ({ type: 'text', text: words, ...more });
const thinking = (signature?: string) => ({ type: 'thinking', thinking: 'Hm.', signature });
const call = (id: string, more: object = {}) => ({ type: 'tool_use', id, name: 'ask', input: {}, ...more });
const result = (id: string, content: unknown = 'yes') => ({ type: 'tool_result', tool_use_id: id, content });
const run = (id: string) => ({
  type: 'server_tool_use',
  id,
  name: 'bash_code_execution',
  input: { command: 'ls' },
});
const ran = (id: string) => ({ type: 'bash_code_execution_tool_result', tool_use_id: id, content: {} });
const mark = { cache_control: { type: 'ephemeral' } };
const go = user('Go.');
const last = user('And now?');

/** What is found in these messages, between others, and what they are repaired to. */
const CASES: readonly [string, MessageParam[], [string, string][], MessageParam[]][] = [
  ['empty content', [assistant()], [['empty-content', 'messages.1']], []],
  ['a blank message', [user(' \n')], [['empty-content', 'messages.1']], []],
  ['no content', [{ role: 'assistant' } as never], [['no-message', 'messages.1']], []],
  [
    'no role',
    [{ content: 'x' } as never, null as never],
    [
      ['no-message', 'messages.1'],
      ['no-message', 'messages.2'],
    ],
    [],
  ],
  [
    'a blank text',
    [assistant(text('\n'), text('Yes.'))],
    [['blank-text', 'messages.1.content.0']],
    [assistant(text('Yes.'))],
  ],
  ['only a blank text', [assistant(text('\n'))], [['blank-text', 'messages.1.content.0']], []],
  [
    'thinking after a blank text, also of later messages',
    [
      assistant(thinking('a'), text(' '), thinking('b'), text('Yes.')),
      go,
      assistant(thinking('c'), text('So.')),
    ],
    [['blank-text', 'messages.1.content.1']],
    [assistant(thinking('a'), text('Yes.')), go, assistant(text('So.'))],
  ],
  [
    'thinking without a signature',
    [assistant(thinking(), text('Yes.'))],
    [['unsigned-thinking', 'messages.1.content.0']],
    [assistant(text('Yes.'))],
  ],
  [
    'redacted thinking without data',
    [assistant({ type: 'redacted_thinking' }, text('Yes.'))],
    [['unsigned-thinking', 'messages.1.content.0']],
    [assistant(text('Yes.'))],
  ],
  [
    'no block',
    [assistant(null, 'x', text('Yes.'))],
    [
      ['no-block', 'messages.1.content.0'],
      ['no-block', 'messages.1.content.1'],
    ],
    [assistant(text('Yes.'))],
  ],
  [
    'half an emoji',
    [assistant(text('\ud83d!'))],
    [['half-character', 'messages.1.content.0']],
    [assistant(text('\ufffd!'))],
  ],
  [
    'half an emoji in an input',
    [assistant(run('s1'), ran('s1'), { ...run('s2'), input: { command: ['\ude00'] } }, ran('s2'))],
    [['half-character', 'messages.1.content.2']],
    [assistant(run('s1'), ran('s1'), { ...run('s2'), input: { command: ['\ufffd'] } }, ran('s2'))],
  ],
  [
    'half an emoji in a key',
    [assistant(run('s1'), ran('s1'), { ...run('s2'), input: { a: 1, '\ud83dkey': 1 } }, ran('s2'))],
    [['half-character', 'messages.1.content.2']],
    [assistant(run('s1'), ran('s1'), { ...run('s2'), input: { a: 1, '\ufffdkey': 1 } }, ran('s2'))],
  ],
  [
    'marks inside a result',
    [
      assistant(call('t1')),
      user([
        result(
          't1',
          [1, 2, 3].map((n) => text(`${n}`, mark)),
        ),
        text('a', mark),
        text('b', mark),
      ]),
    ],
    [['cache-control', 'messages.2.content.0.content.0']],
    [
      assistant(call('t1')),
      user([result('t1', [text('1'), text('2', mark), text('3', mark)]), text('a', mark), text('b', mark)]),
    ],
  ],
  [
    'results after a text',
    [assistant(call('t1'), call('t2')), user([text('Well.'), result('t1'), text('And.'), result('t2')])],
    [
      ['result-not-first', 'messages.2.content.1'],
      ['result-not-first', 'messages.2.content.3'],
    ],
    [assistant(call('t1'), call('t2')), user([result('t1'), result('t2'), text('Well.'), text('And.')])],
  ],
  [
    'keys of a helper',
    [assistant(text('Yes.', { parsed_output: null }))],
    [['foreign-key', 'messages.1.content.0.parsed_output']],
    [assistant(text('Yes.'))],
  ],
  [
    'a whole response',
    [{ ...assistant(thinking('a'), text('Yes.')), id: 'msg_1', type: 'message', usage: {} } as never],
    [
      ['foreign-key', 'messages.1.id'],
      ['foreign-key', 'messages.1.type'],
      ['foreign-key', 'messages.1.usage'],
    ],
    [assistant(thinking('a'), text('Yes.'))],
  ],
  [
    'a mark on thinking',
    [assistant({ ...thinking('a'), ...mark }, text('Yes.'))],
    [['cache-control', 'messages.1.content.0.cache_control']],
    [assistant(thinking('a'), text('Yes.'))],
  ],
  [
    'five marks',
    [assistant(...[1, 2, 3, 4, 5].map((n) => text(`${n}`, mark)))],
    [['cache-control', 'messages.1.content.0']],
    [assistant(text('1'), ...[2, 3, 4, 5].map((n) => text(`${n}`, mark)))],
  ],
  [
    'a call without its result',
    [assistant(text('Yes.'), call('t1'))],
    [['call-without-result', 'messages.1.content.1']],
    [assistant(text('Yes.'))],
  ],
  [
    'a call whose result comes too late',
    [assistant(call('t1')), go, user([result('t1')])],
    [
      ['call-without-result', 'messages.1.content.0'],
      ['result-without-call', 'messages.3.content.0'],
    ],
    [go],
  ],
  [
    "a call of the server's without its result",
    [assistant(text('Yes.'), run('s1'))],
    [['call-without-result', 'messages.1.content.1']],
    [assistant(text('Yes.'))],
  ],
  [
    'a result without its call',
    [user([result('t9'), text('Yes.')])],
    [['result-without-call', 'messages.1.content.0']],
    [user([text('Yes.')])],
  ],
  [
    'a result of the server without its call',
    [assistant(ran('s9'), text('Yes.'))],
    [['result-without-call', 'messages.1.content.0']],
    [assistant(text('Yes.'))],
  ],
  [
    'blocks in messages of another role',
    [
      user([thinking('a'), run('s1'), ran('s1'), call('t1'), text('So.')]),
      assistant(result('t1'), text('Yes.')),
    ],
    [0, 1, 2, 3]
      .map((at): [string, string] => ['misplaced-block', `messages.1.content.${at}`])
      .concat([['misplaced-block', 'messages.2.content.0']]),
    [user([text('So.')]), assistant(text('Yes.'))],
  ],
  [
    'a result before its call',
    [assistant(ran('s1'), run('s1'), text('Yes.'))],
    [
      ['call-without-result', 'messages.1.content.1'],
      ['result-without-call', 'messages.1.content.0'],
    ],
    [assistant(text('Yes.'))],
  ],
  [
    'one call twice',
    [assistant(call('t1'), call('t1')), user([result('t1')])],
    [['repeated-id', 'messages.1.content.1']],
    [assistant(call('t1')), user([result('t1')])],
  ],
  [
    'one result twice',
    [assistant(call('t1')), user([result('t1'), result('t1')])],
    [['repeated-id', 'messages.2.content.1']],
    [assistant(call('t1')), user([result('t1')])],
  ],
  [
    'a call of code that is not there',
    [
      assistant(call('t1', { caller: { type: 'code_execution_20260120', tool_id: 's9' } }), text('Yes.')),
      user([result('t1')]),
    ],
    [
      ['call-without-result', 'messages.1.content.0'],
      ['result-without-call', 'messages.2.content.0'],
    ],
    [assistant(text('Yes.'))],
  ],
  [
    'a blank text in a result',
    [assistant(call('t1')), user([result('t1', [text(''), text('yes')])])],
    [['blank-text', 'messages.2.content.0.content.0']],
    [assistant(call('t1')), user([result('t1', [text('yes')])])],
  ],
  [
    'a system message between a call and its result',
    [assistant(call('t1')), { role: 'system', content: 'Hurry.' } as never, user([result('t1')])],
    [['system-between', 'messages.2']],
    [assistant(call('t1')), user([result('t1')]), { role: 'system', content: 'Hurry.' } as never],
  ],
];

describe('checkHistory', () => {
  it.each(CASES)('finds %s', (_, given, found, repaired) => {
    const checked = checkHistory([go, ...given, last]);
    expect(checked.findings.map(({ code, path }) => [code, path])).toEqual(found);
    for (const { message, cure, path } of checked.findings) {
      expect(message).toContain(path);
      expect(cure).toMatch(/\w\.$/);
    }
    expect(checked.repaired).toEqual([go, ...repaired, last]);
    expect(checkHistory(checked.repaired).findings).toEqual([]);
  });

  it.each([
    ['a paused turn', [go, assistant(text('Let me see.'), run('s1'))]],
    ['a pause and its result', [go, assistant(run('s1')), assistant(ran('s1'), text('Yes.'))]],
    [
      'a call of code',
      [
        go,
        assistant(run('s1'), call('t1', { caller: { type: 'c', tool_id: 's1' } })),
        user([result('t1')]),
        assistant(ran('s1')),
      ],
    ],
    [
      'results in neighbouring messages',
      [
        go,
        assistant(call('t1'), call('t2')),
        user([result('t1')]),
        user([result('t2')]),
        assistant(text('Yes.')),
      ],
    ],
    [
      'system messages of any form',
      [
        go,
        { role: 'system', content: [{ type: 'tool_addition', tool: {} }] } as never,
        { role: 'system', output_config: {} } as never,
        { role: 'system', content: [] } as never,
        last,
      ],
    ],
    [
      "an upload in a message of Claude's",
      [go, assistant({ type: 'container_upload', file_id: 'file_1' }), last],
    ],
    ['a system message', [go, assistant(text('Yes.')), { role: 'system', content: 'Hurry.' } as never, last]],
    [
      'blocks of tomorrow',
      [go, assistant({ type: 'tomorrow', of: 'all', x: null }, { type: 'mcp_tool_listing' }), last],
    ],
    [
      'four marks and citations',
      [go, assistant(...[1, 2, 3, 4].map((n) => text(`${n}`, { ...mark, citations: null })))],
    ],
    ['nothing at all', []],
  ])('leaves %s as it is', (_, messages) => {
    const { findings, repaired } = checkHistory(messages as MessageParam[]);
    expect(findings).toEqual([]);
    expect(repaired).toEqual(messages);
    for (const [index, message] of repaired.entries()) expect(message).toBe(messages[index]);
  });

  it('keeps thinking after what is taken out for models that do not bind it', () => {
    const history = [go, assistant(text(' '), thinking('a'), text('Yes.')), last];
    const kept = (model?: string) => checkHistory(history, { model }).repaired[1]?.content.length;
    for (const model of ['claude-opus-5-5', 'claude-sonnet-5-5-20260928', 'claude-fable-5-2', 'tomorrow']) {
      expect(kept(model), model).toBe(1);
    }
    expect(kept()).toBe(1);
    for (const model of [
      'claude-sonnet-5',
      'claude-opus-4-6',
      'claude-3-of-old',
      'claude-haiku-4-5-20251001',
    ]) {
      expect(kept(model), model).toBe(2);
    }
  });

  it('says in a turn only that something is wrong', async () => {
    const messages = [go, assistant(text(' '), text('Yes.')), last];
    const client = clientAnswering(sseOf(response([text('So.')])));
    const { notices } = await runTurn(client, { ...params, messages });
    expect(notices).toMatchObject([
      { code: 'history-faults', message: expect.stringMatching(/messages\.1\.content\.0.*checkHistory/s) },
    ]);
    expect(JSON.parse(String(client.sent[0]?.body)).messages).toEqual(messages);
  });

  it.each([[undefined], ['text'], [{ messages: [] }]])('refuses %j', async (messages) => {
    expect(isInvalidInputError(await thrownBy(async () => checkHistory(messages as never)))).toBe(true);
  });

  it('gives a history that can be sent, whatever it is given', () => {
    const ids = fc.constantFrom('t1', 't2', 's1', 's2');
    const block = fc.oneof(
      fc.constantFrom(text(''), text(' '), text('Yes.'), text('\ud83d'), thinking(), thinking('a'), null, 7),
      ids.map((id) => call(id)),
      ids.map((id) => call('t3', { caller: { type: 'c', tool_id: id } })),
      ids.map((id) => run(id)),
      ids.map((id) => ran(id)),
      ids.map((id) => result(id, [text(' ')])),
    );
    const message = fc.record({
      role: fc.constantFrom('user', 'assistant', 'assistant', 'system'),
      content: fc.oneof(fc.constantFrom('', 'Yes.'), fc.array(block, { maxLength: 6 })),
    });
    const property = fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
      const { repaired } = checkHistory([...messages, userMessage('Next.')] as never);
      expectSendable(repaired);
      expect(checkHistory(repaired).findings).toEqual([]);
    });
    fc.assert(property, { numRuns: Number(process.env['PREFIX_CASES'] ?? 300) });
  });
});

describe('thinking that the API left out', () => {
  const dropped = {
    type: 'thinking_dropped',
    path: 'messages.1.content.0',
    reason: 'prefix_binding_mismatch',
  };
  const allowed = { type: 'thinking_mismatch_allowed', path: 'messages.1.content.0', reason: 'x' };

  it('is a notice, and stands in the exchange as it came', async () => {
    const [start, ...rest] = response([text('So.')]) as [{ message: object }, ...object[]];
    const begin = { ...start, message: { ...start.message, input_transformations: [allowed, dropped] } };
    const turn = await runTurn(clientAnswering(sseOf([begin, ...rest])), params);
    expect(turn.exchanges[0]?.inputTransformations).toEqual([allowed, dropped]);
    expect(turn.notices).toMatchObject([
      { code: 'thinking-dropped', message: expect.stringContaining(`${dropped.path} (${dropped.reason})`) },
    ]);
  });

  it('is what the last message_delta says, where it says something', async () => {
    const events = response([text('So.')]) as Record<string, unknown>[];
    const later = events.map((event) =>
      event['type'] === 'message_delta' ? { ...event, input_transformations: [allowed] } : event,
    );
    const turn = await runTurn(clientAnswering(sseOf(later)), params);
    expect([turn.exchanges[0]?.inputTransformations, turn.notices]).toEqual([[allowed], []]);
  });
});

it('isPrefixMismatch knows the refusal of the API, also in an error of this package', () => {
  const words =
    'messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation.';
  const refusal = Object.assign(new Error(`400 ${words}`), { status: 400 });
  expect(isPrefixMismatch(refusal)).toBe(true);
  expect(isPrefixMismatch(new Error('The request after 1 response failed', { cause: refusal }))).toBe(true);
  expect(isPrefixMismatch(Object.assign(new Error(words), { status: 500 }))).toBe(false);
  expect(isPrefixMismatch(Object.assign(new Error('Invalid `signature`'), { status: 400 }))).toBe(false);
  expect(isPrefixMismatch(undefined)).toBe(false);
});
