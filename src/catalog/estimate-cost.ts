import { assertInput, InvalidInputError, typed } from '../errors.ts';
import type { TurnState } from '../turn/state.ts';
import { ContainerTime } from './container-cost.ts';
import { type CostLine, CostLines } from './cost-lines.ts';
import { type CostSource, turnsIn } from './cost-source.ts';
import { assertPrices, priceFinder } from './price-table.ts';
import { prices as ownPrices, type PriceTable } from './prices.ts';
import { addExchange } from './token-costs.ts';

/** Options of {@link estimateCost}, all optional. */
export interface CostOptions {
  /** Default the `prices` of this package. */
  readonly prices?: PriceTable | undefined;
  /** All tokens at the price of batches, or none of them. Default as each `usage.service_tier` says. */
  readonly batch?: boolean | undefined;
  /**
   * Whether `web_search_20260209`, `web_fetch_20260209` or a later one was among the tools: then code costs
   * nothing beside its tokens. Default as the tools of a checkpoint or snapshot say; a turn does not hold
   * them.
   */
  readonly webTools?: boolean | undefined;
  /**
   * Whether files were attached: a container is billed then, also when no code runs. Default as messages
   * say.
   */
  readonly files?: boolean | undefined;
  /** Container hours of this month that your organization has left for free. Default none are taken off. */
  readonly freeHours?: number | undefined;
}

/**
 * What turns cost, in USD, with every line and assumption that leads to it. Plain JSON; nothing is rounded.
 */
export interface CostEstimate {
  /** The sum in the cheapest reading of what is not documented, and in the dearest. */
  readonly lowUsd: number;
  readonly highUsd: number;
  /** `false` where something has no known price (`unpriced` lines): it is in neither sum. */
  readonly complete: boolean;
  readonly lines: readonly CostLine[];
}

const FLAGS = ['batch', 'webTools', 'files'] as const;
const NAMES: readonly string[] = ['prices', ...FLAGS, 'freeHours'];

/**
 * What turns cost: tokens at the prices of their models, web searches, and container time. The bill is
 * Anthropic's; this is an estimate, between a low and a high figure where the rules leave room, and its
 * lines say why.
 *
 * Takes a `Turn`, a `TurnState`, a checkpoint, `session.toJSON()`, or a list of these, in which an exchange
 * that comes twice counts once. A model without a price gives an `unpriced` line, and `complete: false`.
 *
 * @throws {InvalidInputError} for other sources, unknown options, and a price table that is not whole.
 *
 * @example
 * ```ts
 * const { lowUsd, highUsd, lines } = estimateCost(turn);
 * console.log(`${lowUsd.toFixed(4)} to ${highUsd.toFixed(4)} USD`);
 * ```
 */
export function estimateCost(source: CostSource, options: CostOptions = {}): CostEstimate {
  return typed('estimateCost', () => {
    assertOptions(options);
    const { prices: table = ownPrices, batch, webTools, files, freeHours } = options;
    assertPrices(table);
    const lines = new CostLines();
    const time = new ContainerTime(lines, { table, webTools, files, freeHours });
    const priceOf = priceFinder(table);
    for (const turn of turnsIn(source)) {
      const { exchanges, mayLoop, repeated } = turn;
      for (const exchange of exchanges) addExchange(lines, exchange, { table, priceOf, batch, mayLoop });
      time.add(turn);
      const note = 'Exchanges that came again, as a resumed turn has them, are counted once.';
      lines.note('assumption', 'exchange', note, repeated);
    }
    time.finish();
    const all = lines.all();
    return {
      lowUsd: all.reduce((sum, { lowUsd }) => sum + (lowUsd ?? 0), 0),
      highUsd: all.reduce((sum, { highUsd }) => sum + (highUsd ?? 0), 0),
      complete: all.every(({ what }) => what !== 'unpriced'),
      lines: all,
    };
  });
}

/**
 * A `stopWhen` that ends a turn as `paused`, with its checkpoint, once its high figure reaches so many USD.
 * It is asked between two responses, so the one that reaches the limit is paid in full. For a budget of a
 * session pass what is left of it.
 *
 * @throws {InvalidInputError} for wrong prices and amounts; and, when it is asked, where something in the
 * state has no price: the turn then ends with a `TurnInterruptedError` of code `stop_when_failed`, and its
 * checkpoint.
 *
 * @example
 * ```ts
 * const turn = await runTurn(client, params, { stopWhen: maxCost(prices, 0.5) });
 * if (turn.outcome === 'paused') console.log('The budget is spent.', turn.checkpoint);
 * ```
 */
export function maxCost(
  prices: PriceTable,
  usd: number,
  options: Omit<CostOptions, 'prices'> = {},
): (state: TurnState) => boolean {
  return typed('maxCost', () => {
    const isAmount = typeof usd === 'number' && usd >= 0;
    assertInput(isAmount, 'The second argument of maxCost must be an amount of USD, at least 0', usd);
    assertPrices(prices);
    assertOptions(options);
    return (state) => {
      const { highUsd, lines } = estimateCost(state, { ...options, prices });
      const unpriced = lines.find(({ what }) => what === 'unpriced');
      if (unpriced) throw new InvalidInputError(`maxCost cannot hold a limit: ${unpriced.note}`);
      return highUsd >= usd;
    };
  });
}

function assertOptions(options: unknown): asserts options is CostOptions {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  assertInput(isObject, 'options must be an object', options);
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown) {
    throw new InvalidInputError(`There is no option ${unknown}. The options are ${NAMES.join(', ')}.`);
  }
  const { freeHours, ...given } = options as CostOptions;
  for (const name of FLAGS) {
    const value = given[name];
    const isFlag = value === undefined || typeof value === 'boolean';
    assertInput(isFlag, `options.${name} must be true or false`, value);
  }
  const isHours = freeHours === undefined || (typeof freeHours === 'number' && freeHours >= 0);
  assertInput(isHours, 'options.freeHours must be a number of at least 0', freeHours);
}
