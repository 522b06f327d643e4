import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bash, cannedSandbox, createEmulator, pause, say } from 'code-execution-kit/emulator';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** Other people's fetch, clients and instrumentations, each in a process that reaches no other host. */

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// Some need Node 22, whichever Node runs the tests.
const NODE_22 = at('node_modules/node22/bin/node');
const RUN = ['-r', at('loopback-only.cjs'), at('clients-program.cjs')];
const TABLE = 'x,y\n1,2\n';

let folder: string;
let kit: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kit-peers-'));
  kit = join(folder, 'kit.cjs');
  file = join(folder, 'data.csv');
  await writeFile(file, TABLE);
  await build({
    stdin: {
      contents: "export * from './src/index.ts'; export * from './src/node/index.ts';",
      resolveDir: at('../..'),
      loader: 'ts',
    },
    platform: 'node',
    format: 'cjs',
    bundle: true,
    outfile: kit,
    logLevel: 'error',
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function run(peer: string) {
  const sandbox = cannedSandbox(() => ({ stdout: 'ran\n', files: { 'a.csv': 'a,b\n' } }));
  const script = [say('Let me see.'), bash('x'), pause(), say('Done.')];
  await using emulator = createEmulator({ script, sandbox });
  await using server = await emulator.listen();
  const request = JSON.stringify({ peer, baseURL: server.url, kit, file });
  const { stdout } = await promisify(execFile)(NODE_22, [...RUN, request]);
  emulator.assertDone();
  const posts = emulator.requests.filter(({ path }) => path === '/v1/messages').length;
  return { ...JSON.parse(stdout), posts };
}

const NO_FORMS = expect.stringMatching(
  /^TypeError: The provided fetch function does not support file uploads/,
);

/** `refused` is what the SDK says to an upload of its own; `spans` is what an instrumentation recorded. */
it.concurrent.each([
  ['node-fetch', { refused: null, spans: null }],
  ['cross-fetch', { refused: NO_FORMS, spans: null }],
  ['undici', { refused: NO_FORMS, spans: null }],
  ['google-cloud-sdk', { refused: null, spans: null }],
  ['foundry-sdk', { refused: null, spans: null }],
  ['aws-sdk', { refused: null, spans: null }],
  ['sentry', { refused: null, spans: expect.any(Number) }],
  ['openinference', { refused: null, spans: 2 }],
  // It ends its spans with the SDK's stream, which is not made where the Response is read.
  ['traceloop', { refused: null, spans: 0 }],
  ['langsmith wrapAnthropic', { refused: null, spans: 2 }],
  ['langsmith wrapSDK', { refused: null, spans: expect.any(Number) }],
  ['braintrust', { refused: null, spans: 2 }],
] as const)('%s: a turn with a pause, an upload and a download', async (peer, told) => {
  const result = await run(peer);
  expect(result).toEqual({
    ...told,
    outcome: 'completed',
    answer: 'Done.',
    stdout: ['ran\n'],
    artifact: { name: 'a.csv', text: 'a,b\n' },
    filename: 'data.csv',
    size: TABLE.length,
    streamed: TABLE.length,
    posts: 2,
    outside: [],
  });
  if (told.spans !== null && peer !== 'traceloop') expect(result.spans).toBeGreaterThan(0);
});

it('a program that reaches for another host is noticed', async () => {
  const program = "fetch('http://192.0.2.1/').catch(() => console.log(globalThis.hostsOutside()[0]))";
  const { stdout } = await promisify(execFile)(NODE_22, ['-r', at('loopback-only.cjs'), '-e', program]);
  expect(stdout.trim()).toBe('192.0.2.1');
});

it('a Bedrock client is refused by its class, and no other', async () => {
  const program = `
    const { AnthropicBedrockMantle, AnthropicBedrock } = require('@anthropic-ai/bedrock-sdk');
    const { runTurn, userMessage } = require(${JSON.stringify(kit)});
    const params = { model: 'claude-opus-5-5', max_tokens: 9, messages: [userMessage('Go.')] };
    const keys = { awsAccessKey: 'a', awsSecretKey: 'b', awsSecretAccessKey: 'b' };
    for (const Client of [AnthropicBedrockMantle, AnthropicBedrock]) {
      const client = new Client({ ...keys, awsRegion: 'us-east-1' });
      runTurn(new Proxy(client, {}), params).catch(({ code }) => console.log(code, globalThis.hostsOutside().length));
    }`;
  const args = ['-r', at('loopback-only.cjs'), '-e', program];
  const { stdout } = await promisify(execFile)(NODE_22, args, { cwd: at('.') });
  expect(stdout).toBe('invalid_input 0\ninvalid_input 0\n');
});
