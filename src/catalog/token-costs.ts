import { quoted } from '../errors.ts';
import type { CostItem, CostLines } from './cost-lines.ts';
import type { PricedExchange } from './cost-source.ts';
import { type Fields, fieldsOf, listOf, textOf } from './foreign.ts';
import { cloudOf } from './model-id.ts';
import type { PriceOf } from './price-table.ts';
import type { ModelPrice, PriceTable, TokenPrices } from './prices.ts';

/** Tokens by what they cost. */
type Counts = Readonly<Record<keyof TokenPrices, number>> & {
  /** Written to caches, for how long is not said. */
  readonly written: number;
};

const ITEMS: Readonly<Record<keyof TokenPrices, CostItem>> = {
  input: 'input',
  output: 'output',
  cacheRead: 'cache-read',
  cacheWrite5m: 'cache-write-5m',
  cacheWrite1h: 'cache-write-1h',
};

/** What prices the tokens of an exchange, beside its usage. */
export interface TokenPricing {
  readonly table: PriceTable;
  readonly priceOf: PriceOf;
  /** All exchanges at the price of batches, or none; by their `service_tier` where it is not said. */
  readonly batch: boolean | undefined;
  readonly mayLoop: boolean;
}

/** Adds what the tokens and web searches of an exchange cost. */
export function addExchange(lines: CostLines, exchange: PricedExchange, pricing: TokenPricing): void {
  const { model, usage, interrupted } = exchange;
  if (!usage) {
    lines.note(
      'unpriced',
      'exchange',
      `No usage was reported of ${nameOf(model)}: its tokens are in no sum.`,
    );
    return;
  }
  if (interrupted) {
    const note = 'Responses that broke off cost at least what they had reported until then.';
    lines.note('assumption', 'exchange', note);
  }
  addSampling(lines, exchange, usage, pricing);
  for (const entry of listOf(usage['iterations'])) {
    const { type, model: other } = fieldsOf(entry);
    if (isPartOfSums(entry)) continue;
    // An advisor is another model, and a compaction a request of its own (types of the SDK, Nov 2026).
    const note = `Iterations of type ${quoted(type)} are billed beside the usage of their response.`;
    lines.note('assumption', 'exchange', note);
    addSampling(lines, { ...exchange, model: textOf(other) ?? model }, fieldsOf(entry), pricing);
  }
  const searches = countOf(lines, fieldsOf(usage['server_tool_use']), 'web_search_requests');
  const { webSearchUsd, source, asOf } = pricing.table;
  const amounts = { low: searches, high: searches, usdPerUnit: webSearchUsd };
  lines.add({
    what: 'web-search',
    unit: 'search',
    ...amounts,
    note: 'Searches that failed are free.',
    source,
    asOf,
  });
}

const isPartOfSums = (entry: unknown) =>
  ['message', 'fallback_message'].includes(String(fieldsOf(entry)['type']));

/** Adds the tokens of one usage, at the price of its model. */
function addSampling(
  lines: CostLines,
  { model, startedAt, usage: whole }: PricedExchange,
  usage: Fields,
  { table, priceOf, batch, mayLoop }: TokenPricing,
): void {
  const counts = countsOf(lines, usage);
  const tokens = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const row = priceOf(model, startedAt);
  const speed = speedOf(whole, row);
  if (!row || speed === null) {
    const note = row
      ? `No price of ${quoted(whole?.['speed'])} responses of ${nameOf(model)} is known.`
      : `No price of ${nameOf(model)} is known: add it to prices.models.`;
    lines.add({ what: 'unpriced', unit: 'token', model, low: tokens, high: tokens, usdPerUnit: null, note });
    return;
  }
  if (tokens === 0) return;
  if (row.since !== undefined && startedAt === null) {
    const note = 'When the response was made is not known, and its price has changed: the last one is taken.';
    lines.note('assumption', 'exchange', note);
  }
  const cloud = cloudOf(model);
  if (cloud)
    lines.note('assumption', 'exchange', `${cloud} has prices of its own: those of the API are taken.`);
  const marks: string[] = speed === 1 ? [] : [`fast (×${speed})`];
  const factor =
    speed * tierFactor(lines, whole, table, batch, marks) * geoFactor(lines, whole, table, marks);
  const add = (rates: TokenPrices, low: Counts, high: Counts, extra = '') => {
    const note = [...marks, ...(extra ? [extra] : [])].join(', ');
    const { source, asOf } = row;
    for (const [name, what] of Object.entries(ITEMS) as [keyof TokenPrices, CostItem][]) {
      const usdPerUnit = rates[name] * factor;
      // Five minutes is the default of the API, an hour the dearest that it can have been.
      const amounts = {
        low: low[name] + (name === 'cacheWrite5m' ? low.written : 0),
        high: high[name] + (name === 'cacheWrite1h' ? high.written : 0),
      };
      lines.add({ what, unit: 'token', model, ...amounts, usdPerUnit, note, source, asOf });
    }
  };
  if (counts.written > 0) {
    const note = 'For how long caches were written was not reported: five minutes (low), or an hour (high).';
    lines.note('assumption', 'exchange', note);
  }
  const { longPrompt } = row;
  if (!longPrompt || promptOf(counts) <= longPrompt.overTokens) {
    add(row, counts, counts);
    return;
  }
  const short = shortPart(lines, usage, counts, longPrompt.overTokens, mayLoop);
  const over = `prompt over ${longPrompt.overTokens.toLocaleString('en')} tokens`;
  add(row, short, NONE);
  add(longPrompt, minus(counts, short), counts, over);
  if (promptOf(short) === 0) return;
  const note = `Prompts of several rounds are one sum: each may be under the limit (low), or the whole is over it (high).`;
  lines.note('assumption', 'exchange', note);
}

