import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import {
  Container,
  checkHistory,
  codeExecutionTool,
  containerUpload,
  describeArtifacts,
  downloadArtifact,
  type Execution,
  isInvalidInputError,
  nextParams,
  parseStdout,
  runTurn,
  streamTurn,
  turnFrom,
} from 'code-execution-kit';
import { createEmulator, say } from 'code-execution-kit/emulator';
import { saveArtifacts, uploadPath } from 'code-execution-kit/node';
import { beforeEach, describe, expect, it } from 'vitest';
import { params } from '../support/world.ts';

let sent = 0;
let client: Anthropic;

beforeEach(() => {
  sent = 0;
  client = new Anthropic({
    apiKey: 'none',
    fetch: async () => {
      sent++;
      throw new Error('a request was sent');
    },
  });
});

/** Fails with an InvalidInputError whose message matches, before any request. */
async function expectRefused(call: () => unknown, message: RegExp) {
  let error: unknown;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  expect(isInvalidInputError(error), String(error)).toBe(true);
  expect((error as Error).message).toMatch(message);
  expect(sent).toBe(0);
}

describe('params of a turn', () => {
  it.each([
    ['no model', { ...params, model: undefined }, /params\.model must name a model.*got undefined/],
    ['no messages', { ...params, messages: undefined }, /params\.messages must be a list.*got undefined/],
    ['empty messages', { ...params, messages: [] }, /params\.messages must be a list.*got an array of 0/],
    [
      'a message without content',
      { ...params, messages: [{ role: 'user' }] },
      /params\.messages\[0\] must have a role/,
    ],
    ['no max_tokens', { ...params, max_tokens: undefined }, /params\.max_tokens must be a whole number/],
    ['max_tokens as text', { ...params, max_tokens: '100' }, /params\.max_tokens.*got "100"/],
    ['tools as an object', { ...params, tools: {} }, /params\.tools must be a list of tool definitions/],
    ['stream: false', { ...params, stream: false }, /params\.stream cannot be false/],
    ['no params', undefined, /second argument must be the params/],
    ['an empty container', { ...params, container: '' }, /container is an empty string/],
    ['a container without id and skills', { ...params, container: {} }, /container must be a Container/],
    [
      'a container with a wrong time',
      { ...params, container: { id: 'c', expiresAt: 'soon' } },
      /expiresAt.*"soon"/,
    ],
  ])('refuses %s', async (_, bad, message) => {
    await expectRefused(() => runTurn(client, bad as never), message);
    await expectRefused(() => streamTurn(client, bad as never).next(), message);
  });

  it.each([
    [{ maxPauses: -1 }, /options\.maxPauses must be a number of at least 0, got -1\./],
    [{ idleTimeoutMs: '5s' }, /options\.idleTimeoutMs.*got "5s"/],
    [{ retries: Number.NaN }, /options\.retries.*NaN/],
  ])('refuses options %o', async (options, message) => {
    await expectRefused(() => runTurn(client, params, options as never), message);
  });
});

describe('clients', () => {
  it.each([[undefined], [{}], ['sk-ant-…'], [Anthropic]])('refuses %s, which is no client', async (bad) => {
    await expectRefused(
      () => runTurn(bad as never, params),
      /first argument must be a client of @anthropic-ai\/sdk/,
    );
  });

  // Their packages bring a cloud SDK each; like them, these extend the SDK's client and differ in name.
  class AnthropicBedrock extends Anthropic {}
  class AnthropicVertex extends Anthropic {}
  const options = { apiKey: 'none' };
  it.each([
    ['Bedrock by name', new AnthropicBedrock(options), /AnthropicBedrock has no code execution tool/],
    ['Vertex by name', new AnthropicVertex(options), /AnthropicVertex has no code execution tool/],
    ['Bedrock after beta', new AnthropicBedrock(options).beta, /AnthropicBedrock/],
  ])('refuses %s', async (_, bad, message) => {
    await expectRefused(() => runTurn(bad, params), message);
  });

  it('refuses file helpers on a client without files', async () => {
    const bare = { messages: client.messages } as never;
    const artifacts = [] as never;
    await expectRefused(() => uploadPath(bare, 'x'), /uploadPath needs a client with the Files API/);
    await expectRefused(
      () => describeArtifacts(bare, artifacts),
      /describeArtifacts needs a client with the Files API/,
    );
    await expectRefused(
      () => downloadArtifact(bare, 'file_1'),
      /downloadArtifact needs a client with the Files API/,
    );
    await expectRefused(
      () => saveArtifacts(bare, artifacts, 'out'),
      /saveArtifacts needs a client with the Files API/,
    );
  });
});

