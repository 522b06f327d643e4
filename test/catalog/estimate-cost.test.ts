import { type CostEstimate, type CostOptions, estimateCost, prices } from 'code-execution-kit/catalog';
import { describe, expect, it } from 'vitest';
import { viaJson } from '../support/world.ts';
import { container, exchange, execution, turnOf } from './turns.ts';

const FIVE_MINUTES = 0.05 / 12;
const itemsOf = ({ lines }: CostEstimate) =>
  Object.fromEntries(lines.flatMap((line) => (line.what === 'assumption' ? [] : [[line.what, line]])));
const notesOf = ({ lines }: CostEstimate, what = 'assumption') =>
  lines.filter((line) => line.what === what).map(({ note }) => note);
/** The only figure of an estimate without a range. */
function usdOf(usage: object, more: object = {}, options: CostOptions = {}): number {
  const { lowUsd, highUsd, complete } = estimateCost(turnOf([exchange(usage, more)]), options);
  expect([lowUsd, complete]).toEqual([highUsd, true]);
  return lowUsd;
}

describe('tokens', () => {
  it('are priced by model, each kind at its price, and no figure is rounded', () => {
    const usage = {
      input_tokens: 1234,
      output_tokens: 567,
      cache_read_input_tokens: 10_001,
      cache_creation_input_tokens: 3500,
      cache_creation: { ephemeral_5m_input_tokens: 3000, ephemeral_1h_input_tokens: 500 },
      server_tool_use: { web_search_requests: 3, web_fetch_requests: 2 },
    };
    const estimate = estimateCost(turnOf([exchange(usage)]));
    const byHand = (1234 * 4 + 567 * 20 + 10_001 * 0.2 + 3000 * 5 + 500 * 8) / 1e6 + 3 * 0.01;
    expect(estimate.lowUsd).toBeCloseTo(byHand, 14);
    expect(estimate.highUsd).toBeCloseTo(byHand, 14);
    expect(estimate.complete).toBe(true);
    expect(itemsOf(estimate)).toMatchObject({
      input: {
        model: 'claude-opus-5-5',
        unit: 'token',
        low: 1234,
        high: 1234,
        usdPerUnit: 4,
        asOf: '2026-09-23',
      },
      output: { low: 567, usdPerUnit: 20 },
      'cache-read': { low: 10_001, usdPerUnit: 0.2 },
      'cache-write-5m': { low: 3000, usdPerUnit: 5 },
      'cache-write-1h': { low: 500, usdPerUnit: 8 },
      'web-search': { unit: 'search', low: 3, lowUsd: 0.03 },
    });
    expect(viaJson(estimate)).toEqual(estimate);
  });

  it('of many turns are summed by line, before they are multiplied', () => {
    const turns = Array.from({ length: 20_000 }, () =>
      turnOf([exchange({ input_tokens: 7, output_tokens: 3 })]),
    );
    const estimate = estimateCost(turns);
    expect(itemsOf(estimate)).toMatchObject({ input: { low: 140_000 }, output: { low: 60_000 } });
    expect(estimate.lines.length).toBeLessThan(5);
    expect(estimate.lowUsd).toBe((140_000 * 4) / 1e6 + (60_000 * 20) / 1e6);
  });

  it('cost half in a batch: as the usage says, or as the caller does', () => {
    const usage = { input_tokens: 1e6, output_tokens: 1e6, cache_read_input_tokens: 1e6 };
    expect(usdOf({ ...usage, service_tier: 'batch' })).toBeCloseTo(24.2 / 2, 12);
    expect(usdOf(usage, {}, { batch: true })).toBeCloseTo(24.2 / 2, 12);
    expect(usdOf({ ...usage, service_tier: 'batch' }, {}, { batch: false })).toBeCloseTo(24.2, 12);
    const { lines } = estimateCost(turnOf([exchange(usage)]), { batch: true });
    expect(lines[0]?.note).toContain('batch (×0.5)');
    // A search costs the same.
    const searched = { ...usage, server_tool_use: { web_search_requests: 1 } };
    expect(usdOf(searched, {}, { batch: true })).toBeCloseTo(12.1 + 0.01, 12);
  });

  it('cost more where inference stays in the US, and in fast mode', () => {
    const usage = { input_tokens: 1e6 };
    expect(usdOf({ ...usage, inference_geo: 'us' })).toBeCloseTo(4.4, 12);
    for (const geo of ['global', 'not_available', null])
      expect(usdOf({ ...usage, inference_geo: geo })).toBe(4);
    expect(usdOf({ ...usage, speed: 'fast' })).toBe(8);
    expect(usdOf({ ...usage, speed: 'fast', inference_geo: 'us' })).toBeCloseTo(8.8, 12);
    const unknown = estimateCost(turnOf([exchange({ ...usage, inference_geo: 'constructor' })]));
    expect([unknown.lowUsd, unknown.complete]).toEqual([4, false]);
    const fast = estimateCost(turnOf([exchange({ ...usage, speed: 'fast' }, { model: 'claude-sonnet-5' })]));
    expect([fast.highUsd, fast.complete]).toEqual([0, false]);
    expect(notesOf(fast, 'unpriced')).toEqual([
      expect.stringContaining('"fast" responses of "claude-sonnet-5"'),
    ]);
    const priority = estimateCost(turnOf([exchange({ ...usage, service_tier: 'priority' })]));
    expect(notesOf(priority)).toEqual([expect.stringContaining('Priority')]);
  });

  it('cost what they did on the day of the response', () => {
    const usage = { cache_read_input_tokens: 1e6 };
    const on = (startedAt: string | null) =>
      estimateCost(turnOf([exchange(usage, { model: 'claude-sonnet-5-5', startedAt })]));
    expect(on('2026-10-06T23:59:59.999Z').lowUsd).toBe(0.2);
    expect(on('2026-10-07T00:00:00.000Z').lowUsd).toBe(0.1);
    expect(on(null).lowUsd).toBe(0.1);
    expect(notesOf(on(null))).toEqual([expect.stringContaining('the last one is taken')]);
  });

  it('of an unknown model are reported and not guessed', () => {
    const known = exchange({ input_tokens: 1e6 });
    const unknown = exchange({ input_tokens: 5, output_tokens: 6 }, { model: 'claude-mythos-5-2' });
    const estimate = estimateCost(turnOf([known, unknown, exchange({}, { model: 'constructor' })]));
    expect([estimate.lowUsd, estimate.highUsd, estimate.complete]).toEqual([4, 4, false]);
    const [line] = estimate.lines.filter(({ what }) => what === 'unpriced');
    expect(line).toMatchObject({
      model: 'claude-mythos-5-2',
      low: 11,
      usdPerUnit: null,
      lowUsd: null,
      highUsd: null,
    });
    expect(line?.note).toBe('No price of "claude-mythos-5-2" is known: add it to prices.models.');
  });

  it.each([
    'claude-haiku-4-5',
    'claude-haiku-4-5-20251001',
    'claude-haiku-4-5@20251001',
    'claude-haiku-4-5[1m]',
    'anthropic.claude-haiku-4-5-20251001-v1:0',
    'us.anthropic.claude-haiku-4-5-20251001-v1:0',
    'anthropic/claude-haiku-4.5',
  ])('of %s have the price of the model', (model) => {
    expect(estimateCost(turnOf([exchange({ output_tokens: 1e6 }, { model })])).lowUsd).toBe(5);
  });

  it.each([
    'claude',
    'my-claude-haiku-4-5',
    'claude-haiku-4-5-mine',
    'claude-haiku',
    '',
    'claude-haiku-4-5'.repeat(1e4),
  ])('of a model that only looks like one (%#) have none', (model) => {
    expect(estimateCost(turnOf([exchange({ output_tokens: 1e6 }, { model })])).complete).toBe(false);
  });
});

