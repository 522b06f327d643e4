import Anthropic from '@anthropic-ai/sdk';
import { codeExecutionTool, executionsOf, nextParams, runTurn, userMessage } from 'code-execution-kit';
import {
  bash,
  callTool,
  cannedSandbox,
  create,
  createEmulator,
  inParallel,
  pause,
  python,
  refuse,
  replace,
  type Step,
  say,
  search,
  think,
  view,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { world } from '../support/world.ts';

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 100,
  tools: [codeExecutionTool()],
  messages: [userMessage('x')],
};

const start = (...script: Step[]) => world(script);

describe('the text editor', () => {
  it('counts every line of a large change as changed', async () => {
    const lines = (prefix: string) =>
      Array.from({ length: 1500 }, (_, line) => `${prefix}${line % 3 || line}`);
    const [before, after] = [lines('a').join('\n'), lines('b').join('\n')];
    const { client } = start(
      create('/tmp/a', `first\n${before}\nsame\nlast`),
      replace('/tmp/a', `${before}\nsame`, `same\n${after}`),
    );
    const turn = await runTurn(client, params);
    const diff = turn.executions.flatMap((one) => (one.kind === 'replace' ? (one.diff?.lines ?? []) : []));
    expect(diff).toHaveLength(3004);
    expect(diff.slice(0, 2)).toEqual([' first', '-a0']);
    expect(diff.slice(1500, 1504)).toEqual(['-a2', '-same', '+same', '+b0']);
    expect(diff.at(-1)).toBe(' last');
  });

  const text = Array.from({ length: 9 }, (_, line) => `line ${line + 1}\n`).join('');

  it('creates, views and replaces files that commands see', async () => {
    const { client } = start(
      create('/tmp/deep/a.txt', text),
      create('/tmp/deep/a.txt', text),
      view('/tmp/deep/a.txt'),
      replace('/tmp/deep/a.txt', 'line 5\nline 6', 'five\n$& six\nseven'),
      bash('sed -n 5,7p /tmp/deep/a.txt'),
    );
    const turn = await runTurn(client, params);
    expect(turn.executions).toMatchObject([
      { kind: 'create', status: 'succeeded', isFileUpdate: false, fileText: text },
      { kind: 'create', status: 'succeeded', isFileUpdate: true },
      { kind: 'view', view: { fileType: 'text', content: text, numLines: 9, startLine: 1, totalLines: 9 } },
      {
        kind: 'replace',
        // Context, numbers and prefixes as in the recorded results.
        diff: {
          oldStart: 2,
          oldLines: 8,
          newStart: 2,
          newLines: 9,
          lines: [
            ' line 2',
            ' line 3',
            ' line 4',
            '-line 5',
            '-line 6',
            '+five',
            '+$& six',
            '+seven',
            ' line 7',
            ' line 8',
            ' line 9',
          ],
        },
      },
      { kind: 'bash', stdout: 'five\n$& six\nseven\n' },
    ]);
    expect(turn.artifacts).toEqual([]);
    expect(turn.notices).toMatchObject([{ code: 'files-not-captured' }]);
  });

  it('fails as a tool, not as a program', async () => {
    const { client } = start(
      view('/tmp/none'),
      create('/tmp/a', 'x x'),
      replace('/tmp/a', 'y', 'z'),
      replace('/tmp/a', 'x', 'z'),
      replace('/tmp/none', 'x', 'z'),
    );
    const executions = executionsOf(await client.messages.create(params));
    expect(executions.map(({ status, errorCode }) => [status, errorCode])).toEqual([
      ['errored', 'file_not_found'],
      ['succeeded', null],
      ['errored', 'invalid_tool_input'],
      ['errored', 'invalid_tool_input'],
      ['errored', 'file_not_found'],
    ]);
    expect(executions[3]?.errorMessage).toMatch(/found 2 times/);
  });
});

