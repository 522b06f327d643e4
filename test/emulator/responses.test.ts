import Anthropic from '@anthropic-ai/sdk';
import { codeExecutionTool, containerUpload, executionsOf, isCodeExecutionError } from 'code-execution-kit';
import { bash, createEmulator, pause, python, type Step, say, stop } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { API_HEADERS } from '../support/headers.ts';
import { world } from '../support/world.ts';

const model = 'claude-opus-5-5';
const params = {
  model,
  max_tokens: 100,
  tools: [codeExecutionTool()],
  messages: [{ role: 'user' as const, content: 'x' }],
};

const start = (...script: Step[]) => world(script, { now: () => new Date('2026-11-22T09:00:00Z') });

describe('messages', () => {
  it('come blocking and streamed with the same content', async () => {
    const steps = [say('Hi.'), python('print("ä" * 3)'), bash('echo err >&2; exit 3'), say('Done.')];
    const { client } = start(...steps, stop(), ...steps);
    const blocking = await client.messages.create(params);
    const streamed = await client.messages.stream(params).finalMessage();
    const content = (message: { content: unknown[] }) =>
      JSON.parse(JSON.stringify(message.content).replace(/srvtoolu_\d+/g, 'id'));
    expect(content(streamed)).toEqual(content(blocking));
    expect(executionsOf(blocking)).toMatchObject([
      { kind: 'python', stdout: 'äää\n', returnCode: 0, status: 'succeeded' },
      { kind: 'bash', stderr: 'err\n', returnCode: 3, status: 'failed' },
    ]);
    expect(blocking.container).toEqual({
      id: expect.stringMatching(/^container_/),
      expires_at: '2026-11-22T10:00:00.000Z',
    });
    expect(Object.keys(streamed.usage).sort()).toEqual(Object.keys(blocking.usage).sort());
  });

  it('are streamed as the API does it', async () => {
    const { emulator } = start(say('Hello there.'), bash('true'));
    const reply = await emulator.fetch('http://localhost/v1/messages', {
      method: 'POST',
      headers: API_HEADERS,
      body: JSON.stringify({ ...params, stream: true }),
    });
    const text = await reply.text();
    expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = text
      .trim()
      .split('\n\n')
      .map((event) => {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        expect(JSON.parse(data ?? '').type).toBe(name);
        return JSON.parse(data ?? '');
      });
    expect(events.map(({ type }) => type).filter((type, index, all) => type !== all[index - 1])).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_delta',
      'content_block_stop',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'content_block_start',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(events[0].message).toMatchObject({ container: null, stop_details: null, diagnostics: null });
    expect(events.at(-2).delta.container.id).toMatch(/^container_/);
    const input = events.filter(({ index, delta }) => index === 1 && delta);
    expect(input[0].delta).toEqual({ type: 'input_json_delta', partial_json: '' });
    expect(input.map(({ delta }) => delta.partial_json).join('')).toBe('{"command":"true"}');
  });

  it('have a container of null when none was used', async () => {
    const { client } = start(say('Hi.'), stop(), say('Hi.'));
    expect(await client.messages.create(params)).toHaveProperty('container', null);
    const events = [];
    for await (const event of await client.messages.create({ ...params, stream: true })) events.push(event);
    expect(events.at(-2)).toHaveProperty('delta.container', null);
  });

  it('say a text about what the last command printed', async () => {
    const { client } = start(
      python('print(6 * 7)'),
      say(({ stdout, returnCode }) => `${stdout.trim()}/${returnCode}`),
    );
    expect((await client.messages.create(params)).content.at(-1)).toEqual({ type: 'text', text: '42/0' });
  });
});

