import {
  cancelBatch,
  continueBatch,
  createBatch,
  deleteBatch,
  readBatch,
  waitForBatch,
} from 'code-execution-kit/batch';
import { bash, cannedSandbox, type DynamicScript, pause, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { batchWorld, item, items, statuses } from '../support/batches.ts';
import { drained, thrownBy, viaJson } from '../support/world.ts';

const script: DynamicScript = ({ text }) => [say(`hello ${text}`)];
const message = {
  role: 'assistant',
  content: [{ type: 'text', text: 'hi' }],
  stop_reason: 'end_turn',
  usage: {},
};
const line = (id: unknown, result: unknown = { type: 'succeeded', message }) =>
  JSON.stringify({ custom_id: id, result });

/** A world whose results are these, one body for each time that they are read. */
function resultsWorld(...bodies: readonly (string | (() => BodyInit))[]) {
  let reads = 0;
  const world = batchWorld(script, {
    wrap: async (what, send) => {
      if (!what.endsWith('/results')) return send();
      const body = bodies[Math.min(reads++, bodies.length - 1)] ?? '';
      return new Response(typeof body === 'string' ? body : body());
    },
  });
  return { ...world, reads: () => reads };
}

/** A body that breaks after this text. */
const broken = (text: string) => () =>
  new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
    pull: (controller) => controller.error(new TypeError('terminated')),
  });

async function ended(world: ReturnType<typeof batchWorld>, count: number) {
  const ledger = await createBatch(world.client, items(count));
  await waitForBatch(world.client, ledger);
  return ledger;
}

describe('results', () => {
  it('are read again where the body is cut, and no item is given twice', async () => {
    const all = [line('item-0'), line('item-1'), line('item-2')];
    const world = resultsWorld(
      broken(`${all[0]}\n${all[1]?.slice(0, 20)}`),
      `${all[0]}\n${all[1]?.slice(0, 30)}`,
      all.join('\n'),
    );
    const ledger = await ended(world, 3);
    const found = await drained(readBatch(world.client, ledger));
    expect(found.map(({ customId, status }) => [customId, status])).toEqual([
      ['item-0', 'ended'],
      ['item-1', 'ended'],
      ['item-2', 'ended'],
    ]);
    expect(world.reads()).toBe(3);
  });

  it('that break off again and again are an error, after what came', async () => {
    const world = resultsWorld(broken(`${line('item-0')}\n`));
    const ledger = await ended(world, 2);
    const got: string[] = [];
    const error = await thrownBy(async () => {
      for await (const { customId } of readBatch(world.client, ledger, { retries: 1 })) got.push(customId);
    });
    expect(got).toEqual(['item-0']);
    expect(error).toMatchObject({ code: 'results_broken', retryable: true });
    expect(error.message).toContain('1 of 2');
  });

  it('in odd shapes are items with errors, and lose no other', async () => {
    const world = resultsWorld(
      [
        line('item-0'),
        '{"custom_id":"item-1","result":{"type":"succe',
        'no json at all',
        line('item-2', { type: 'postponed', until: 'tomorrow' }),
        line('item-3', { type: 'succeeded', message: { content: 'text' } }),
        line('item-4', null),
        line('item-5', {
          type: 'errored',
          error: { type: 'error', error: { type: 'overloaded_error', message: 'Busy' }, request_id: 'req_1' },
        }),
        line('item-6', { type: 'errored', error: 7 }),
        line('item-0', { type: 'expired' }),
        line('stranger'),
        line(9),
        '[1]',
        '',
        `${line('item-8')}\r`,
      ].join('\n'),
    );
    const ledger = await ended(world, 9);
    const found = await drained(readBatch(world.client, ledger, { retries: 0 }));
    expect(
      found.map((it) => [it.customId, it.status === 'errored' ? [it.error.type, it.retryable] : it.status]),
    ).toEqual([
      ['item-0', 'ended'],
      ['item-2', ['unknown_result', false]],
      ['item-3', ['unknown_result', false]],
      ['item-4', ['unknown_result', false]],
      ['item-5', ['overloaded_error', true]],
      ['item-6', ['unknown_error', false]],
      ['stranger', ['unexpected_result', false]],
      ['item-8', 'ended'],
      ['item-1', ['unreadable_result', false]],
      ['item-7', ['unreadable_result', false]],
    ]);
    expect(found.find(({ customId }) => customId === 'item-2')).toMatchObject({
      error: { raw: { until: 'tomorrow' } },
    });
    expect(found.find(({ customId }) => customId === 'item-5')).toMatchObject({
      error: { requestId: 'req_1' },
      turn: null,
    });
    expect(viaJson(found)).toHaveLength(10);
  });

  it('that are no results at all are an error, and not a list of failed items', async () => {
    const world = resultsWorld('<html>Sign in</html>');
    const ledger = await ended(world, 2);
    expect(await thrownBy(drained(readBatch(world.client, ledger, { retries: 0 })))).toMatchObject({
      code: 'results_broken',
    });
  });

  it('without the line of an item say so', async () => {
    const world = resultsWorld(line('item-0'));
    const ledger = await ended(world, 2);
    const [, missing] = await drained(readBatch(world.client, ledger, { retries: 0 }));
    expect(missing).toMatchObject({
      customId: 'item-1',
      status: 'errored',
      error: { type: 'missing_result' },
    });
  });

  it('are not there before the batch has ended', async () => {
    const world = batchWorld(script, {
      wrap: async (what, send) => {
        const response = await send();
        if (!/GET .*msgbatch_\w+$/.test(what)) return response;
        return Response.json({ ...(await response.json()), processing_status: 'in_progress' });
      },
    });
    const ledger = await createBatch(world.client, items(1));
    expect(await thrownBy(drained(readBatch(world.client, ledger)))).toMatchObject({ code: 'not_ended' });
    expect(await thrownBy(deleteBatch(world.client, ledger))).toMatchObject({ code: 'not_ended' });
    const signal = AbortSignal.timeout(50);
    const polls: number[] = [];
    const waiting = waitForBatch(world.client, ledger, {
      signal,
      pollIntervalMs: 5,
      onProgress: ({ processing }) => polls.push(processing),
    });
    expect(await thrownBy(waiting)).toMatchObject({ name: 'BatchError', code: 'aborted' });
    expect(polls.length).toBeLessThan(20);
    expect(await cancelBatch(world.client, ledger)).toEqual([ledger.rounds[0]?.batches[0]?.id]);
  });
});