describe('other words', () => {
  it('make parallel calls: first all calls, then their results', async () => {
    const { client } = start(inParallel(bash('echo 1'), python('print(2)'), create('/tmp/a', 'x')));
    const message = await client.messages.create(params);
    expect(message.content.map(({ type }) => type)).toEqual([
      'server_tool_use',
      'server_tool_use',
      'server_tool_use',
      'bash_code_execution_tool_result',
      'code_execution_tool_result',
      'text_editor_code_execution_tool_result',
    ]);
    expect(executionsOf(message).map(({ stdout }) => stdout)).toEqual(['1\n', '2\n', null]);
  });

  it('think, search and refuse', async () => {
    const { client } = start(
      think('Let me see.'),
      search('weather', [{ title: 'Rain', url: 'https://example.org' }]),
      refuse(),
    );
    const turn = await runTurn(client, params);
    expect(turn).toMatchObject({ outcome: 'refused', stopReason: 'refusal' });
    expect(turn.parts).toMatchObject([{ type: 'thinking', text: 'Let me see.' }, { type: 'server-tool' }]);
    expect(turn.serverTools).toMatchObject([
      { name: 'web_search', result: { content: [{ title: 'Rain' }] } },
    ]);
    expect(turn.responses[0]?.content[0]).toEqual({
      type: 'thinking',
      thinking: 'Let me see.',
      signature: expect.stringMatching(/^[\w+/]{100,}=*$/),
    });
    expect(turn.container).toBeNull();
  });

  it('call the caller’s tools, and go on with their results', async () => {
    const { emulator, client } = start(
      say('I ask.'),
      callTool('weather', { city: 'Oslo' }),
      callTool('weather', { city: 'Rome' }),
      say('Thanks.'),
    );
    const first = await runTurn(client, params);
    expect(first).toMatchObject({ outcome: 'awaiting-tools', stopReason: 'tool_use' });
    expect(first.toolUses.map(({ input }) => input)).toEqual([{ city: 'Oslo' }, { city: 'Rome' }]);
    const toolResults = first.toolUses.map(({ id }) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: 'sun',
    }));
    const [response] = first.responses;
    const next = response && nextParams(params, response, { toolResults });
    expect(next && (await client.messages.create(next)).content).toMatchObject([{ text: 'Thanks.' }]);
    emulator.assertDone();
  });

  it('say what the last command printed, over a pause, too', async () => {
    const { client } = start(
      python('print(42)'),
      pause(),
      say(({ stdout }) => `It is ${stdout.trim()}.`),
    );
    expect((await runTurn(client, params)).answer).toBe('It is 42.');
  });

  it('are checked one by one', () => {
    expect(() => start(inParallel(bash('')))).toThrow(/script\[0\]: bash\(\) takes a text/);
    expect(() => start(view(5 as never))).toThrow(/view\(\) takes a text/);
  });

  it('stream as they block', async () => {
    const steps = [think('a'), create('/tmp/a', 'x'), search('q'), callTool('t', { a: [1] })];
    const { client } = start(...steps, ...steps);
    const blocking = await client.messages.create(params);
    const streamed = await client.messages.stream(params).finalMessage();
    const plain = (content: unknown) => JSON.parse(JSON.stringify(content).replace(/toolu_\d+/g, 'id'));
    // A new container for each request: the file is new in both.
    expect(plain(streamed.content)).toEqual(plain(blocking.content));
  });
});

describe('scripts without a list', () => {
  it('run the fenced code of the last user message', async () => {
    const client = new Anthropic({ apiKey: 'none', fetch: createEmulator().fetch });
    const ask = (text: string) => runTurn(client, { ...params, messages: [userMessage(text)] });
    const turn = await ask(
      'Please run\n```python\nprint(6 * 7)\n```\nand\n```bash\necho done\n```\nnot\n```js\nx\n```',
    );
    expect(turn.executions.map(({ kind, stdout }) => [kind, stdout])).toEqual([
      ['python', '42\n'],
      ['bash', 'done\n'],
    ]);
    expect(turn.answer).toBe('done\n');
    expect((await ask('Hello?')).answer).toMatch(/no fenced Python or bash/);
  });

  it('answer the conversation, over their own pauses', async () => {
    const script = ({ text }: { text: string }) => [
      bash(`echo "${text}"`),
      pause(),
      say(({ stdout }) => `You said ${stdout}`),
    ];
    const emulator = createEmulator({ script });
    const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
    for (const text of ['one', 'two']) {
      const turn = await runTurn(client, { ...params, messages: [userMessage(text)] });
      expect(turn).toMatchObject({ answer: `You said ${text}\n`, responses: { length: 2 } });
    }
    emulator.assertDone();
    expect(() => createEmulator({ script: () => 'x' as never })).not.toThrow();
  });
});

describe('the canned sandbox', () => {
  it('gives every command the result of its function, and its files', async () => {
    const sandbox = cannedSandbox(({ language, source }) => ({
      stdout: `${language} ${source}`,
      returnCode: source === 'bad' ? 1 : 0,
      files: { 'a.csv': 'x,y' },
    }));
    const script = [python('good'), bash('bad'), create('/tmp/a', 'one'), view('/tmp/a')];
    const client = new Anthropic({ apiKey: 'none', fetch: createEmulator({ script, sandbox }).fetch });
    const turn = await runTurn(client, params);
    expect(turn.executions.map(({ status, stdout }) => [status, stdout])).toEqual([
      ['succeeded', 'python good'],
      ['failed', 'bash bad'],
      ['succeeded', null],
      ['succeeded', null],
    ]);
    expect(turn.artifacts.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
      ['a.csv', 3],
      ['a.csv', 3],
    ]);
  });
});
