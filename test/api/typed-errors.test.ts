import Anthropic, { AnthropicError } from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import * as batch from '../../src/batch/index.ts';
import * as catalog from '../../src/catalog/index.ts';
import * as kit from '../../src/index.ts';
import * as node from '../../src/node/index.ts';
import * as relay from '../../src/relay/index.ts';
import { clientAnswering, response, sseOf } from '../support/sse.ts';
import { drained, params, thrownBy } from '../support/world.ts';

const { messages: _, ...defaults } = params;

/** A Proxy that throws whatever it is asked. */
function throwing(): never {
  const refuse = () => {
    throw new RangeError('refused');
  };
  const traps = Object.getOwnPropertyNames(Reflect).map((trap) => [trap, refuse]);
  return new Proxy(() => {}, Object.fromEntries(traps)) as never;
}

function revoked(): never {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy as never;
}

/** An object of which everything can be known but what it holds. */
const shy = (...keys: string[]) =>
  Object.defineProperties(
    {},
    Object.fromEntries(
      keys.map((key) => [
        key,
        {
          enumerable: true,
          get: () => {
            throw key;
          },
        },
      ]),
    ),
  );

const deep = JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`);
const KEYS =
  'model max_tokens messages tools container content role type id file_id fileId stop_reason version parts executions ' +
  'files cacheControl name mime_type signal now onEvent retries concurrency snapshot seq code params state status';

const hostile: readonly [string, unknown][] = [
  ['a Proxy that throws', throwing()],
  ['a list of them', [throwing()]],
  ['a revoked Proxy', revoked()],
  ['a list of revoked ones', [revoked()]],
  ['getters that throw', shy(...KEYS.split(' '))],
  ['a list of them', [shy(...KEYS.split(' '))]],
  ['an iterator that throws', { [Symbol.iterator]: throwing(), [Symbol.asyncIterator]: throwing() }],
  ['a BigInt', 5n],
  ['BigInts', { version: 5n, type: 5n, id: 5n, content: [5n], messages: [5n] }],
  ['a Symbol', Symbol('x')],
  ['Symbols', { version: Symbol('x'), type: Symbol('x'), id: Symbol('x'), content: Symbol('x') }],
  ['what has no text', { toString: 1, id: { toString: 1 }, type: { toString: 1 }, content: { toString: 1 } }],
  ['a deep list', deep],
  [
    'a deep object',
    { version: 1, role: 'assistant', content: [{ type: 'text', text: deep }], messages: [deep] },
  ],
  ['nothing', null],
  ['undefined', undefined],
  ['a number', Number.NaN],
  ['a function', () => {}],
];

const isSdkError = (error: unknown) => error instanceof AnthropicError;

/** Whatever the call throws, now or later, has a type; what it throws is given. */
async function expectTyped(call: () => unknown): Promise<unknown> {
  try {
    const given = call();
    if (given instanceof Promise) await given;
    return undefined;
  } catch (error) {
    const what = kit.isCodeExecutionError(error) ? 'typed' : isSdkError(error) ? 'typed' : error;
    expect(what).toBe('typed');
    return error;
  }
}

const refusing = new Anthropic({
  apiKey: 'none',
  maxRetries: 0,
  fetch: async () =>
    new Response('{"type":"error","error":{"type":"not_found_error","message":"no"}}', { status: 404 }),
});
const client = () => clientAnswering(sseOf(response([{ type: 'text', text: 'Done.' }])));
const message = { role: 'assistant' as const, content: [], stop_reason: 'pause_turn' };
const artifact = kit.artifactsOf({
  content: [
    {
      type: 'code_execution_tool_result',
      tool_use_id: '1',
      content: { type: 'code_execution_result', return_code: 0, content: [{ file_id: 'file_1' }] },
    },
  ],
});
const quick = { describe: false } as const;

/** Every public function, with something hostile in each place where it takes something. */
// biome-ignore lint/suspicious/noExplicitAny: nothing that is given here has its type.
const calls: Readonly<Record<string, readonly ((bad: any) => unknown)[]>> = {
  artifactResponse: [
    (bad) => relay.artifactResponse(bad, 'file_1'),
    (bad) => relay.artifactResponse(refusing, bad),
    (bad) => relay.artifactResponse(refusing, 'file_1', bad),
  ],
  cancelBatch: [(bad) => batch.cancelBatch(bad, bad), (bad) => batch.cancelBatch(refusing, bad)],
  continueBatch: [
    (bad) => batch.continueBatch(bad, bad, bad),
    (bad) => batch.continueBatch(refusing, bad, () => params),
  ],
  createBatch: [
    (bad) => batch.createBatch(bad, []),
    (bad) => batch.createBatch(refusing, bad),
    (bad) => batch.createBatch(refusing, [bad]),
    (bad) => batch.createBatch(refusing, [{ customId: bad, params }]),
    (bad) => batch.createBatch(refusing, [{ customId: 'a', params: bad }]),
    (bad) => batch.createBatch(refusing, [{ customId: 'a', params }], bad),
  ],
  deleteBatch: [(bad) => batch.deleteBatch(bad, bad), (bad) => batch.deleteBatch(refusing, bad)],
  fileStore: [(bad) => node.fileStore(bad)],
  memoryStore: [(bad) => relay.memoryStore(bad)],
  readBatch: [(bad) => drained(batch.readBatch(bad, bad)), (bad) => drained(batch.readBatch(refusing, bad))],
  readEvents: [
    (bad) => drained(relay.readEvents(bad, { retries: 0 })),
    (bad) => drained(relay.readEvents(async () => bad, { retries: 0 })),
    (bad) => drained(relay.readEvents(new Response(''), bad)),
  ],
  resumeResponse: [
    (bad) => relay.resumeResponse(bad, 'k', new Request('http://x')),
    (bad) => relay.resumeResponse(relay.memoryStore(), bad, new Request('http://x')),
    (bad) => relay.resumeResponse(relay.memoryStore(), 'k', bad),
    (bad) => relay.resumeResponse(relay.memoryStore(), 'k', new Request('http://x'), bad),
  ],
  runBatch: [
    (bad) => drained(batch.runBatch(bad, [], bad)),
    (bad) => drained(batch.runBatch(refusing, bad, { store: { load: () => null, save: () => {} } } as never)),
  ],
  toResponse: [
    (bad) => relay.toResponse(bad).text(),
    (bad) => relay.toResponse(kit.streamTurn(client(), params), bad).text(),
  ],
  toUIMessageStreamResponse: [
    (bad) => relay.toUIMessageStreamResponse(bad).text(),
    (bad) => relay.toUIMessageStreamResponse(kit.streamTurn(client(), params), bad).text(),
  ],
  waitForBatch: [(bad) => batch.waitForBatch(bad, bad), (bad) => batch.waitForBatch(refusing, bad)],
  artifactInstructions: [() => kit.artifactInstructions()],
  artifactsOf: [(bad) => kit.artifactsOf(bad)],
  checkHistory: [
    (bad) => kit.checkHistory(bad),
    (bad) => kit.checkHistory([bad]),
    (bad) => kit.checkHistory([], bad),
  ],
  codeExecutionTool: [
    (bad) => kit.codeExecutionTool(bad),
    (bad) => kit.codeExecutionTool({ allowedCallers: bad }),
  ],
  containerOf: [(bad) => kit.containerOf(bad), (bad) => kit.containerOf({ container: bad })],
  containerUpload: [(bad) => kit.containerUpload(bad), (bad) => kit.containerUpload('file_1', bad)],
  contentBlockFor: [
    (bad) => kit.contentBlockFor(bad),
    (bad) => kit.contentBlockFor({ id: 'file_1', mime_type: 'text/plain' }, bad),
  ],
  createSession: [
    (bad) => kit.createSession(bad, defaults),
    (bad) => kit.createSession(client(), bad),
    (bad) => kit.createSession(client(), defaults, bad),
    (bad) => kit.createSession(client(), defaults, { messages: bad }),
    (bad) => kit.createSession(client(), defaults, { snapshot: bad }),
    (bad) => kit.createSession(client(), { ...defaults, system: bad }).run('Go.', quick),
    (bad) => kit.createSession(client(), defaults).run(bad, quick),
    (bad) => kit.createSession(client(), defaults).run('Go.', bad),
    (bad) => kit.createSession(client(), defaults).run('Go.', { files: bad }),
    (bad) => kit.createSession(client(), defaults).resume(bad).turn(),
    (bad) => kit.createSession(client(), defaults).fork(bad),
    (bad) => kit.createSession(client(), defaults).fork({ messages: bad }).run('Go.', quick),
  ],
  deleteFiles: [
    (bad) => kit.deleteFiles(bad, []),
    (bad) => kit.deleteFiles(refusing, bad),
    (bad) => kit.deleteFiles(refusing, ['file_1'], bad),
  ],
  describeArtifacts: [
    (bad) => kit.describeArtifacts(bad, artifact),
    (bad) => kit.describeArtifacts(refusing, bad),
    (bad) => kit.describeArtifacts(refusing, artifact, bad),
  ],
  downloadArtifact: [
    (bad) => kit.downloadArtifact(bad, 'file_1'),
    (bad) => kit.downloadArtifact(refusing, bad),
    (bad) => kit.downloadArtifact(refusing, 'file_1', bad),
  ],
  executionsOf: [(bad) => kit.executionsOf(bad), (bad) => kit.executionsOf({ content: bad })],
  initialTurnState: [() => kit.initialTurnState()],
  nextParams: [
    (bad) => kit.nextParams(bad, message),
    (bad) => kit.nextParams(params, bad),
    (bad) => kit.nextParams(params, { ...message, content: bad }),
    (bad) => kit.nextParams(params, message, bad),
    (bad) => kit.nextParams(params, message, { interrupt: bad }),
  ],
  parseStdout: [
    (bad) =>
      kit.parseStdout(bad, { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }) } }),
  ],
  pipeArtifacts: [
    (bad) => kit.pipeArtifacts(bad, artifact, () => {}),
    (bad) => kit.pipeArtifacts(refusing, bad, () => {}),
    (bad) => kit.pipeArtifacts(refusing, artifact, bad),
    (bad) => kit.pipeArtifacts(refusing, artifact, () => {}, bad),
  ],
  readCheckpoint: [
    (bad) => kit.readCheckpoint(bad),
    (bad) => kit.readCheckpoint({ version: 1, params: bad }),
  ],
  reduceTurn: [
    (bad) => kit.reduceTurn(bad, { type: 'pause', responseIndex: 0, seq: 0 }),
    (bad) => kit.reduceTurn(kit.initialTurnState(), bad),
  ],
  resumeTurn: [
    (bad) => kit.resumeTurn(bad, message as never).turn(),
    (bad) => kit.resumeTurn(client(), bad).turn(),
    (bad) => kit.resumeTurn(client(), message as never, bad).turn(),
  ],
  runTurn: [
    (bad) => kit.runTurn(bad, params, quick),
    (bad) => kit.runTurn(client(), bad, quick),
    (bad) => kit.runTurn(client(), { ...params, messages: bad }, quick),
    (bad) => kit.runTurn(client(), { ...params, messages: [{ role: 'user', content: bad }] }, quick),
    (bad) => kit.runTurn(client(), { ...params, tools: bad }, quick),
    (bad) => kit.runTurn(client(), { ...params, tools: [bad] }, quick),
    (bad) => kit.runTurn(client(), { ...params, container: bad }, quick),
    (bad) => kit.runTurn(client(), { ...params, output_config: { format: bad } }, quick),
    (bad) => kit.runTurn(client(), { ...params, metadata: bad }, quick),
    (bad) => kit.runTurn(client(), params, bad),
    (bad) => kit.runTurn(client(), params, { ...quick, now: bad }),
    (bad) => kit.runTurn(client(), params, { ...quick, now: () => bad }),
    (bad) => kit.runTurn(client(), params, { ...quick, signal: bad }),
    (bad) => kit.runTurn(client(), params, { ...quick, request: bad }),
    (bad) => kit.runTurn(client(), params, { ...quick, onEvent: () => bad }),
    (bad) => kit.runTurn({ messages: { create: () => bad } } as never, params, quick),
    (bad) => kit.runTurn({ messages: { create: () => Promise.reject(bad) } } as never, params, quick),
  ],
  skill: [
    (bad) => kit.skill(bad),
    (bad) => kit.skill('xlsx', bad),
    (bad) => kit.skill('xlsx', { version: bad }),
    (bad) => kit.skill({ skillId: bad }),
  ],
  streamTurn: [
    (bad) => drained(kit.streamTurn(client(), bad, quick)),
    (bad) => kit.streamTurn(client(), bad).next(),
  ],
  turnEvents: [
    (bad) => drained(kit.turnEvents(bad)),
    (bad) => drained(kit.turnEvents(new Response(''), bad)),
  ],
  turnFrom: [
    (bad) => kit.turnFrom(bad, [message as never]),
    (bad) => kit.turnFrom(params, bad),
    (bad) => kit.turnFrom(params, [bad]),
    (bad) => kit.turnFrom(params, [{ ...message, content: bad } as never]),
    (bad) => kit.turnFrom(params, [message as never], bad),
    (bad) => kit.turnFrom(params, [message as never], { earlier: bad }),
  ],
  uploadAll: [
    (bad) => kit.uploadAll(bad, async () => ({}) as never),
    (bad) => kit.uploadAll([1], bad),
    (bad) => kit.uploadAll([], () => null as never, bad),
  ],
  uploadFile: [
    (bad) => kit.uploadFile(bad, new File(['x'], 'x')),
    (bad) => kit.uploadFile(refusing, bad, { name: 'x' }),
    (bad) => kit.uploadFile(refusing, new Blob(['x']), bad),
  ],
  userMessage: [
    (bad) => kit.userMessage(bad),
    (bad) => kit.userMessage('x', bad),
    (bad) => kit.userMessage('x', { files: bad }),
  ],
  withoutRaw: [(bad) => kit.withoutRaw(bad)],
  Container: [
    (bad) => new kit.Container(bad),
    (bad) => new kit.Container({ id: 'c', expiresAt: null, skills: bad }),
  ],
  describeSandbox: [() => catalog.describeSandbox()],
  estimateCost: [
    (bad) => catalog.estimateCost(bad),
    (bad) => catalog.estimateCost([bad]),
    (bad) => catalog.estimateCost({ exchanges: [bad], executions: [bad], messages: [bad] } as never),
    (bad) => catalog.estimateCost({ exchanges: [{ usage: bad }], executions: bad, messages: bad } as never),
    (bad) => catalog.estimateCost({ exchanges: [{ usage: { iterations: [bad], speed: bad } }] } as never),
    (bad) => catalog.estimateCost({ turns: [bad], messages: bad, prefix: bad, unfinished: bad }),
    (bad) => catalog.estimateCost([], bad),
    (bad) => catalog.estimateCost([], { prices: bad }),
    (bad) => catalog.estimateCost([], { prices: { ...catalog.prices, models: [bad], container: bad } }),
  ],
  maxCost: [
    (bad) => catalog.maxCost(bad, 1),
    (bad) => catalog.maxCost(catalog.prices, bad),
    (bad) => catalog.maxCost(catalog.prices, 1, bad),
    (bad) => catalog.maxCost(catalog.prices, 1)(bad),
  ],
  toolFor: [
    (bad) => catalog.toolFor(bad, 'claude-opus-5-5'),
    (bad) => catalog.toolFor(null, bad),
    (bad) => catalog.toolFor(null, 'claude-opus-5-5', bad),
    (bad) => catalog.toolFor(null, 'claude-opus-5-5', { now: bad }),
    (bad) => catalog.toolFor({ models: { retrieve: () => bad } }, 'claude-opus-5-5'),
    (bad) => catalog.toolFor({ models: { retrieve: () => Promise.reject(bad) } }, 'claude-opus-5-5'),
  ],
  saveArtifacts: [
    (bad) => node.saveArtifacts(bad, artifact, '/nowhere'),
    (bad) => node.saveArtifacts(refusing, bad, '/nowhere'),
    (bad) => node.saveArtifacts(refusing, artifact, bad),
    (bad) => node.saveArtifacts(refusing, [], '/dev/null', bad),
  ],
  uploadPath: [
    (bad) => node.uploadPath(bad, '/dev/null'),
    (bad) => node.uploadPath(refusing, bad),
    (bad) => node.uploadPath(refusing, '/dev/null', bad),
  ],
  uploadSkill: [
    (bad) => node.uploadSkill(bad, '.'),
    (bad) => node.uploadSkill(refusing as never, bad),
    (bad) => node.uploadSkill(refusing as never, '.', bad),
    (bad) => node.uploadSkill(refusing as never, '.', { skillId: bad }),
  ],
  uploadStream: [
    (bad) => node.uploadStream(bad, new Blob(['x']).stream(), { name: 'x' }),
    (bad) => node.uploadStream(refusing, bad, { name: 'x' }),
    (bad) => node.uploadStream(refusing, () => bad, { name: 'x' }),
    (bad) => node.uploadStream(refusing, new Blob(['x']).stream(), bad),
  ],
};

describe('whatever a public function throws has a type', () => {
  it.each(Object.entries(calls))('%s', async (_name, ways) => {
    for (const call of ways) for (const [, bad] of hostile) await expectTyped(() => call(bad));
  });

  it('no function is left out', () => {
    const guards = /^is[A-Z]/;
    const names = Object.entries({ ...kit, ...node, ...batch, ...catalog, ...relay })
      .filter(([name, one]) => typeof one === 'function' && !guards.test(name) && !name.endsWith('Error'))
      .map(([name]) => name);
    expect(Object.keys(calls).sort()).toEqual(names.sort());
  });

  it('a guard never throws', () => {
    const guards = Object.entries(kit).filter(([name]) => /^is[A-Z]/.test(name));
    expect(guards.length).toBeGreaterThan(7);
    for (const [, guard] of guards)
      for (const [, bad] of hostile) expect((guard as (error: unknown) => boolean)(bad)).toBe(false);
  });

  it('an error of ours says what failed, and has the cause', async () => {
    const cause = new RangeError('refused');
    const error = await thrownBy(() =>
      kit.containerUpload({
        get id(): string {
          throw cause;
        },
      }),
    );
    expect(error).toMatchObject({ code: 'internal_error', cause });
    expect(error.message).toMatch(/^containerUpload failed: refused\. Check .* please report it/);
  });
});
