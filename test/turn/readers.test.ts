import {
  artifactsOf,
  codeExecutionTool,
  containerOf,
  executionsOf,
  initialTurnState,
  isInvalidInputError,
  runTurn,
  streamTurn,
} from 'code-execution-kit';
import { bash, cannedSandbox, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { params, thrownBy, viaJson, world } from '../support/world.ts';

const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  content: [
    { type: 'text', text: 'Look.' },
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'bash_code_execution', input: { command: 'ls' } },
    {
      type: 'bash_code_execution_tool_result',
      tool_use_id: 'srvtoolu_1',
      content: {
        type: 'bash_code_execution_result',
        stdout: 'a',
        stderr: '',
        return_code: 0,
        content: [{ type: 'bash_code_execution_output', file_id: 'file_1' }],
      },
    },
  ],
  container: { id: 'container_1', expires_at: '2026-11-26T10:00:00Z' },
};
const line = { custom_id: 'a', result: { type: 'succeeded', message } };
/** As the AI SDK gives what its provider executed. */
const aiMessages = [
  {
    role: 'assistant',
    content: [
      { type: 'text', text: 'Look.' },
      {
        type: 'tool-call',
        toolCallId: 'srvtoolu_1',
        toolName: 'code_execution',
        providerExecuted: true,
        input: {},
      },
    ],
  },
  { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'srvtoolu_1', toolName: 'code_execution' }] },
];
const ended = (type: string) => ({ custom_id: 'b', result: { type, error: { type: 'error' } } });

