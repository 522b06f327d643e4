import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import { runTurn, userMessage } from 'code-execution-kit';
import { createEmulator, pause, python, type Step, say, stallAfter } from 'code-execution-kit/emulator';
import { uploadPath } from 'code-execution-kit/node';
import { afterEach, expect, it } from 'vitest';
import { API_HEADERS } from '../support/headers.ts';
import { params } from '../support/world.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function serve(...script: Step[]) {
  const emulator = createEmulator({ script });
  const server = await emulator.listen();
  open.push(server);
  return { emulator, server, client: new Anthropic({ apiKey: 'none', baseURL: server.url, maxRetries: 0 }) };
}

/** What the server answers to a request with these headers. */
function answerTo(
  url: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/messages`, { method: 'POST', headers }, (reply) => {
      let body = '';
      reply.on('data', (part) => {
        body += part;
      });
      reply.on('end', () => resolve({ status: reply.statusCode, body }));
    });
    sent.on('error', reject).end('{}');
  });
}

it('serves the SDK’s client, files and streams over HTTP', async () => {
  const { emulator, client } = await serve(
    python('import os; print(open(os.environ["INPUT_DIR"] + "/package.json").read(20))'),
    pause(),
    say('Done.'),
  );
  const file = await uploadPath(client, 'package.json');
  const turn = await runTurn(client, { ...params, messages: [userMessage('x', { files: [file] })] });
  expect(turn).toMatchObject({ outcome: 'completed', answer: 'Done.' });
  expect(turn.executions[0]?.stdout).toContain('"name": "code');
  expect(emulator.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /v1/files',
    'POST /v1/messages',
    'POST /v1/messages',
  ]);
});

it('sends its headers before the first event, however long that takes', { timeout: 5000 }, async () => {
  const { emulator, client } = await serve(say('Hello.'));
  emulator.inject(stallAfter(0));
  const stopped = new AbortController();
  const options = { signal: stopped.signal };
  const reply = await client.messages.create({ ...params, stream: true }, options).asResponse();
  expect(reply.headers.get('content-type')).toContain('text/event-stream');
  stopped.abort();
  await expect(reply.text()).rejects.toThrow();
});

it('refuses a body above 32 MB, holds nothing of it, and goes on', async () => {
  const { emulator, client, server } = await serve(say('Hello.'));
  const piece = new Uint8Array(2 ** 20).fill(0x20);
  let pieces = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      // More than one text can hold.
      if (pieces++ < 600) controller.enqueue(piece);
      else controller.close();
    },
  });
  const init = { method: 'POST', headers: API_HEADERS, body, duplex: 'half' } as RequestInit;
  const reply = await fetch(`${server.url}/v1/messages`, init);
  expect(reply.status).toBe(413);
  expect(await reply.json()).toMatchObject({
    error: {
      type: 'request_too_large',
      message: 'Request exceeds the maximum allowed number of bytes.',
    },
  });
  expect(pieces).toBeGreaterThan(600);
  expect(emulator.requests).toMatchObject([{ method: 'POST', path: '/v1/messages', body: null }]);
  expect((await client.messages.create(params)).content).toMatchObject([{ text: 'Hello.' }]);
});

it.each([
  ['of one-byte characters', 'x', 32 * 2 ** 20],
  ['of three-byte characters', '字', (32 * 2 ** 20) / 3],
])('in process, too: a body %s', async (_, character, most) => {
  const emulator = createEmulator({ script: () => [say('Hello.')] });
  const client = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: emulator.fetch });
  const ask = (length: number) =>
    client.messages.create({ ...params, messages: [{ role: 'user', content: character.repeat(length) }] });
  expect((await ask(Math.floor(most) - 100)).content).toMatchObject([{ text: 'Hello.' }]);
  await expect(ask(Math.ceil(most))).rejects.toMatchObject({ status: 413, type: 'request_too_large' });
});

it('keeps the newest of its requests', async () => {
  const emulator = createEmulator({ script: () => [say('Hello.')], maxRequests: 2 });
  const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
  for (const max_tokens of [1, 2, 3]) await client.messages.create({ ...params, max_tokens });
  expect(emulator.requests.map(({ body }) => body)).toMatchObject([{ max_tokens: 2 }, { max_tokens: 3 }]);
});

it.each([
  ['a foreign host', { host: 'evil.example', 'content-type': 'application/json' }, 403],
  ['an origin', { origin: 'https://evil.example', 'content-type': 'application/json' }, 403],
  ['no JSON', { 'content-type': 'text/plain' }, 415],
])('refuses %s', async (_, headers, status) => {
  const { emulator, server } = await serve(say('Hello.'));
  const answer = await answerTo(server.url, headers);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toMatchObject({ type: 'error' });
  expect(emulator.requests).toEqual([]);
});

it('takes other names of this machine', async () => {
  const { server } = await serve(say('Hello.'));
  for (const host of ['localhost', `localhost:${server.port}`, '[::1]', '127.0.0.1:80']) {
    // Past the check: the body is refused for what it is.
    expect((await answerTo(server.url, { ...API_HEADERS, host })).status).toBe(400);
  }
});

// What is thrown before there is an answer must not end the process that listens.
it.each([
  ['a method that no Request takes', 'TRACE', '/v1/models'],
  ['a path that is no URL', 'GET', '//'],
])('answers %s, and goes on', { timeout: 5000 }, async (_, method, path) => {
  const { server } = await serve(say('Hello.'));
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request({ port: server.port, host: '127.0.0.1', method, path }, (reply) => {
      reply.resume().on('end', () => resolve(reply.statusCode));
    });
    sent.on('error', reject).end();
  });
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect((await fetch(`${server.url}/v1/models`, { headers: API_HEADERS })).status).toBe(200);
});

it('serves over IPv6', { timeout: 5000 }, async (context) => {
  const server = await createEmulator({ script: [] })
    .listen({ host: '::1' })
    .catch(() => context.skip('this machine has no ::1'));
  open.push(server);
  expect(server.url).toBe(`http://[::1]:${server.port}`);
  expect((await fetch(`${server.url}/v1/models`, { headers: API_HEADERS })).status).toBe(200);
});

