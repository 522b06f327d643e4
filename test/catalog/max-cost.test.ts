import { createSession, isTurnInterruptedError, resumeTurn, runTurn } from 'code-execution-kit';
import { estimateCost, maxCost, prices } from 'code-execution-kit/catalog';
import { bash, pause, say, stop } from 'code-execution-kit/emulator';
import { expect, it } from 'vitest';
import { params, thrownBy, viaJson, world } from '../support/world.ts';

const script = [bash('echo 1'), pause(), bash('echo 2'), pause(), say('Done.')];

it('stops a turn with its checkpoint once it has cost so much, and another process goes on', async () => {
  const { client, posts } = world(script);
  const costs: number[] = [];
  const limit = maxCost(prices, 0.012);
  const turn = await runTurn(client, params, {
    stopWhen: (state) => {
      costs.push(estimateCost(state).highUsd);
      return limit(state);
    },
  });
  expect([turn.outcome, posts()]).toEqual(['paused', costs.length]);
  expect(costs.filter((usd) => usd >= 0.012)).toEqual(costs.slice(-1));
  expect(estimateCost(turn).highUsd).toBe(costs.at(-1));
  if (turn.outcome !== 'paused') expect.unreachable();
  // The checkpoint has the same exchanges, and holds the tools.
  expect(estimateCost(viaJson(turn.checkpoint)).highUsd).toBeCloseTo(estimateCost(turn).highUsd, 12);
  const whole = await resumeTurn(client, viaJson(turn.checkpoint)).turn();
  expect(whole.outcome).toBe('completed');
  // A list with both counts what they share once.
  expect(estimateCost([turn, whole]).lowUsd).toBeCloseTo(estimateCost(whole).lowUsd, 12);
});

it('lets a turn under the limit come to its end', async () => {
  const { client } = world(script);
  expect((await runTurn(client, params, { stopWhen: maxCost(prices, 100) })).outcome).toBe('completed');
});

it('ends the turn, with all that was received, where a model has no price', async () => {
  const { client } = world(script, { models: 'any' });
  const running = runTurn(client, { ...params, model: 'claude-new' }, { stopWhen: maxCost(prices, 1) });
  const error = await thrownBy(running);
  expect(isTurnInterruptedError(error)).toBe(true);
  expect([error.code, error.state.executions.length]).toEqual(['stop_when_failed', 1]);
  expect(error.message).toContain('No price of "claude-new" is known: add it to prices.models.');
  expect(error.checkpoint.mayRerun).toBe(false);
});

it.each([
  [null, 1, /prices.models/],
  [prices, Number.NaN, /an amount of USD, at least 0, got NaN/],
  [prices, -1, /got -1/],
  [prices, '1', /got "1"/],
])('refuses what is no limit before any request: %#', (table, usd, message) => {
  expect(() => maxCost(table as never, usd as never)).toThrow(message);
});

it('refuses options of its own', () => {
  expect(() => maxCost(prices, 1, { model: 'x' } as never)).toThrow(/There is no option model/);
});

it('a session has its running cost, also while a turn of it waits', async () => {
  const { client } = world([say('One.'), stop(), bash('echo 1'), pause(), say('Two.')]);
  const session = createSession(client, { model: 'claude-opus-5-5', max_tokens: 100 });
  await session.run('Go.');
  const first = estimateCost(session.toJSON());
  const byHand = ({ input_tokens, output_tokens }: { input_tokens: number; output_tokens: number }) =>
    (input_tokens * 4 + output_tokens * 20) / 1e6;
  expect(first.lowUsd).toBeCloseTo(byHand(session.usage), 14);
  await session.run('Go on.', { maxPauses: 0 }).catch(() => undefined);
  expect(session.unfinished).not.toBeNull();
  const second = estimateCost(viaJson(session.toJSON()));
  expect(second.lowUsd).toBeCloseTo(byHand(session.usage) + 0.05 / 12, 14);
  await session.resume().turn();
  const third = estimateCost(session.toJSON());
  expect(third.lowUsd).toBeCloseTo(byHand(session.usage) + 0.05 / 12, 14);
  expect(third.lowUsd).toBeGreaterThan(second.lowUsd);
});

it('a session knows by its tools that code is free', async () => {
  const containerOf = async (more: object) => {
    const { client } = world([bash('echo 1'), say('Done.')]);
    const session = createSession(client, { model: 'claude-opus-5-5', max_tokens: 100, ...more });
    await session.run('Go.');
    return estimateCost(session.toJSON()).lines.find(({ what }) => what === 'container');
  };
  const web = (type: string) => ({ tools: [{ type, name: 'web_search' }] });
  expect(await containerOf({})).toMatchObject({ lowUsd: 0.05 / 12, highUsd: 0.05 / 12 });
  expect(await containerOf(web('web_search_20250305'))).toMatchObject({ lowUsd: 0.05 / 12 });
  expect(await containerOf(web('web_search_20260209'))).toBeUndefined();
});