describe('containers', () => {
  it('keep files between requests, give each command an empty $OUTPUT_DIR and capture what is in it', async () => {
    const { emulator, client } = start(
      bash(
        'echo $OUTPUT_DIR; mkdir "$OUTPUT_DIR/sub"; echo a > "$OUTPUT_DIR/a.csv"; echo b > "$OUTPUT_DIR/sub/b"; echo c > /tmp/c',
      ),
      bash('echo $OUTPUT_DIR; ls "$OUTPUT_DIR"'),
      pause(),
      python('import os; print(open("/tmp/c").read(), os.listdir(os.environ["OUTPUT_DIR"]))'),
    );
    const first = await client.messages.create(params);
    const [made, empty] = executionsOf(first);
    expect(first.stop_reason).toBe('pause_turn');
    expect(made?.stdout).toMatch(/^\/files\/output\/[0-9a-f]{16}\n$/);
    expect(empty?.stdout).toMatch(/^\/files\/output\/[0-9a-f]{16}\n$/);
    expect(empty?.stdout).not.toBe(made?.stdout);
    expect(emulator.files.map(({ filename, mimeType }) => [filename, mimeType])).toEqual([
      ['a.csv', 'text/csv'],
    ]);
    expect(made?.files).toEqual(emulator.files.map(({ id }) => id));

    const second = await client.messages.create({
      ...params,
      container: first.container?.id ?? null,
      messages: [...params.messages, { role: 'assistant', content: first.content }],
    });
    expect(executionsOf(second)[0]?.stdout).toBe('c\n []\n');
  });

  it('hold the uploads of the current turn, under $INPUT_DIR', async () => {
    const { client } = start(
      bash('echo $INPUT_DIR; cat $INPUT_DIR/data.csv'),
      stop(),
      bash('cat $INPUT_DIR/data.csv'),
    );
    const file = await client.files.upload({
      file: new File(['x,y\n1,2\n'], 'data.csv', { type: 'text/csv' }),
    });
    const messages = [{ role: 'user' as const, content: [containerUpload(file)] }];
    const first = await client.messages.create({ ...params, messages });
    expect(executionsOf(first)[0]?.stdout).toMatch(/^\/files\/input\/[0-9a-f]{16}\nx,y\n1,2\n$/);
    const history = [...messages, { role: 'assistant' as const, content: first.content }, ...params.messages];
    const second = await client.messages.create({ ...params, messages: history });
    expect(executionsOf(second)[0]).toMatchObject({
      returnCode: 1,
      stderr: expect.stringContaining('No such file'),
    });
  });
});

describe('what is refused', () => {
  it.each([
    ['an unknown container', { container: 'container_none' }, 404, /Container `container_none` not found/],
    ['{id} alone', { container: { id: 'container_1' } }, 400, /container: Input should be a valid string/],
    ['code without a tool', { tools: [] }, 400, /needs a code execution tool/],
    [
      'an unknown file',
      { messages: [{ role: 'user', content: [containerUpload('file_none')] }] },
      404,
      /file_none/,
    ],
    ['no messages', { messages: [] }, 400, /messages: /],
    ['a wrong role', { messages: [{ role: 'robot', content: 'x' }] }, 400, /messages\.0\.role: /],
  ])('%s', async (_, more, status, message) => {
    const { client } = start(bash('true'));
    const error = await client.messages.create({ ...params, ...(more as object) }).catch((thrown) => thrown);
    expect(error).toMatchObject({ status, message: expect.stringMatching(message) });
    expect(error.requestID).toMatch(/^req_/);
  });

  it('other endpoints and broken bodies', async () => {
    const { emulator, client } = start();
    await expect(client.get('/v1/agents')).rejects.toMatchObject({ status: 404 });
    const post = (path: string, body: string) =>
      emulator.fetch(`http://localhost${path}`, { method: 'POST', headers: API_HEADERS, body });
    expect((await post('/v1/messages', '{')).status).toBe(400);
    expect((await post('/v1/files', 'x')).status).toBe(400);
  });
});

