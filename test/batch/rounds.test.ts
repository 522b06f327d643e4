import { codeExecutionTool, type RunnableTool } from 'code-execution-kit';
import {
  type BatchLedger,
  continueBatch,
  createBatch,
  readBatch,
  waitForBatch,
} from 'code-execution-kit/batch';
import {
  bash,
  callTool,
  cannedSandbox,
  type DynamicScript,
  pause,
  python,
  say,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { batchWorld, item, statuses } from '../support/batches.ts';
import { drained, viaJson } from '../support/world.ts';

const sandbox = cannedSandbox(({ source }) => ({ stdout: `${source} ran\n` }));
const getSales: RunnableTool = {
  name: 'getSales',
  input_schema: { type: 'object', properties: {} },
  run: ({ region }: { region: string }) => `sales of ${region}`,
} as never;
const script: DynamicScript = ({ text }) => {
  if (text.startsWith('pause'))
    return [bash(text), pause(), say('half'), pause(), python('1'), say(`end of ${text}`)];
  if (text.startsWith('tool')) return [callTool('getSales', { region: text }), say('told')];
  return [say(`hello ${text}`)];
};

/** All rounds of these items, to the end. */
async function toEnd(client: never, first: BatchLedger, all: ReturnType<typeof item>[], options = {}) {
  let ledger = first;
  for (let next: BatchLedger | undefined = ledger; next; ) {
    ledger = viaJson(next);
    await waitForBatch(client, ledger);
    next = await continueBatch(
      client,
      ledger,
      (id) => all.find(({ customId }) => customId === id)?.params as never,
      options,
    );
  }
  return ledger;
}

describe('rounds', () => {
  it('go on with paused items, their content and containers, until all have ended', async () => {
    const world = batchWorld(script, { sandbox });
    const all = [item('a'), item('p', 'pause p'), item('q', 'pause q')];
    const ledger = await toEnd(world.client as never, await createBatch(world.client, all), all);
    expect(world.sentIds()).toEqual([
      ['a', 'p', 'q'],
      expect.arrayContaining(['p', 'q']),
      expect.arrayContaining(['p', 'q']),
    ]);
    expect(await statuses(readBatch(world.client, ledger, { all: true }))).toEqual({
      a: 'ended',
      p: 'ended',
      q: 'ended',
    });
    const found = await drained(readBatch(world.client, ledger));
    const p = found.find(({ customId }) => customId === 'p');
    expect(p?.turn?.executions.map(({ stdout }) => stdout)).toEqual(['pause p ran\n', '1 ran\n']);
    expect(p?.turn?.text).toBe('half\n\nend of pause p');
    expect(p?.turn?.exchanges).toHaveLength(3);
    world.emulator.assertDone();
    const again = world.sent()[1]?.find(({ custom_id: id }) => id === 'p')?.params;
    expect(again).toMatchObject({ container: p?.turn?.container?.id, tools: [codeExecutionTool()] });
  });

  it('answer calls by handlers, or by results that are given', async () => {
    const world = batchWorld(script, { sandbox });
    const all = [item('a', 'tool a'), item('b', 'tool b')].map(({ customId, params }) => ({
      customId,
      params: { ...params, tools: [getSales] },
    }));
    const first = await createBatch(world.client, all);
    await waitForBatch(world.client, first);
    expect(await statuses(readBatch(world.client, first))).toEqual({
      a: 'awaiting-tools',
      b: 'awaiting-tools',
    });
    const ledger = await toEnd(world.client as never, first, all, { tools: [getSales] });
    expect(JSON.stringify(ledger)).not.toContain('run');
    const [one, other] = await drained(
      readBatch(world.client, ledger, { all: true, paramsFor: () => all[0]?.params as never }),
    );
    expect([one?.status, other?.status]).toEqual(['ended', 'ended']);
    const found = [one, other].find((it) => it?.customId === 'a');
    expect(found?.turn?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant' },
      { role: 'user', content: [{ type: 'tool_result', content: 'sales of tool a' }] },
      { role: 'assistant', content: [{ text: 'told' }] },
    ]);
  });
});
