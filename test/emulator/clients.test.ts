import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { codeExecutionTool, containerUpload, executionsOf } from 'code-execution-kit';
import {
  bash,
  callTool,
  createEmulator,
  type Emulator,
  pause,
  python,
  type Step,
  say,
  stop,
} from 'code-execution-kit/emulator';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';

/**
 * Clients that nobody here wrote, against the emulator's port:
 * what they need of the API is there, in the form they read.
 */

const params = {
  model: 'claude-opus-5-5',
  max_tokens: 100,
  tools: [codeExecutionTool()],
  messages: [{ role: 'user' as const, content: 'x' }],
};

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

const serve = (...script: Step[]) => serveEmulator(createEmulator({ script }));

async function serveEmulator(emulator: Emulator) {
  const server = await emulator.listen();
  open.push(server, emulator);
  return {
    emulator,
    url: server.url,
    client: new Anthropic({ apiKey: 'none', baseURL: server.url, maxRetries: 0 }),
  };
}

describe('messages of the SDK', () => {
  const steps = [
    say('Naïve — yes.'),
    python('print("ä" * 3)'),
    bash('echo err >&2; echo x > "$OUTPUT_DIR/a.csv"; exit 3'),
    say('Done.'),
  ];

  /** Without what differs from one response to the next. */
  const comparable = (message: { content: unknown }) =>
    JSON.parse(JSON.stringify(message.content).replace(/(srvtoolu|file)_\d+/g, '$1'));

  it('are the same from create(), from stream() and event by event', async () => {
    const { emulator, client } = await serve(...steps, stop(), ...steps, stop(), ...steps);
    const blocking = await client.messages.create(params);
    const stream = client.messages.stream(params);
    let text = '';
    stream.on('text', (delta) => {
      text += delta;
    });
    const inputs: unknown[] = [];
    stream.on('inputJson', (_, snapshot) => inputs.push(snapshot));
    const streamed = await stream.finalMessage();
    expect(comparable(streamed)).toEqual(comparable(blocking));
    expect(streamed.container).toEqual({ id: expect.any(String), expires_at: expect.any(String) });
    expect(streamed.container?.id).not.toBe(blocking.container?.id);
    expect(text).toBe('Naïve — yes.Done.');
    expect(inputs).toContainEqual({ code: 'print("ä" * 3)' });
    expect(executionsOf(streamed)).toMatchObject([
      { kind: 'python', stdout: 'äää\n', status: 'succeeded', files: [] },
      { kind: 'bash', stderr: 'err\n', status: 'failed', files: [expect.stringMatching(/^file_/)] },
    ]);
    expect(streamed.usage.output_tokens).toBeGreaterThan(1);

    const events = await client.messages.create({ ...params, stream: true });
    const types: string[] = [];
    for await (const { type } of events) types.push(type);
    expect([types[0], ...types.slice(-2)]).toEqual(['message_start', 'message_delta', 'message_stop']);
    emulator.assertDone();
  });

  it('are the same from the beta endpoint', async () => {
    const few = [say('Yes.'), bash('echo hi')];
    const { emulator, client } = await serve(...few, stop(), ...few);
    const blocking = await client.beta.messages.create(params);
    const streamed = await client.beta.messages.stream(params).finalMessage();
    expect(comparable(streamed)).toEqual(comparable(blocking));
    expect(streamed.container?.id).toMatch(/^container_/);
    emulator.assertDone();
  });

  it('are counted', async () => {
    const { client } = await serve();
    const { max_tokens, ...counted } = params;
    const { input_tokens } = await client.messages.countTokens(counted);
    expect(input_tokens).toBeGreaterThan(0);
    expect(await client.beta.messages.countTokens(counted)).toMatchObject({
      input_tokens: expect.any(Number),
    });
  });

  it('are refused with the errors that the SDK knows', async () => {
    const { client } = await serve(say('x'));
    const missing = client.messages.create({ ...params, container: 'container_none' });
    const error = await missing.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(error).toMatchObject({ status: 404, type: 'not_found_error', requestID: /^req_/ });
    const wrong = client.messages.stream({ ...params, max_tokens: -1 }).finalMessage();
    await expect(wrong).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  });
});