const NONE: Counts = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  written: 0,
};

/** The most that can have been billed as short prompts, of a sum that is over the limit. */
function shortPart(lines: CostLines, usage: Fields, counts: Counts, limit: number, mayLoop: boolean): Counts {
  const rounds = listOf(usage['iterations']).filter(isPartOfSums);
  if (rounds.length === 0) return mayLoop ? counts : NONE;
  const long = rounds
    .map((round) => countsOf(lines, fieldsOf(round)))
    .filter((round) => promptOf(round) > limit)
    .reduce(plus, NONE);
  return minus(counts, long);
}

const combined = (one: Counts, other: Counts, combine: (one: number, other: number) => number): Counts => ({
  input: combine(one.input, other.input),
  output: combine(one.output, other.output),
  cacheRead: combine(one.cacheRead, other.cacheRead),
  cacheWrite5m: combine(one.cacheWrite5m, other.cacheWrite5m),
  cacheWrite1h: combine(one.cacheWrite1h, other.cacheWrite1h),
  written: combine(one.written, other.written),
});
const plus = (one: Counts, other: Counts) => combined(one, other, (a, b) => a + b);
const minus = (one: Counts, other: Counts) => combined(one, other, (a, b) => Math.max(0, a - b));

const promptOf = (counts: Counts) =>
  counts.input + counts.cacheRead + counts.cacheWrite5m + counts.cacheWrite1h + counts.written;

function countsOf(lines: CostLines, usage: Fields): Counts {
  const caches = fieldsOf(usage['cache_creation']);
  const cacheWrite5m = countOf(lines, caches, 'ephemeral_5m_input_tokens');
  const cacheWrite1h = countOf(lines, caches, 'ephemeral_1h_input_tokens');
  const written = countOf(lines, usage, 'cache_creation_input_tokens');
  return {
    input: countOf(lines, usage, 'input_tokens'),
    output: countOf(lines, usage, 'output_tokens'),
    cacheRead: countOf(lines, usage, 'cache_read_input_tokens'),
    cacheWrite5m,
    cacheWrite1h,
    written: Math.max(0, written - cacheWrite5m - cacheWrite1h),
  };
}

/** A counter; gateways were seen to send texts. What is no count is 0, and the estimate says so. */
function countOf(lines: CostLines, fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  const count = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof count === 'number' && count >= 0 && count <= Number.MAX_SAFE_INTEGER) return count;
  lines.note('unpriced', 'exchange', `${name} is no count, and is in no sum.`);
  return 0;
}

/** `null` where the price of that speed is not known. */
function speedOf(usage: Fields | null, row: ModelPrice | undefined): number | null {
  const speed = usage?.['speed'] ?? 'standard';
  if (speed === 'standard') return 1;
  return (speed === 'fast' ? row?.fastMultiplier : undefined) ?? null;
}

function tierFactor(
  lines: CostLines,
  usage: Fields | null,
  { batchMultiplier }: PriceTable,
  batch: boolean | undefined,
  marks: string[],
): number {
  const tier = usage?.['service_tier'];
  if (batch ?? tier === 'batch') {
    marks.push(`batch (×${batchMultiplier})`);
    return batchMultiplier;
  }
  if (tier === 'priority') {
    const note = 'Priority capacity is paid for by contract; it is taken at the standard price.';
    lines.note('assumption', 'exchange', note);
  }
  return 1;
}

function geoFactor(lines: CostLines, usage: Fields | null, table: PriceTable, marks: string[]): number {
  const geo = usage?.['inference_geo'] ?? 'global';
  const factor = Object.hasOwn(table.geoMultipliers, String(geo))
    ? table.geoMultipliers[String(geo)]
    : undefined;
  if (factor === undefined) {
    lines.note(
      'unpriced',
      'exchange',
      `What inference in ${quoted(geo)} costs more is not known, and in no sum.`,
    );
    return 1;
  }
  if (factor !== 1) marks.push(`inference in ${String(geo)} (×${factor})`);
  return factor;
}

const nameOf = (model: string) => (model === '' ? 'a response that names no model' : quoted(model));