describe('tiers by prompt length', () => {
  const model = 'claude-haiku-5-5';
  const figures = (usage: object, executions: readonly object[] = []) => {
    const { lowUsd, highUsd } = estimateCost(turnOf([exchange(usage, { model })], executions), {
      webTools: true,
    });
    return [lowUsd, highUsd].map((usd) => Number(usd.toFixed(12)));
  };

  it('price the whole request by all that its prompt holds', () => {
    expect(figures({ input_tokens: 100_000, output_tokens: 1000 })).toEqual([0.0105, 0.0105]);
    expect(figures({ input_tokens: 100_001, output_tokens: 1000 })).toEqual([0.0525005, 0.0525005]);
    const cached = {
      input_tokens: 1000,
      cache_read_input_tokens: 90_000,
      cache_creation_input_tokens: 10_000,
    };
    const split = { ephemeral_5m_input_tokens: 10_000, ephemeral_1h_input_tokens: 0 };
    expect(figures({ ...cached, cache_creation: split })).toEqual([0.01125, 0.01125]);
  });

  it('are a range where the prompt is a sum over rounds of code', () => {
    const usage = { input_tokens: 150_000, output_tokens: 1000 };
    expect(figures(usage, [execution('srvtoolu_1', 1)])).toEqual([0.0155, 0.0775]);
    const round = (input: number, output: number) => ({
      type: 'message',
      input_tokens: input,
      output_tokens: output,
    });
    const iterations = [round(40_000, 500), round(110_000, 500)];
    expect(figures({ ...usage, iterations }, [execution('srvtoolu_1', 1)])).toEqual([0.0605, 0.0775]);
  });
});