describe('the tool runner of the SDK', () => {
  const weather = betaZodTool({
    name: 'weather',
    description: 'The weather',
    inputSchema: z.object({ city: z.string() }),
    run: ({ city }) => `${city}: sun`,
  });
  const script = [
    bash('echo kept > /tmp/x'),
    pause(),
    callTool('weather', { city: 'Oslo' }),
    bash('cat /tmp/x'),
    say('Sunny.'),
  ];

  it.each([
    ['with threads, blocking', {}, ['create', 'continue', 'continue']],
    ['with threads, streamed', { stream: true }, ['create', 'continue', 'continue']],
    ['without threads, blocking', { thread: false as const }, [undefined, undefined, undefined]],
    [
      'without threads, streamed',
      { thread: false as const, stream: true },
      [undefined, undefined, undefined],
    ],
  ])('goes over a pause and a tool call in one container: %s', async (_, options, threads) => {
    const { emulator, client } = await serve(...script);
    const runner = client.beta.messages.toolRunner({
      ...params,
      ...options,
      tools: [codeExecutionTool(), weather],
    });
    const message = await runner.runUntilDone();
    expect(message.content.at(-1)).toMatchObject({ type: 'text', text: 'Sunny.' });
    expect(executionsOf(message)[0]?.stdout).toBe('kept\n');
    type Body = { thread?: { type: string }; messages: { role: string; content: unknown }[] };
    const bodies = emulator.requests.map(({ body }) => body as Body);
    expect(bodies.map((body) => body.thread?.type)).toEqual(threads);
    expect(bodies.at(-1)?.messages.at(-1)).toMatchObject({
      role: 'user',
      content: [{ type: 'tool_result', content: 'Oslo: sun' }],
    });
    emulator.assertDone();
  });
});

describe('batches of the SDK', () => {
  it('answer each item with the next response, in results of any order', async () => {
    const { emulator, client } = await serve(python('print(1)'), say('One.'), stop(), say('Two.'));
    const requests = ['a', 'b', 'c'].map((custom_id) => ({ custom_id, params }));
    const batch = await client.messages.batches.create({ requests });
    expect(batch).toMatchObject({
      processing_status: 'in_progress',
      request_counts: { processing: 3 },
      results_url: null,
    });
    const ended = await client.messages.batches.retrieve(batch.id);
    expect(ended).toMatchObject({ processing_status: 'ended', request_counts: { succeeded: 2, errored: 1 } });
    // Fetched from `results_url`, which must lead to this port.
    const results = new Map<string, Anthropic.Messages.MessageBatchResult>();
    for await (const { custom_id, result } of await client.messages.batches.results(batch.id))
      results.set(custom_id, result);
    expect([...results.keys()]).toEqual(['c', 'b', 'a']);
    expect(results.get('a')).toMatchObject({
      type: 'succeeded',
      message: { content: [{}, { content: { stdout: '1\n' } }, { text: 'One.' }] },
    });
    expect(results.get('c')).toMatchObject({
      type: 'errored',
      error: { error: { type: 'invalid_request_error' } },
    });
    expect((await client.messages.batches.list()).data).toEqual([ended]);
    emulator.assertDone();
  });

  it('are listed over pages', async () => {
    const { client } = await serve();
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      const { id } = await client.messages.batches.create({ requests: [{ custom_id: 'a', params }] });
      ids.unshift(id);
    }
    const first = await client.messages.batches.list({ limit: 2 });
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const listed: string[] = [];
    for await (const { id } of first) listed.push(id);
    expect(listed).toEqual(ids);
  });

  it('are cancelled as long as nobody asked for them, and deleted', async () => {
    const { client } = await serve(say('One.'), stop(), say('Two.'));
    const { batches } = client.messages;
    const requests = ['a', 'b'].map((custom_id) => ({ custom_id, params }));
    const { id } = await batches.create({ requests });
    // A POST without a body, and so without a content-type.
    expect(await batches.cancel(id)).toMatchObject({ processing_status: 'canceling' });
    expect(await batches.retrieve(id)).toMatchObject({ request_counts: { succeeded: 0, canceled: 2 } });
    expect(await batches.delete(id)).toEqual({ id, type: 'message_batch_deleted' });
    await expect(batches.retrieve(id)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });

  it.each([
    ['that is empty', []],
    ['with a custom_id of other characters', [{ custom_id: 'a b', params }]],
    ['with a custom_id twice', [1, 2].map(() => ({ custom_id: 'a', params }))],
  ])('are refused: one %s', async (_, requests) => {
    const { client } = await serve();
    const refused = client.messages.batches.create({ requests });
    await expect(refused).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  });
});

