import Anthropic from '@anthropic-ai/sdk';
import { userMessage } from 'code-execution-kit';
import {
  type BatchesClient,
  type BatchLedger,
  createBatch,
  isBatchError,
  readBatch,
  waitForBatch,
} from 'code-execution-kit/batch';
import { say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { batchWorld, item, items, keeper, POST, statuses } from '../support/batches.ts';
import { params, thrownBy, viaJson } from '../support/world.ts';

const script = () => [say('hello')];
const lost = () => {
  throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } });
};

describe('what is submitted', () => {
  it('is split by the bytes of the real body, and each POST is announced before and named after', async () => {
    const sizes: number[] = [];
    const world = batchWorld(script, {
      wrap: (what, send, init) => {
        if (what === POST) sizes.push((init as { body: Uint8Array }).body.byteLength);
        return send();
      },
    });
    const store = keeper();
    const all = items(9).map((one) => ({
      ...one,
      params: { ...one.params, messages: [userMessage('é€😀'.repeat(50))] },
    }));
    const ledger = await createBatch(world.client, all, { onSubmit: store.save, maxBatchBytes: 2500 });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2500);
    expect(sizes.length).toBeGreaterThan(2);
    expect(world.sentIds().flat()).toEqual(all.map(({ customId }) => customId));
    expect(JSON.stringify(world.sent()[0])).toContain('é€😀');
    const states = store.saved.map(({ rounds }) => (rounds[0]?.sending ? 'sending' : 'named'));
    expect(states).toEqual([...sizes.flatMap(() => ['sending', 'named']), 'named']);
    expect(viaJson(ledger)).toEqual(ledger);
    expect(ledger.shapes).toHaveLength(1);
    await expect(createBatch(world.client, [item('big')], { maxBatchBytes: 100 })).rejects.toThrow(
      /"big".*larger/,
    );
  });

  it('reads the items only as far as it sends them, and goes on with what is left of them', async () => {
    const world = batchWorld(script);
    const store = keeper();
    let read = 0;
    async function* source(breaksAt = Number.POSITIVE_INFINITY) {
      for (const one of items(10)) {
        if (++read > breaksAt) throw new Error('the database is gone');
        yield one;
      }
    }
    const error = await thrownBy(
      createBatch(world.client, source(6), { onSubmit: store.save, maxBatchBytes: 700 }),
    );
    expect(isBatchError(error) && error.code).toBe('items_failed');
    expect(error.cause.message).toBe('the database is gone');
    expect(error.ledger).toEqual(store.last);
    const before = world.sentIds().flat();
    expect(before.length).toBeGreaterThan(2);
    read = 0;
    const ledger = await createBatch(world.client, source(), {
      ledger: viaJson(store.last),
      maxBatchBytes: 700,
    });
    expect(world.sentIds().flat()).toEqual(items(10).map(({ customId }) => customId));
    await waitForBatch(world.client, ledger);
    expect(Object.keys(await statuses(readBatch(world.client, ledger)))).toHaveLength(10);
  });

  it('is not sent again after a lost answer: the error names what it may be, and adopt goes on', async () => {
    let isLost = true;
    const world = batchWorld(script, {
      wrap: async (what, send) => {
        const response = await send();
        if (what === POST && isLost) return lost();
        return response;
      },
    });
    const store = keeper();
    const error = await thrownBy(createBatch(world.client, items(3), { onSubmit: store.save, retries: 5 }));
    expect(error).toMatchObject({ name: 'BatchError', code: 'submission_unknown' });
    expect(error.candidates).toMatchObject([{ count: 3 }]);
    expect(error.message).toContain(error.candidates[0].id);
    expect(world.sentIds()).toHaveLength(1);
    isLost = false;
    const stored = viaJson(store.last);
    expect(await thrownBy(createBatch(world.client, items(3), { ledger: stored }))).toMatchObject({
      code: 'submission_unknown',
      candidates: error.candidates,
    });
    const [{ id }] = error.candidates;
    const ledger = await createBatch(world.client, items(3), { ledger: stored, adopt: id });
    expect(world.sentIds()).toHaveLength(1);
    expect(await statuses(readBatch(world.client, ledger))).toEqual({
      'item-0': 'ended',
      'item-1': 'ended',
      'item-2': 'ended',
    });
    await expect(
      createBatch(world.client, items(3), { ledger: stored, adopt: id, resend: true }),
    ).rejects.toThrow(/exclude/);
    await expect(createBatch(world.client, items(1), { adopt: id })).rejects.toThrow(/no answer was lost/);
  });

  it('is sent again where the caller says so', async () => {
    const world = batchWorld(script, {
      wrap: (what, send) =>
        what === POST && world.sentIds().length === 0 && ++tries === 1 ? lost() : send(),
    });
    let tries = 0;
    const error = await thrownBy(createBatch(world.client, items(2)));
    expect(error).toMatchObject({ code: 'submission_unknown', candidates: [] });
    const ledger = await createBatch(world.client, items(2), { ledger: error.ledger, resend: true });
    expect(world.sentIds()).toEqual([['item-0', 'item-1']]);
    expect(ledger.rounds[0]?.sending).toBeNull();
  });

  it('is compared with the items of an adopted batch, at once or when it is read', async () => {
    const world = batchWorld(script);
    const other = await world.client.messages.batches.create({
      requests: ['x', 'y'].map((custom_id) => ({ custom_id, params })),
    });
    const sending: BatchLedger = {
      version: 1,
      shapes: [{ model: params.model, system: null, tools: [], skills: [] }],
      notices: [],
      rounds: [
        {
          batches: [],
          isWhole: false,
          answers: [],
          waiting: [],
          sending: {
            at: new Date().toISOString(),
            count: 2,
            items: [{ shape: 0, customIds: ['item-0', 'item-1'] }],
            restarted: [],
          },
        },
      ],
    };
    const adopting = { ledger: sending, adopt: other.id };
    // The emulator has it ended when it is asked for.
    const error = await thrownBy(createBatch(world.client, items(2), adopting));
    expect(error).toMatchObject({ code: 'wrong_batch' });
    const batch = {
      id: other.id,
      at: new Date().toISOString(),
      isAdopted: true,
      ...sending.rounds[0]?.sending,
    };
    const read = await thrownBy(
      statuses(
        readBatch(world.client, {
          ...sending,
          rounds: [{ ...sending.rounds[0], isWhole: true, sending: null, batches: [batch] }],
        } as never),
      ),
    );
    expect(read).toMatchObject({
      code: 'wrong_batch',
      ledger: { rounds: [{ isWhole: false, sending: { count: 2 } }] },
    });
    const again = await createBatch(world.client, items(2), { ledger: read.ledger, resend: true });
    expect(again.rounds[0]?.batches).toHaveLength(1);
  });

  it.each([429, 503, 529])(
    'is sent again by itself after %i, which comes before anything is made',
    async (status) => {
      let refusals = 0;
      const world = batchWorld(script, {
        wrap: async (what, send) =>
          what === POST && refusals++ < 2
            ? Response.json(
                { type: 'error', error: { type: 'x', message: 'x' } },
                { status, headers: { 'retry-after-ms': '1' } },
              )
            : send(),
      });
      await createBatch(world.client, items(1));
      expect(world.sentIds()).toHaveLength(1);
      expect(refusals).toBe(3);
    },
  );

  it.each([500, 502, 408, 409])('is not sent again after %i', async (status) => {
    let posts = 0;
    const world = batchWorld(script, {
      wrap: async (what, send) => (what === POST && ++posts ? Response.json({}, { status }) : send()),
    });
    expect(await thrownBy(createBatch(world.client, items(1)))).toMatchObject({ code: 'submission_unknown' });
    expect(posts).toBe(1);
  });

  it('leaves nothing to ask for where the API refused it', async () => {
    const world = batchWorld(script, {
      wrap: async (what, send) =>
        what === POST
          ? Response.json(
              { type: 'error', error: { type: 'invalid_request_error', message: 'no' } },
              { status: 400 },
            )
          : send(),
    });
    const store = keeper();
    const error = await thrownBy(createBatch(world.client, items(1), { onSubmit: store.save }));
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    expect(store.last.rounds[0]?.sending).toBeNull();
  });

  it('has unique ids of the form of the API, and no stream', async () => {
    const world = batchWorld(script);
    const create = (...all: unknown[]) => thrownBy(createBatch(world.client, all as never));
    expect((await create(item('a'), item('b'), item('a'))).message).toMatch(/items\[2\].*items\[0\].*"a"/);
    for (const id of ['', 'ä', 'a b', 'a'.repeat(65), 7, null, undefined]) {
      expect((await create({ ...item('a'), customId: id })).message).toMatch(/items\[0\]\.customId/);
    }
    expect((await create(item('a'), { customId: 'b', params: {} })).message).toMatch(
      /Item "b": params\.model/,
    );
    expect((await create({ customId: 'b', params: { ...params, stream: true } })).message).toMatch(/stream/);
    expect((await create()).message).toMatch(/no item/);
    expect((await create(null)).message).toMatch(/items\[0\]/);
    expect(world.requests()).toEqual([]);
    await createBatch(world.client, [item('__proto__'), item('constructor')]);
    expect(world.sentIds()).toEqual([['__proto__', 'constructor']]);
  });

  it('is checked by count_tokens, once for each shape, before anything is made', async () => {
    const world = batchWorld(script);
    const bad = item('bad');
    const shaped = (id: string, system: string) => ({ customId: id, params: { ...params, system } });
    const all = [shaped('a', 'x'), shaped('b', 'y'), shaped('c', 'x')];
    await createBatch(world.client, all, { check: true });
    expect(world.requests().map((one) => one.split('/').at(-1))).toEqual([
      'count_tokens',
      'count_tokens',
      'batches',
    ]);
    const error = await thrownBy(
      createBatch(world.client, [{ ...bad, params: { ...bad.params, model: 'claude-none' } }], {
        check: true,
      }),
    );
    expect(error).toMatchObject({ code: 'check_failed', customId: 'bad' });
    expect(world.sentIds()).toHaveLength(1);
  });

  it('has a notice where items share a container', async () => {
    const world = batchWorld(script);
    const all = items(3).map((one) => ({ ...one, params: { ...one.params, container: 'container_9' } }));
    const { notices } = await createBatch(world.client, all);
    expect(notices).toMatchObject([
      { code: 'shared-container', message: expect.stringContaining('container_9') },
    ]);
  });

  it('stops where the ledger cannot be stored: before the POST nothing is sent, after it the error has the id', async () => {
    const world = batchWorld(script);
    const failing = (at: number) => {
      let saves = 0;
      return () => {
        if (++saves === at) throw new Error('disk full');
      };
    };
    expect(await thrownBy(createBatch(world.client, items(1), { onSubmit: failing(1) }))).toMatchObject({
      code: 'store_failed',
    });
    expect(world.sentIds()).toEqual([]);
    const error = await thrownBy(createBatch(world.client, items(1), { onSubmit: failing(2) }));
    expect(error).toMatchObject({
      code: 'store_failed',
      ledger: { rounds: [{ sending: null, batches: [{}] }] },
    });
  });

  it('takes a client that is not the SDK’s', async () => {
    const made: unknown[] = [];
    const batch = {
      id: 'msgbatch_1',
      created_at: '2026-11-26T00:00:00Z',
      processing_status: 'ended',
      request_counts: {},
    };
    const message = {
      role: 'assistant',
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'end_turn',
      usage: {},
    };
    const client = {
      messages: {
        batches: {
          create: async (body: { requests: unknown }) => {
            made.push(body.requests);
            return batch;
          },
          retrieve: async () => batch,
          results: async () =>
            (async function* () {
              yield { custom_id: 'item-0', result: { type: 'succeeded', message } };
            })(),
          list: async function* () {},
          cancel: async () => batch,
          delete: async () => batch,
        },
      },
    } as unknown as BatchesClient;
    const ledger = await createBatch(client, items(1));
    expect(made).toMatchObject([[{ custom_id: 'item-0', params: { model: params.model } }]]);
    expect(await statuses(readBatch(client, ledger))).toEqual({ 'item-0': 'ended' });
  });

  it('is for clients that have batches, and for the beta namespace, too', async () => {
    const world = batchWorld(script);
    const beta: BatchesClient = world.client.beta;
    const ledger = await createBatch(beta, items(1));
    await waitForBatch(beta, ledger);
    expect(await statuses(readBatch(beta, ledger))).toEqual({ 'item-0': 'ended' });
    for (const client of [null, {}, { messages: {} }, 'client', { messages: { create() {} } }]) {
      await expect(createBatch(client as never, items(1))).rejects.toThrow(/client\.messages\.batches/);
    }
  });
});