describe('what usage leaves out', () => {
  it('is a range for caches of an unknown life, and a line', () => {
    const estimate = estimateCost(turnOf([exchange({ cache_creation_input_tokens: 1e6 })]));
    expect([estimate.lowUsd, estimate.highUsd]).toEqual([5, 8]);
    expect(notesOf(estimate)).toEqual([expect.stringContaining('five minutes (low), or an hour (high)')]);
  });

  it('counts compactions and advisors beside the sums', () => {
    const iterations = [
      { type: 'message', input_tokens: 1e6, output_tokens: 0 },
      { type: 'compaction', input_tokens: 1e6, output_tokens: 0 },
      { type: 'advisor_message', model: 'claude-fable-5-1', input_tokens: 1e6, output_tokens: 0 },
    ];
    expect(estimateCost(turnOf([exchange({ input_tokens: 1e6, iterations })])).lowUsd).toBe(4 + 4 + 10);
  });

  it('says that a response that broke off cost at least what it reported', () => {
    const estimate = estimateCost(turnOf([exchange({ input_tokens: 1e6 }, { interrupted: true })]));
    expect(estimate.lowUsd).toBe(4);
    expect(notesOf(estimate)).toEqual([expect.stringContaining('broke off')]);
  });

  it.each([[Number.NaN], [-1], [Number.POSITIVE_INFINITY], ['many'], [{}], [[3]], [true], [1e300]])(
    'reads %s as no count, says so, and gives no NaN',
    (wrong) => {
      const usage = {
        input_tokens: wrong,
        output_tokens: 1e6,
        server_tool_use: { web_search_requests: wrong },
      };
      const { lowUsd, highUsd, complete, lines } = estimateCost(turnOf([exchange(usage)]));
      expect([lowUsd, highUsd, complete]).toEqual([20, 20, false]);
      expect(lines.map(({ note }) => note)).toContain('input_tokens is no count, and is in no sum.');
    },
  );

  it('reads counters that gateways send as texts, and takes absent ones as 0', () => {
    expect(usdOf({ input_tokens: '1000000', output_tokens: null, cache_creation: null })).toBe(4);
    expect(usdOf({ server_tool_use: null, iterations: null })).toBe(0);
    const none = estimateCost(turnOf([{ ...exchange({}), usage: null }]));
    expect([none.complete, none.lowUsd]).toEqual([false, 0]);
  });
});

