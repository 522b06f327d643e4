import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { RunnableTool } from 'code-execution-kit';
import {
  type BatchLedger,
  continueBatch,
  createBatch,
  isBatchError,
  readBatch,
  runBatch,
  waitForBatch,
} from 'code-execution-kit/batch';
import { callTool, type DynamicScript, pause, say } from 'code-execution-kit/emulator';
import { fileStore } from 'code-execution-kit/node';
import { describe, expect, it } from 'vitest';
import { batchWorld, item, items, statuses } from '../support/batches.ts';
import { drained, params, temporary, thrownBy, viaJson } from '../support/world.ts';

const script: DynamicScript = ({ text }) => {
  if (text.startsWith('pause')) return [say('half'), pause(), say('whole')];
  if (text.startsWith('forever')) return Array.from({ length: 20 }, () => [say('more'), pause()]).flat();
  if (text.startsWith('tool')) return [callTool('ask'), say('told')];
  return [say(`hello ${text}`)];
};
const ask = { name: 'ask', input_schema: { type: 'object' as const } };
const asking = { ...ask, run: () => 'an answer' } as unknown as RunnableTool;
const withTool = (id: string, text: string) => ({
  customId: id,
  params: { ...item(id, text).params, tools: [ask] },
});

function memory() {
  const saved: BatchLedger[] = [];
  return { load: () => saved.at(-1), save: (ledger: BatchLedger) => void saved.push(viaJson(ledger)) };
}

describe('runBatch', () => {
  it('runs items to their end, and in another process gives them again', async () => {
    const world = batchWorld(script, {
      batchItem: (id) => (id === 'bad' ? { type: 'invalid_request_error' } : undefined),
    });
    const folder = await temporary();
    const path = `${folder}/run.json`;
    const all = [item('a'), item('bad'), item('p', 'pause'), withTool('t', 'tool'), withTool('u', 'tool')];
    const options = { store: fileStore<BatchLedger>(path), tools: [asking], pollIntervalMs: 1 };
    const wanted = { a: 'ended', bad: 'errored', p: 'ended', t: 'ended', u: 'ended' };
    expect(await statuses(runBatch(world.client, all, options))).toEqual(wanted);
    expect(world.sentIds()).toHaveLength(2);
    expect(await statuses(runBatch(world.client, all, options))).toEqual(wanted);
    expect(world.sentIds()).toHaveLength(2);
    expect(await readdir(folder)).toEqual(['run.json']);
    expect(await readFile(path, 'utf8')).not.toContain('hello');
    await writeFile(path, '{"version":');
    expect((await thrownBy(drained(runBatch(world.client, all, options)))).message).toContain(
      'run.json is no JSON',
    );
  });

  it('gives what waits for a tool without a handler, and what maxRounds stops, as it is', async () => {
    const world = batchWorld(script);
    const store = memory();
    const all = [item('f', 'forever'), withTool('t', 'tool'), item('a')];
    const found = await statuses(runBatch(world.client, all, { store, maxRounds: 2, pollIntervalMs: 1 }));
    expect(found).toEqual({ a: 'ended', f: 'paused', t: 'awaiting-tools' });
    // What waits can still be answered, two rounds later.
    const ledger = store.load() as BatchLedger;
    const waiting = await drained(readBatch(world.client, ledger, { all: true }));
    const [use] = waiting.find(({ customId }) => customId === 't')?.turn?.toolUses ?? [];
    const toolResults = { t: [{ type: 'tool_result' as const, tool_use_id: use?.id ?? '', content: 'yes' }] };
    const paramsFor = (id: string) => all.find(({ customId }) => customId === id)?.params ?? params;
    const limited = continueBatch(world.client, ledger, paramsFor, { toolResults, maxRounds: 2 });
    expect(await thrownBy(limited)).toMatchObject({ code: 'round_limit' });
    const next = (await continueBatch(world.client, ledger, paramsFor, {
      toolResults,
      maxRounds: 3,
    })) as BatchLedger;
    expect(world.sentIds().at(-1)?.sort()).toEqual(['f', 't']);
    await waitForBatch(world.client, next);
    expect(await statuses(readBatch(world.client, next))).toEqual({ f: 'paused', t: 'ended' });
  });

  it('asks where an answer was lost, whatever the round, and runs no handler twice for it', async () => {
    let posts = 0;
    const world = batchWorld(script, {
      wrap: async (what, send) => {
        if (what !== 'POST /v1/messages/batches' || ++posts !== 2) return send();
        throw new TypeError('fetch failed');
      },
    });
    const store = memory();
    let calls = 0;
    const counting = { ...ask, run: () => String(++calls) } as unknown as RunnableTool;
    const all = [withTool('t', 'tool')];
    const options = { store, tools: [counting], pollIntervalMs: 1 };
    const error = await thrownBy(drained(runBatch(world.client, all, options)));
    expect(isBatchError(error) && error.code).toBe('submission_unknown');
    expect(await thrownBy(drained(runBatch(world.client, all, options)))).toMatchObject({
      code: 'submission_unknown',
    });
    expect(await statuses(runBatch(world.client, all, { ...options, resend: true }))).toEqual({ t: 'ended' });
    expect(calls).toBe(1);
  });
});