describe('determinism', () => {
  it('gives the same bytes for the same run, also after reset()', async () => {
    const { emulator } = start(say('Hi.'), bash('echo $OUTPUT_DIR'));
    const run = async () => {
      const body = JSON.stringify({ ...params, stream: true });
      const reply = await emulator.fetch('http://localhost/v1/messages', {
        method: 'POST',
        headers: API_HEADERS,
        body,
      });
      return reply.text();
    };
    const first = await run();
    emulator.assertDone();
    emulator.reset();
    expect(emulator.requests).toEqual([]);
    expect(await run()).toBe(first);
  });

  it('tells what is left of the script, as an error of its own', () => {
    const { emulator } = start(say('Hi.'));
    try {
      emulator.assertDone();
      expect.unreachable();
    } catch (error) {
      expect(isCodeExecutionError(error) && error.code).toBe('script_left_over');
    }
  });
});

describe('faults', () => {
  it('in a script are told as such, blocking and streamed', async () => {
    const broken = () => {
      throw new Error('author bug');
    };
    const { client } = start(say(broken), stop(), say(broken), stop(), say('next'));
    await expect(client.messages.create(params)).rejects.toThrow(
      /the function given to say\(\) threw: author bug/,
    );
    await expect(client.messages.stream(params).finalMessage()).rejects.toThrow(/author bug/);
    expect((await client.messages.create(params)).content).toMatchObject([{ text: 'next' }]);
    expect(() => start(python(undefined as never))).toThrow(/script\[0\]: python\(\) takes a text/);
  });

  it('of a request leave the script where it was', async () => {
    const { emulator, client } = start(say('one'), stop(), say('two'));
    await expect(client.messages.create({ ...params, container: 'container_none' })).rejects.toMatchObject({
      status: 404,
    });
    expect((await client.messages.create(params)).content).toMatchObject([{ text: 'one' }]);
    expect((await client.messages.create(params)).content).toMatchObject([{ text: 'two' }]);
    emulator.assertDone();
  });

  it('of a command in its $OUTPUT_DIR do not break the answer', async () => {
    const { client } = start(
      bash(
        'echo hi > $OUTPUT_DIR/a.txt; ln -s /nope $OUTPUT_DIR/l; ln -s $OUTPUT_DIR/x $OUTPUT_DIR/x; echo KEEP',
      ),
      bash('echo KEEP; rm -rf $OUTPUT_DIR'),
      bash('rm -rf $OUTPUT_DIR; echo x > $OUTPUT_DIR; echo KEEP'),
    );
    const executions = executionsOf(await client.messages.create(params));
    expect(executions.map(({ stdout, files }) => [stdout, files.length])).toEqual([
      ['KEEP\n', 1],
      ['KEEP\n', 0],
      ['KEEP\n', 0],
    ]);
  });

  it('of patience end a command, and so does an abort', async () => {
    const endless = python('while True: pass');
    const emulator = createEmulator({
      script: [endless, say('It took too long.'), stop(), endless],
      timeoutMs: 500,
    });
    const client = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: emulator.fetch });
    const [execution] = executionsOf(await client.messages.create(params));
    expect(execution).toMatchObject({
      status: 'failed',
      stderr: expect.stringContaining('detection_timeout'),
    });
    await expect(client.messages.create(params, { signal: AbortSignal.timeout(50) })).rejects.toThrow(
      /aborted/,
    );
  });

  it('refuses bash of the version that has Python only', async () => {
    const { client } = start(bash('true'));
    const tools = [codeExecutionTool({ version: 'code_execution_20250522' })];
    await expect(client.messages.create({ ...params, tools })).rejects.toThrow(/has Python only/);
  });

  it('of a character are none: texts are cut between them', async () => {
    const { client } = start(say('😀'.repeat(50)));
    const stream = client.messages.stream(params);
    stream.on('text', (delta) => expect(delta).not.toMatch(/[\ud800-\udbff]$/));
    expect((await stream.finalMessage()).content).toMatchObject([{ text: '😀'.repeat(50) }]);
  });
});