describe('container time', () => {
  const withCode = (executions: readonly object[], more: object = {}, options: CostOptions = {}) =>
    estimateCost(turnOf([exchange({}, { ...container('container_1'), ...more })], executions), options);

  it('is at least five minutes, for the container or for each execution', () => {
    const three = [execution('a', 2), execution('b', 3), execution('c', null)];
    const { lowUsd, highUsd, lines } = withCode(three);
    expect([lowUsd, highUsd]).toEqual([FIVE_MINUTES, 3 * FIVE_MINUTES]);
    expect(lines.find(({ what }) => what === 'container')).toMatchObject({
      unit: 'hour',
      low: 1 / 12,
      high: 3 / 12,
    });
  });

  it('is longer where executions or requests took longer', () => {
    const long = withCode([execution('a', 400), execution('b', 500)], {
      endedAt: '2026-11-20T12:00:00.000Z',
    });
    expect(long.lowUsd).toBeCloseTo((900 / 3600) * 0.05, 14);
    expect(long.highUsd).toBeCloseTo(2 * 0.05, 14);
    const skewed = withCode([execution('a', -50)], { endedAt: '2026-11-20T09:00:00.000Z' });
    expect([skewed.lowUsd, skewed.highUsd]).toEqual([FIVE_MINUTES, FIVE_MINUTES]);
  });

  it('counts a container of several turns once in the low figure', () => {
    const turn = (id: string, name: string) => turnOf([exchange({}, container(name))], [execution(id, 1)]);
    const shared = estimateCost([
      turn('a', 'container_1'),
      turn('b', 'container_1'),
      turn('c', 'container_2'),
    ]);
    expect(shared.lowUsd).toBeCloseTo(2 * FIVE_MINUTES, 14);
    expect(shared.highUsd).toBeCloseTo(3 * FIVE_MINUTES, 14);
    const unnamed = estimateCost([
      turnOf([exchange({})], [execution('a', 1)]),
      turnOf([exchange({})], [execution('b', 1)]),
    ]);
    expect(unnamed.lowUsd).toBeCloseTo(2 * FIVE_MINUTES, 14);
  });

  it('of a turn that lost its container is that of both, and the time is counted once', () => {
    const both = [exchange({}, container('container_1')), exchange({}, container('container_2'))];
    const { lowUsd } = estimateCost(turnOf(both, [execution('a', 900)]));
    expect(lowUsd).toBeCloseTo(FIVE_MINUTES + 0.05 / 4, 14);
  });

  it('is free with the newer web tools, and perhaps where a web tool of unknown version was used', () => {
    const one = [execution('a', 1)];
    expect(withCode(one, {}, { webTools: true }).highUsd).toBe(0);
    expect(notesOf(withCode(one, {}, { webTools: true }))).toEqual([expect.stringContaining('is free')]);
    const asked = {
      usage: { input_tokens: 0, output_tokens: 0, server_tool_use: { web_fetch_requests: 1 } },
    };
    const maybe = withCode(one, asked);
    expect([maybe.lowUsd, maybe.highUsd]).toEqual([0, FIVE_MINUTES]);
    expect(withCode(one, asked, { webTools: false }).lowUsd).toBe(FIVE_MINUTES);
    expect(notesOf(withCode(one))).toContainEqual(expect.stringContaining('Pass webTools'));
  });

  it('takes free hours off where they are given, and says so where not', () => {
    const one = [execution('a', 1)];
    const free = withCode(one, {}, { freeHours: 1550 });
    expect([free.lowUsd, free.highUsd]).toEqual([0, 0]);
    const rest = withCode([execution('a', 7200)], {}, { freeHours: 1.5 });
    expect(rest.lowUsd).toBeCloseTo(0.5 * 0.05, 14);
    expect(notesOf(withCode(one))).toContainEqual(expect.stringContaining('1,550'));
  });

  it('is billed for files without any code', () => {
    const upload = { role: 'user', content: [{ type: 'container_upload', file_id: 'file_1' }] };
    const answer = { role: 'assistant', content: [{ type: 'text', text: 'No code is needed.' }] };
    const attached = estimateCost(turnOf([exchange({})], [], [upload, answer]));
    expect([attached.lowUsd, attached.highUsd]).toEqual([FIVE_MINUTES, FIVE_MINUTES]);
    const earlier = estimateCost(
      turnOf([exchange({})], [], [upload, answer, { role: 'user', content: 'And?' }, answer]),
    );
    expect([earlier.lowUsd, earlier.highUsd]).toEqual([0, FIVE_MINUTES]);
    expect(estimateCost(turnOf([exchange({})], [], [{ role: 'user', content: 'Hello.' }])).highUsd).toBe(0);
    const state = { exchanges: [exchange({})] };
    expect(notesOf(estimateCost(state))).toEqual([expect.stringContaining('Pass files')]);
    expect(estimateCost(state, { files: true }).lowUsd).toBe(FIVE_MINUTES);
    expect(notesOf(estimateCost(state, { files: false }))).toEqual([]);
  });

  it('is in the high figure alone for a turn of a session whose messages are not kept', () => {
    const upload = { role: 'user', content: [{ type: 'container_upload', file_id: 'file_1' }] };
    const snapshot = (firstMessage: number | null) => ({
      turns: [{ ...turnOf([exchange({})]), firstMessage }],
      messages: [upload],
      prefix: null,
      unfinished: null,
    });
    const figures = (firstMessage: number | null) => {
      const { lowUsd, highUsd } = estimateCost(snapshot(firstMessage) as never);
      return [lowUsd, highUsd];
    };
    expect(figures(0)).toEqual([FIVE_MINUTES, FIVE_MINUTES]);
    expect(figures(null)).toEqual([0, FIVE_MINUTES]);
  });

  it('of a container that was only named is in the high figure', () => {
    const { lowUsd, highUsd } = withCode([]);
    expect([lowUsd, highUsd]).toEqual([0, FIVE_MINUTES]);
  });
});