describe('builders', () => {
  it('refuse an unknown tool version and name the known ones', async () => {
    await expectRefused(
      () => codeExecutionTool({ version: 'code_execution_20301231' as never }),
      /one of .*code_execution_20260521, got "code_execution_20301231"/,
    );
  });

  it.each([[undefined], [''], [{}], ['./sales.csv'], ['sales.csv']])('refuse %o as a file', async (bad) => {
    await expectRefused(() => containerUpload(bad as never), /containerUpload takes a file id/);
  });

  it.each([[undefined], [{}], [{ id: '' }]])('refuse %o as a container', async (bad) => {
    await expectRefused(() => new Container(bad as never), /A Container is made from/);
  });
});

describe('files', () => {
  it('refuse a path that does not exist, is a folder, or is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kit-'));
    await expectRefused(() => uploadPath(client, join(folder, 'none.csv')), /none\.csv": it does not exist/);
    await expectRefused(() => uploadPath(client, folder), /it is a folder/);
    await expectRefused(
      () => uploadPath(client, undefined as never),
      /takes the path of a file, got undefined/,
    );
    const named = join(folder, 'Q3: sales?.csv');
    await writeFile(named, 'x');
    await expectRefused(
      () => uploadPath(client, named, { badName: 'reject' }),
      /refuses ":" in a file name\. Pass another `name`/,
    );
  });

  it('refuse a target folder that is a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kit-'));
    const file = join(folder, 'taken');
    await writeFile(file, 'x');
    await expectRefused(() => saveArtifacts(client, [], file), /taken": it is a file\. Name a folder/);
    await expectRefused(() => saveArtifacts(client, [], join(file, 'below')), /Cannot save artifacts/);
    await expectRefused(() => saveArtifacts(client, undefined as never, folder), /takes a list of artifacts/);
  });
});

describe('emulator scripts', () => {
  it.each([[null], ['say hello'], [[{ word: 'sing' }]], [[undefined]]])('refuse %o', async (script) => {
    await expectRefused(() => createEmulator({ script: script as never }), /script/);
  });

  it('tell when they run out, in the answer to the request', async () => {
    const emulator = createEmulator({ script: [say('one')] });
    const offline = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
    await runTurn(offline, params);
    await expect(runTurn(offline, params)).rejects.toThrow(/the script has run out. All of its 1 steps/);
    expect(emulator.requests).toHaveLength(2);
  });

  it('tell what is left over', () => {
    const emulator = createEmulator({ script: [say('one'), say('two')] });
    expect(() => emulator.assertDone()).toThrow(/2 of 2 steps.*\n {2}0 {2}say {5}one\n {2}1 {2}say {5}two/);
  });
});

describe('what readers and pure functions are given', () => {
  const execution = { id: 'x', status: 'succeeded', stdout: '1', encryptedStdout: null } as Execution;
  const schema = {
    '~standard': { version: 1 as const, vendor: 'own', validate: (value: unknown) => ({ value }) },
  };
  const message = { content: [], stop_reason: 'end_turn' };
  const callable = Object.assign(() => 1, schema);

  it.each([
    ['a function', (value: unknown) => value, /Standard Schema.*got a function\..*zod 3\.24/],
    ['a schema of an old zod', { parse: () => 1, safeParse: () => 1 }, /got an object with parse, safeParse/],
    ['nothing', undefined, /got undefined/],
    ['null', null, /got null/],
    ['a text', 'number', /got "number"/],
    ['half a schema', { '~standard': { version: 1 } }, /got an object with ~standard/],
  ])('parseStdout with %s as its schema', async (_, wrong, message) => {
    await expectRefused(() => parseStdout(execution, wrong as never), message);
  });

  it.each([
    ['undefined', undefined, /takes an execution, got undefined\..*turn\.executions/],
    ['a list', [execution], /got an array of 1/],
    ['a promise', Promise.resolve(execution), /got a Promise\. Await it first/],
    ['a turn', { status: 'ended', executions: [] }, /got an object with status, executions/],
  ])('parseStdout with %s as its execution', async (_, wrong, message) => {
    await expectRefused(() => parseStdout(wrong as never, schema), message);
  });

  it('parseStdout takes a schema that is a function', async () => {
    expect(await parseStdout(execution, callable)).toBe(1);
  });

  it.each([
    ['checkHistory', () => checkHistory([], null as never), /options as an object, got null/],
    ['checkHistory', () => checkHistory([], 'claude' as never), /got "claude"\. Pass \{ model/],
    ['checkHistory', () => checkHistory([], { model: 5 } as never), /id of a model as its model, got 5/],
    ['checkHistory', () => checkHistory(null as never), /list of messages, got null/],
    ['nextParams', () => nextParams(params, message, null as never), /got null\. Pass \{ toolResults/],
    ['nextParams', () => nextParams(null as never, message), /params with messages, got null/],
    ['nextParams', () => nextParams(params, null as never), /response with content, got null/],
    ['turnFrom', () => turnFrom(params, [message as never], null as never), /got null\. Pass \{ parse/],
  ])('%s refuses what it cannot read', async (_, call, message) => {
    await expectRefused(call, message);
  });
});