describe('readers', () => {
  const executions = executionsOf(message);

  it('read one message', () => {
    expect(executions).toMatchObject([{ command: 'ls', stdout: 'a' }]);
    expect(artifactsOf(message)).toMatchObject([{ fileId: 'file_1', executionId: 'srvtoolu_1' }]);
    expect(containerOf(message)).toMatchObject({ id: 'container_1' });
  });

  it.each<[string, Parameters<typeof executionsOf>[0]]>([
    ['its content', message.content],
    ['its content with a null', [null, ...message.content] as typeof message.content],
    ['a set of its blocks', new Set(message.content)],
    ['a batch line', line],
    ['a list of it', [message]],
    ['a list of its content', [message.content]],
    ['a list of batch lines, of which some have none', [ended('errored'), line, ended('expired')]],
    ['its JSON', JSON.stringify(message)],
    ['the JSON of its content', JSON.stringify(message.content)],
    ['the JSON of a batch line', JSON.stringify(line)],
    ['JSON with a byte order mark', `\ufeff${JSON.stringify(message)}`],
    ['JSON Lines', `${JSON.stringify(ended('errored'))}\r\n${JSON.stringify(line)}\n\n`],
    [
      'JSON Lines with a byte order mark',
      `\ufeff${JSON.stringify(line)}\n${JSON.stringify(ended('expired'))}`,
    ],
    ['a row with its content as JSON', { role: 'assistant', content: JSON.stringify(message.content) }],
    ['rows', [{ role: 'assistant', content: ` ${JSON.stringify(message.content)}\n` }]],
    [
      "LangChain's messages",
      [
        { type: 'human', content: 'Hi.' },
        { type: 'ai', content: message.content },
      ].slice(1),
    ],
    ['a list of JSON', [JSON.stringify(line)]],
    [
      'a history',
      [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: message.content },
      ],
    ],
  ])('read the same from %s', (_, source) => {
    expect(executionsOf(source)).toEqual(executions);
    expect(artifactsOf(source)).toEqual(artifactsOf(message));
  });

  it('read the container from batch lines and JSON, and from what has none', () => {
    for (const source of [line, [ended('canceled'), line], JSON.stringify(message), [message]]) {
      expect(containerOf(source)).toEqual(containerOf(message));
    }
    expect(containerOf({ role: 'user', content: 'x' } as object)).toBeNull();
    expect(containerOf([])).toBeNull();
    expect(containerOf(initialTurnState())).toBeNull();
  });

  it('count the messages of lists', () => {
    const indices = executionsOf([message, [...message.content], line]).map(
      ({ responseIndex }) => responseIndex,
    );
    // One id is one execution.
    expect(indices).toEqual([2]);
    expect(executionsOf([])).toEqual([]);
    expect(executionsOf(ended('canceled'))).toEqual([]);
    expect(executionsOf({ role: 'assistant', content: 'text' })).toEqual([]);
  });

  const { client } = world(() => [say('y')]);
  const tools = [codeExecutionTool()];
  const promise = Promise.resolve(message);
  class Result {
    get text() {
      return '';
    }
    get content() {
      return [];
    }
    get steps() {
      return [];
    }
  }
  it.each<[string, unknown, RegExp]>([
    ['a promise', promise, /await it/],
    ['a list of promises', [promise], /await it/],
    ['a request', client.messages.create({ ...params, tools } as never), /await it/],
    ['a turn that runs', streamTurn(client, params), /await stream\.turn\(\)/],
    ['a stream of the SDK', client.messages.stream({ ...params, tools } as never), /finalMessage/],
    ['an async iterable', (async function* () {})(), /read it to its end/],
    ['a result of the AI SDK', new Result(), /response\.body/],
    ["the AI SDK's messages", aiMessages, /of the AI SDK: pass.*response\.body/],
    ["the AI SDK's steps", [{ content: aiMessages[0]?.content, response: {} }], /response\.body/],
    ["the AI SDK's content", aiMessages[0]?.content, /response\.body/],
    ["the AI SDK's results", [aiMessages[1]], /response\.body/],
    [
      "the AI SDK's rows",
      [{ role: 'assistant', content: JSON.stringify(aiMessages[0]?.content) }],
      /response\.body/,
    ],
    [
      "LangChain's own blocks",
      [{ type: 'ai', content: [{ type: 'server_tool_call', name: 'x' }] }],
      /outputVersion/,
    ],
    ["LangChain's own results", [{ type: 'server_tool_call_result', status: 'success' }], /outputVersion/],
    ['events of a stream', [{ type: 'message_start', message }, { type: 'message_stop' }], /finalMessage/],
    [
      'an event of a stream',
      [{ type: 'content_block_start', index: 0, content_block: message.content[1] }],
      /event of a stream/,
    ],
    [
      'one event',
      { type: 'content_block_start', index: 0, content_block: message.content[1] },
      /got an object/,
    ],
    ['events as JSON Lines', '{"type":"message_start"}\n{"type":"message_stop"}', /finalMessage/],
    ['half JSON Lines', `${JSON.stringify(line)}\n{"custom_id":`, /no JSON of one/],
    ['a Response', new Response('{}'), /response\.json/],
    ['a text', 'Done.', /no JSON/],
    ['an empty text', '', /no JSON/],
    ['a number as text', '5', /no JSON/],
    ['a number', 5, /client\.messages\.create/],
    ['undefined', undefined, /client\.messages\.create/],
    ['null', null, /client\.messages\.create/],
    ['a list with null', [message, null], /client\.messages\.create/],
    ['an object without content', { id: 'x' }, /client\.messages\.create/],
    ['content of another kind', { content: 5 }, /client\.messages\.create/],
    ['a batch line of another kind', { custom_id: 'a', result: { type: 'new' } }, /client\.messages\.create/],
    ['a function', () => message, /client\.messages\.create/],
  ])('refuse %s, and say what to do', async (what, source, cure) => {
    // A message without a container may be anything.
    const mayBeMessage = /^(an object|content)/.test(what);
    const readers = { executionsOf, artifactsOf, ...(mayBeMessage ? {} : { containerOf }) };
    for (const [name, read] of Object.entries(readers)) {
      const error = await thrownBy(() => read(source as never));
      expect([name, isInvalidInputError(error)]).toEqual([name, true]);
      expect(error.message).toMatch(cure);
      expect(error.message).toContain(name);
    }
    await Promise.allSettled([source]);
  });

  it('refuse a turn, which has them, and blocks where a container is looked for', async () => {
    const turn = await runTurn(world([say('x')]).client, params);
    expect((await thrownBy(() => executionsOf(turn as never))).message).toMatch(/executions/);
    expect(containerOf(turn)).toBeNull();
    expect((await thrownBy(() => containerOf(message.content))).message).toMatch(/blocks name no container/);
  });
});

describe('a container as a response has it', () => {
  it.each([
    [undefined, 'container_1'],
    [null, 'container_1'],
    [[], 'container_1'],
    [
      [{ type: 'anthropic', skill_id: 'pdf', version: '1' }],
      { id: 'container_1', skills: [{ type: 'anthropic', skill_id: 'pdf', version: '1' }] },
    ],
  ])('with skills %j is sent in the form of a request', async (skills, sent) => {
    const { client, bodies } = world([bash('x'), say('y')], { sandbox: cannedSandbox(() => ({})) });
    const { container } = await runTurn(client, params);
    const id = container?.id ?? '';
    const given = { id, expires_at: container?.expiresAt, ...(skills === undefined ? {} : { skills }) };
    const again = world([say('y')]);
    await runTurn(again.client, { ...params, container: given as never }).catch(() => {});
    expect(bodies()).toHaveLength(1);
    expect(viaJson(again.bodies()[0]?.container)).toEqual(typeof sent === 'string' ? id : { ...sent, id });
  });
});