describe('the source', () => {
  it('may hold a turn and the one that went on with it: what they share counts once', () => {
    const first = exchange({ input_tokens: 1e6 });
    const ran = execution('srvtoolu_1', 1);
    const paused = turnOf([first], [ran]);
    const resumed = turnOf([first, exchange({ input_tokens: 1e6 })], [ran]);
    const both = estimateCost([paused, resumed]);
    expect(both.lines.find(({ what }) => what === 'input')?.low).toBe(2e6);
    expect(both.lines.find(({ what }) => what === 'container')?.high).toBeCloseTo(1 / 12, 14);
    expect(notesOf(both)).toContainEqual(expect.stringContaining('counted once'));
    // Two that are alike within one turn are two.
    expect(estimateCost(turnOf([first, first])).lowUsd).toBe(8);
  });

  it.each([
    [null, 'got null. Pass what'],
    [undefined, 'got undefined'],
    [42, 'got 42'],
    ['{}', 'Parse the JSON first'],
    [{}, 'an object with no keys'],
    [Promise.resolve(1), 'await it first'],
    [{ turn() {} }, 'running turn'],
    [{ toJSON() {} }, 'session.toJSON()'],
    [{ usage: {}, content: [] }, 'turnFrom(params, [message])'],
    [[1], 'got 1'],
    [[[{ exchanges: [] }]], 'an array of 1'],
    [{ turns: [null] }, 'got null'],
    [(async function* () {})(), 'Read it to its end'],
  ])('is refused with the cure: %#', (source, text) => {
    expect(() => estimateCost(source as never)).toThrow(
      expect.objectContaining({ name: 'InvalidInputError', message: expect.stringContaining(text) }),
    );
  });

  it('may hold anything in its fields, and be any iterable', () => {
    const odd = {
      exchanges: [null, 1, 'x', [], {}, Object.create(null)],
      executions: [null, {}, 'x'],
      messages: [null],
    };
    const { lowUsd, complete } = estimateCost(odd as never);
    expect([Number.isFinite(lowUsd), complete]).toEqual([true, false]);
    expect(estimateCost([]).lines).toEqual([]);
    expect(estimateCost(new Set([turnOf([exchange({ input_tokens: 1e6 })])])).lowUsd).toBe(4);
    const polluted = JSON.parse(
      '{"__proto__": {"input_tokens": 1e6}, "input_tokens": 1e6, "output_tokens": 0}',
    );
    expect(estimateCost(turnOf([{ ...exchange({}), usage: polluted }])).lowUsd).toBe(4);
    expect({}).not.toHaveProperty('input_tokens');
  });
});