describe('a ledger', () => {
  it('knows what stood before the messages: a change is an error that names it', async () => {
    const world = batchWorld(script);
    const before = { ...item('p', 'pause').params, system: 'Be brief.', tools: [ask] };
    const ledger = await createBatch(world.client, [{ customId: 'p', params: before }]);
    await waitForBatch(world.client, ledger);
    const posts = world.sentIds().length;
    const go = (changed: object) =>
      thrownBy(continueBatch(world.client, ledger, () => ({ ...before, ...changed })));
    expect((await go({ system: 'Be long.' })).message).toMatch(/"p".*another system/);
    expect((await go({ tools: [] })).message).toMatch(/another tools/);
    expect((await go({ model: 'claude-haiku-5-5' })).message).toMatch(/another model/);
    expect((await go({ messages: [] })).message).toMatch(/"p": params\.messages/);
    const thrown = await thrownBy(
      continueBatch(world.client, ledger, () => Promise.reject(new Error('gone'))),
    );
    expect(thrown).toMatchObject({ code: 'items_failed', customId: 'p' });
    expect(world.sentIds()).toHaveLength(posts);
    // Another order of keys is the same, and is sent as it was.
    const reordered = { ...before, tools: [{ input_schema: ask.input_schema, name: ask.name }] };
    await continueBatch(world.client, ledger, () => reordered);
    expect(JSON.stringify(world.sent()[1]?.[0]?.params)).toContain(JSON.stringify(ask));
  });

  it('from outside is checked before any request', async () => {
    const world = batchWorld(script);
    const ledger = viaJson(await createBatch(world.client, items(2)));
    const requests = world.requests().length;
    const [round] = ledger.rounds;
    const batch = round?.batches[0];
    const changed = (changes: object) => ({
      ...ledger,
      rounds: [{ ...round, batches: [{ ...batch, ...changes }] }],
    });
    const wrong: unknown[] = [
      ...[null, 7, 'ledger', [], {}, { ...ledger, version: 2 }, { ...ledger, rounds: {} }],
      { ...ledger, shapes: [] },
      changed({ id: '../files' }),
      changed({ items: [{ shape: 0, customIds: ['item-0', 'item-0'] }] }),
      changed({ items: [{ shape: 3, customIds: ['item-0'] }] }),
      changed({ items: [{ shape: 0, customIds: ['a b'] }] }),
      { ...ledger, rounds: [{ ...round, isWhole: false }, round] },
      {
        ...ledger,
        rounds: [round, { ...round, batches: [{ ...batch, items: [{ shape: 0, customIds: ['other'] }] }] }],
      },
    ];
    for (const one of wrong) {
      const errors = await Promise.all([
        thrownBy(waitForBatch(world.client, one as never)),
        thrownBy(drained(readBatch(world.client, one as never))),
        thrownBy(continueBatch(world.client, one as never, () => params)),
      ]);
      for (const error of errors) expect(error.name).toBe('InvalidInputError');
    }
    expect(world.requests()).toHaveLength(requests);
  });

  it('is needed with options of the right kind', async () => {
    const { client } = batchWorld(script);
    const wrong: readonly (readonly [() => PromiseLike<unknown>, RegExp])[] = [
      [() => createBatch(client, items(1), { maxBatchBytes: 0 }), /maxBatchBytes/],
      [() => createBatch(client, items(1), { maxBatchBytes: 300_000_000 }), /maxBatchBytes/],
      [() => createBatch(client, items(1), { onSumbit() {} } as never), /no option onSumbit/],
      [() => createBatch(client, items(1), { retries: 1.5 }), /retries/],
      [() => createBatch(client, items(1), 7 as never), /must be an object/],
      [() => createBatch(client, 'items' as never), /iterable/],
      [() => createBatch(client, null as never), /iterable/],
      [() => waitForBatch(client, {} as never, { pollIntervalMs: 0 }), /pollIntervalMs/],
      [() => continueBatch(client, {} as never, null as never), /third argument/],
      [() => continueBatch(client, {} as never, () => params, { retry: ['all'] } as never), /retry/],
      [() => drained(runBatch(client, items(1), {} as never)), /store/],
      [
        () => drained(runBatch(client, new Set(items(1)), { store: { load() {}, save() {} } } as never)),
        /paramsFor/,
      ],
      [() => Promise.resolve().then(() => fileStore('')), /fileStore/],
    ];
    for (const [call, words] of wrong) {
      const error = await thrownBy(call());
      expect([error.name, error.message]).toEqual(['InvalidInputError', expect.stringMatching(words)]);
    }
  });
});