it('ends what runs when its client goes, and tells of a port that is taken', async () => {
  const { emulator, server, client } = await serve(python('while True: pass'));
  const turn = runTurn(client, params, { signal: AbortSignal.timeout(300) });
  await expect(turn).rejects.toMatchObject({ code: 'aborted' });
  await expect(emulator.listen({ port: server.port })).rejects.toMatchObject({ code: 'cannot_listen' });
  await server.close();
  await expect(runTurn(client, params, { retries: 0 })).rejects.toBeInstanceOf(Anthropic.APIConnectionError);
});

it('is started from a shell', async () => {
  const cli = fileURLToPath(new URL('../../src/emulator/cli.ts', import.meta.url));
  const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));
  const child = spawn(process.execPath, [tsx, cli, 'emulator', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text) => lines.push(text));
  const [line] = await once(child.stdout, 'data');
  const [baseURL = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
  const client = new Anthropic({ apiKey: 'none', baseURL });
  const turn = await runTurn(client, { ...params, messages: [userMessage('```python\nprint(6 * 7)\n```')] });
  expect(turn.answer).toBe('42\n');
  await client.models.retrieve('none').catch(() => {});
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(lines.join('').trim().split('\n').slice(1)).toEqual([
    expect.stringMatching(/^POST \/v1\/messages 200 \d+ ms$/),
    expect.stringMatching(/^GET \/v1\/models\/none 404 \d+ ms$/),
  ]);
  const wrong = promisify(execFile)(process.execPath, [tsx, cli, 'emulator', '--port', 'x']);
  await expect(wrong).rejects.toMatchObject({ code: 1, stderr: '--port must be a whole number, got x.\n' });
});