describe('files of the SDK', () => {
  const PROGRAM = [
    'import os',
    'open(os.environ["OUTPUT_DIR"] + "/out.bin", "wb").write(b"\\xffdata")',
    'print(open(os.environ["INPUT_DIR"] + "/n0.txt").read())',
  ].join('\n');

  it.each(['files', 'beta.files'])(
    'are uploaded, listed over pages, looked up, downloaded and deleted: %s',
    async (name) => {
      const { client } = await serve(python(PROGRAM));
      const files = name === 'files' ? client.files : client.beta.files;
      const uploads: string[] = [];
      for (let number = 0; number < 5; number++) {
        const file = new File([`text ${number}`], `n${number}.txt`, { type: 'text/plain' });
        uploads.unshift((await files.upload({ file })).id);
      }
      const listed: string[] = [];
      for await (const { id } of files.list({ limit: 2 })) listed.push(id);
      expect(listed).toEqual(uploads);
      const [newest = '', oldest = ''] = [uploads[0], uploads.at(-1)];
      const some = await files.list({ ids: [oldest, 'file_none', newest] });
      expect(some.data).toMatchObject([
        { id: newest },
        { id: oldest, filename: 'n0.txt', downloadable: false },
      ]);

      const content = [containerUpload(oldest)];
      const message = await client.messages.create({ ...params, messages: [{ role: 'user', content }] });
      const [execution] = executionsOf(message);
      expect(execution?.stdout).toBe('text 0\n');
      const id = execution?.files[0] ?? '';
      expect(await files.retrieveMetadata(id)).toMatchObject({
        filename: 'out.bin',
        size_bytes: 5,
        downloadable: true,
      });
      const bytes = Buffer.from(await (await files.download(id)).arrayBuffer());
      expect(bytes).toEqual(Buffer.from('\xffdata', 'latin1'));
      await expect(files.download(newest)).rejects.toMatchObject({
        status: 400,
        errorCode: 'file_not_downloadable',
      });

      expect(await files.delete(id)).toEqual({ id, type: 'file_deleted' });
      await expect(files.retrieveMetadata(id)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
      await expect(files.delete(id)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    },
  );
});

describe('models of the SDK', () => {
  it('are listed and looked up', async () => {
    const { client } = await serve();
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toContain('claude-opus-5-5');
    expect(new Set(ids).size).toBe(ids.length);
    const model = await client.models.retrieve('claude-opus-5-5');
    expect(model.capabilities?.server_tools?.code_execution).toEqual({ supported: true });
    await expect(client.models.retrieve('none')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });
});

const hasCurl = await promisify(execFile)('curl', ['--version']).then(
  () => true,
  () => false,
);
if (!hasCurl) console.warn('curl is not installed: its tests are skipped');

describe.skipIf(!hasCurl)('curl', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kit-curl-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What the API's documentation has after every `curl`; the status comes after the body. */
  const HEADERS = ['-H', 'x-api-key: none', '-H', 'anthropic-version: 2023-06-01'];
  async function curl(...args: string[]) {
    const { stdout } = await promisify(execFile)('curl', [
      '-sS',
      '--write-out',
      '\n%{http_code}',
      ...HEADERS,
      ...args,
    ]);
    const end = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
  }
  const json = (body: object) => ['-H', 'content-type: application/json', '--data', JSON.stringify(body)];

  it('asks for a message, whole and streamed', async () => {
    const { emulator, url } = await serve(say('Hello.'), stop(), say('Hello.'));
    const whole = await curl(`${url}/v1/messages`, ...json(params));
    expect(whole.status).toBe(200);
    expect(JSON.parse(whole.body)).toMatchObject({ type: 'message', content: [{ text: 'Hello.' }] });

    const streamed = await curl('--no-buffer', `${url}/v1/messages`, ...json({ ...params, stream: true }));
    expect(streamed.status).toBe(200);
    expect(streamed.body).toMatch(/^event: message_start\ndata: \{.*\}\n\n/);
    expect(streamed.body.trimEnd()).toMatch(/\n\nevent: message_stop\ndata: \{"type":"message_stop"\}$/);
    expect(emulator.requests[0]?.headers).toMatchObject({
      'x-api-key': 'none',
      'anthropic-version': '2023-06-01',
    });
  });

  it('uploads a file, downloads what code made of it and deletes it', async () => {
    const { emulator, url } = await serve(bash('rev < "$INPUT_DIR/in put.txt" > "$OUTPUT_DIR/out.txt"'));
    const path = join(folder, 'in put.txt');
    await writeFile(path, 'abc\n');
    const upload = await curl(`${url}/v1/files`, '-F', `file=@${path}`);
    expect(upload.status).toBe(200);
    const file = JSON.parse(upload.body);
    expect(file).toMatchObject({ type: 'file', filename: 'in put.txt', size_bytes: 4 });

    const content = [{ type: 'container_upload', file_id: file.id }];
    await curl(`${url}/v1/messages`, ...json({ ...params, messages: [{ role: 'user', content }] }));
    const [, made] = emulator.files;
    const download = await curl(`${url}/v1/files/${made?.id}/content`);
    expect(download).toEqual({ status: 200, body: 'cba\n' });

    const deleted = await curl('-X', 'DELETE', `${url}/v1/files/${file.id}`);
    expect(JSON.parse(deleted.body)).toEqual({ id: file.id, type: 'file_deleted' });
    expect((await curl(`${url}/v1/files/${file.id}`)).status).toBe(404);
  });

  it('gets an error with its body', async () => {
    const { url } = await serve(say('Hello.'));
    const { status, body } = await curl(`${url}/v1/messages`, ...json({ ...params, messages: [] }));
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringMatching(/^messages: /) },
      request_id: expect.stringMatching(/^req_/),
    });
  });
});
