import { frozen } from './foreign.ts';

/** Prices of one model in USD per million tokens. */
export interface TokenPrices {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

/** A row of a {@link PriceTable}: what one model costs, and where that was read. */
export interface ModelPrice extends TokenPrices {
  /**
   * `claude-opus-5-5`: the id without its date. A row with an id in full, such as a gateway's, goes first.
   */
  readonly model: string;
  /** ISO date from which the row holds, where the price changed; of several rows the last that had begun. */
  readonly since?: string;
  /** Prices of the whole request where its prompt has more tokens; those of caches count, too. */
  readonly longPrompt?: TokenPrices & { readonly overTokens: number };
  /** What fast mode multiplies the prices with. Without it no price of a fast response is known. */
  readonly fastMultiplier?: number;
  /** ISO date when the source was read. */
  readonly asOf: string;
  readonly source: string;
  /** The source is not Anthropic's own. */
  readonly thirdParty?: true;
}

/** What `estimateCost` calculates with. Plain data, to replace in part or as a whole. */
export interface PriceTable {
  readonly models: readonly ModelPrice[];
  /** What the Batches API multiplies all token prices with. */
  readonly batchMultiplier: number;
  /** What all token prices are multiplied with, by `usage.inference_geo`. */
  readonly geoMultipliers: Readonly<Record<string, number>>;
  /** USD per web search. Web fetches cost their tokens alone. */
  readonly webSearchUsd: number;
  readonly container: {
    readonly usdPerHour: number;
    /** The shortest time that is billed. */
    readonly minimumMinutes: number;
    /** What an organization has free each month; `freeHours` says how much of it is left. */
    readonly freeHoursPerMonth: number;
  };
  /** ISO date when all that is no model's was read, and where. */
  readonly asOf: string;
  readonly source: string;
}

const PAGE = 'https://platform.claude.com/docs/en/about-claude/pricing';
const GUIDE = 'https://platform.claude.com/docs/en/models';
/** Others' notes of the day when they compared their tables with the page. */
const OTHERS = 'https://github.com';

function perMillion([input = 0, output = 0, write5m = 0, write1h = 0, cacheRead = 0]: readonly number[]) {
  return { input, output, cacheWrite5m: write5m, cacheWrite1h: write1h, cacheRead };
}

type Facts = Partial<Omit<ModelPrice, 'model' | keyof TokenPrices>>;

/** Input, output, cache writes of five minutes and of an hour, cache reads. */
function row(model: string, amounts: readonly number[], facts: Facts = {}): ModelPrice {
  return { model, ...perMillion(amounts), asOf: '2026-09-23', source: PAGE, ...facts };
}

/**
 * What the API costs, as far as a source for it was found in November 2026. Each row says when and where it
 * was read. Mythos 5.2 is not in it: no source gives its price.
 *
 * @example
 * ```ts
 * const mine = { ...prices, models: [...prices.models, { ...row, model: 'my-gateway/claude' }] };
 * estimateCost(turn, { prices: mine });
 * ```
 */
export const prices: PriceTable = /* @__PURE__ */ frozen<PriceTable>({
  models: [
    row('claude-fable-5-2', [8, 40, 10, 16, 0.2], {
      asOf: '2026-11-26',
      source: `${OTHERS}/archid21/rightsize/releases/tag/v0.10.2`,
      thirdParty: true,
    }),
    row('claude-fable-5-1', [10, 50, 12.5, 20, 0.25]),
    row('claude-mythos-5-1', [10, 50, 12.5, 20, 0.25]),
    row('claude-fable-5', [10, 50, 12.5, 20, 1]),
    row('claude-mythos-5', [10, 50, 12.5, 20, 1]),
    row('claude-opus-5-5', [4, 20, 5, 8, 0.2], { fastMultiplier: 2 }),
    row('claude-opus-5', [5, 25, 6.25, 10, 0.5], { fastMultiplier: 2 }),
    row('claude-opus-4-8', [5, 25, 6.25, 10, 0.5], { fastMultiplier: 2 }),
    row('claude-opus-4-7', [5, 25, 6.25, 10, 0.5]),
    row('claude-opus-4-6', [5, 25, 6.25, 10, 0.5]),
    row('claude-opus-4-5', [5, 25, 6.25, 10, 0.5]),
    row('claude-sonnet-5-5', [2, 10, 2.5, 4, 0.2], {
      asOf: '2026-09-29',
      source: `${GUIDE}/sonnet-5-5/overview`,
    }),
    row('claude-sonnet-5-5', [2, 10, 2.5, 4, 0.1], {
      since: '2026-10-07',
      asOf: '2026-10-24',
      source: `${OTHERS}/kurofune/claudit/releases/tag/v1.9.2`,
      thirdParty: true,
    }),
    row('claude-sonnet-5', [2, 10, 2.5, 4, 0.2]),
    row('claude-sonnet-4-6', [3, 15, 3.75, 6, 0.3]),
    row('claude-sonnet-4-5', [3, 15, 3.75, 6, 0.3]),
    row('claude-haiku-5-5', [0.1, 0.5, 0.125, 0.2, 0.01], {
      longPrompt: { overTokens: 100_000, ...perMillion([0.5, 2.5, 0.625, 1, 0.05]) },
      asOf: '2026-10-24',
      source: `${GUIDE}/haiku-5-5/overview`,
    }),
    row('claude-haiku-4-5', [1, 5, 1.25, 2, 0.1]),
  ],
  batchMultiplier: 0.5,
  // Models before Opus 4.6 have no choice of place, and report `not_available`.
  geoMultipliers: { global: 1, not_available: 1, us: 1.1 },
  webSearchUsd: 0.01,
  container: { usdPerHour: 0.05, minimumMinutes: 5, freeHoursPerMonth: 1550 },
  asOf: '2026-09-23',
  source: PAGE,
});