describe('prices and options', () => {
  const [opus] = prices.models.filter(({ model }) => model === 'claude-opus-5-5');
  it('can be replaced: another price, a gateway of one’s own, and whole tables', () => {
    const mine = { ...opus, model: 'gateway/opus', input: 1 } as (typeof prices.models)[number];
    const table = {
      ...prices,
      models: [...prices.models, mine, { ...mine, model: 'claude-opus-5-5', input: 2 }],
    };
    const at = (model: string) => usdOf({ input_tokens: 1e6 }, { model }, { prices: table });
    expect([at('gateway/opus'), at('claude-opus-5-5'), at('claude-opus-5')]).toEqual([1, 2, 5]);
  });

  it.each([
    [null, 'prices.models must be a list of rows, got undefined'],
    [{ ...prices, models: {} }, 'prices.models must be a list'],
    [{ ...prices, models: [null] }, 'prices.models[0].model must be a text'],
    [
      { ...prices, models: [{ ...opus, output: '20' }] },
      'prices.models[0].output must be a number of at least 0, got "20"',
    ],
    [{ ...prices, models: [{ ...opus, input: Number.NaN }] }, 'prices.models[0].input must be'],
    [
      { ...prices, models: [{ ...opus, since: 'soon' }] },
      'prices.models[0].since must be an ISO date, got "soon"',
    ],
    [
      { ...prices, models: [{ ...opus, longPrompt: { overTokens: 1 } }] },
      'prices.models[0].longPrompt.input',
    ],
    [{ ...prices, models: [{ ...opus, source: '' }] }, 'prices.models[0].source must be a text'],
    [{ ...prices, batchMultiplier: -1 }, 'prices.batchMultiplier must be'],
    [{ ...prices, geoMultipliers: { us: null } }, 'prices.geoMultipliers.us must be'],
    [{ ...prices, container: undefined }, 'prices.container.usdPerHour must be'],
    [Object.create(prices), 'prices.batchMultiplier must be a number of at least 0, got undefined'],
  ])('are checked before anything is calculated: %#', (table, text) => {
    expect(() => estimateCost([], { prices: table as never })).toThrow(
      expect.objectContaining({ name: 'InvalidInputError', message: expect.stringContaining(text) }),
    );
  });

  it.each([
    [null, 'options must be an object'],
    [[], 'options must be an object'],
    [{ price: 1 }, 'There is no option price. The options are prices, batch, webTools, files, freeHours.'],
    [{ batch: 'yes' }, 'options.batch must be true or false, got "yes"'],
    [{ freeHours: Number.NaN }, 'options.freeHours must be a number of at least 0, got NaN'],
  ])('refuses options: %#', (options, text) => {
    expect(() => estimateCost([], options as never)).toThrow(text);
  });

  it('the own table is frozen, dated, and names a source for each row', () => {
    expect(() => Object.assign(prices.models[0] as object, { input: 0 })).toThrow(TypeError);
    for (const { model, asOf, source, ...row } of prices.models) {
      expect(asOf, model).toMatch(/^2026-\d\d-\d\d$/);
      expect(source, model).toMatch(/^https:\/\//);
      expect(row.thirdParty === true, model).toBe(!source.startsWith('https://platform.claude.com/'));
      // As the price page says of all models: multipliers of the input price.
      expect(row.cacheWrite5m, model).toBeCloseTo(row.input * 1.25, 12);
      expect(row.cacheWrite1h, model).toBeCloseTo(row.input * 2, 12);
      expect(row.output, model).toBeCloseTo(row.input * 5, 12);
    }
  });
});