describe('waiting, canceling and deleting', () => {
  it('passes failures that pass, and counts', async () => {
    let failures = 0;
    const world = batchWorld(script, {
      batchItem: (id) =>
        ({ 'item-1': 'expired', 'item-2': 'canceled', 'item-3': { type: 'api_error' } })[id] as never,
      wrap: async (what, send) => {
        if (!/GET .*msgbatch_\w+$/.test(what) || failures++ > 2) return send();
        if (failures === 1) throw new TypeError('fetch failed');
        return Response.json({}, { status: failures === 2 ? 500 : 529 });
      },
    });
    const ledger = await createBatch(world.client, items(5));
    const progress = await waitForBatch(world.client, ledger, { pollIntervalMs: 1 });
    expect(progress).toEqual({
      ...{ total: 5, processing: 0, succeeded: 2, errored: 1, canceled: 1, expired: 1 },
      ...{ batches: 1, endedBatches: 1 },
    });
    expect(await deleteBatch(world.client, ledger)).toHaveLength(1);
    expect(await deleteBatch(world.client, ledger)).toEqual([]);
    expect((await thrownBy(waitForBatch(world.client, ledger))).status).toBe(404);
  });

  it('gives what was canceled, and sends it again when told', async () => {
    const world = batchWorld(script);
    const ledger = await createBatch(world.client, items(2));
    await world.client.messages.batches.cancel(ledger.rounds[0]?.batches[0]?.id ?? '');
    await waitForBatch(world.client, ledger);
    expect(await statuses(readBatch(world.client, ledger))).toEqual({
      'item-0': 'canceled',
      'item-1': 'canceled',
    });
    const paramsFor = (id: string) => item(id).params;
    expect(await continueBatch(world.client, ledger, paramsFor)).toBeUndefined();
    const next = await continueBatch(world.client, ledger, paramsFor, { retry: ['canceled'] });
    await waitForBatch(world.client, next as never);
    expect(await statuses(readBatch(world.client, next as never))).toEqual({
      'item-0': 'ended',
      'item-1': 'ended',
    });
  });

  it('begins an item again in a fresh container where its own is gone, once and when told', async () => {
    const sandbox = cannedSandbox(() => ({ stdout: 'ran' }));
    const world = batchWorld(() => [bash('ls'), pause(), say('done')], { sandbox });
    const paramsFor = (id: string) => item(id).params;
    const first = await createBatch(world.client, items(1));
    await waitForBatch(world.client, first);
    const second = await continueBatch(world.client, first, paramsFor);
    world.emulator.loseContainers();
    await waitForBatch(world.client, second as never);
    const [lost] = await drained(readBatch(world.client, second as never));
    expect(lost).toMatchObject({
      status: 'errored',
      retryable: false,
      turn: { outcome: 'paused', executions: [{ stdout: 'ran' }] },
    });
    expect(await continueBatch(world.client, second as never, paramsFor)).toBeUndefined();
    const third = await continueBatch(world.client, second as never, paramsFor, {
      onLostContainer: 'restart',
    });
    expect(world.sent()[2]?.[0]?.params).toEqual(world.sent()[0]?.[0]?.params);
    await waitForBatch(world.client, third as never);
    const [again] = await drained(readBatch(world.client, third as never));
    expect(again).toMatchObject({ status: 'paused', turn: { exchanges: [{}] } });
  });
});
