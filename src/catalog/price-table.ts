import { assertInput } from '../errors.ts';
import { fieldsOf, timeOf } from './foreign.ts';
import { modelName } from './model-id.ts';
import type { ModelPrice, PriceTable } from './prices.ts';

const TOKEN_PRICES = ['input', 'output', 'cacheWrite5m', 'cacheWrite1h', 'cacheRead'];
const CURE = 'Begin with `prices` of this package, such as { ...prices, models: [...prices.models, mine] }.';

/**
 * Checks a table of a caller's.
 *
 * @throws {InvalidInputError} naming the field.
 */
export function assertPrices(value: unknown): asserts value is PriceTable {
  const { models, geoMultipliers, container, ...table } = fieldsOf(value);
  assertInput(Array.isArray(models), 'prices.models must be a list of rows', models, CURE);
  for (const [index, one] of (models as unknown[]).entries()) assertRow(one, `prices.models[${index}]`);
  assertAmounts(table, ['batchMultiplier', 'webSearchUsd'], 'prices');
  assertText(table['asOf'], 'prices.asOf', 'an ISO date');
  assertText(table['source'], 'prices.source', 'where the prices were read');
  const isMap = typeof geoMultipliers === 'object' && geoMultipliers !== null;
  assertInput(isMap, 'prices.geoMultipliers must be an object', geoMultipliers, CURE);
  assertAmounts(fieldsOf(geoMultipliers), Object.keys(fieldsOf(geoMultipliers)), 'prices.geoMultipliers');
  const hours = ['usdPerHour', 'minimumMinutes', 'freeHoursPerMonth'];
  assertAmounts(fieldsOf(container), hours, 'prices.container');
}

function assertRow(row: unknown, where: string): void {
  const { model, since, longPrompt, fastMultiplier, asOf, source } = fieldsOf(row);
  assertText(model, `${where}.model`, 'the id of a model');
  assertAmounts(fieldsOf(row), TOKEN_PRICES, where);
  if (since !== undefined)
    assertInput(timeOf(since) !== null, `${where}.since must be an ISO date`, since, CURE);
  if (fastMultiplier !== undefined) assertAmounts({ fastMultiplier }, ['fastMultiplier'], where);
  if (longPrompt !== undefined)
    assertAmounts(fieldsOf(longPrompt), ['overTokens', ...TOKEN_PRICES], `${where}.longPrompt`);
  assertText(asOf, `${where}.asOf`, 'an ISO date');
  assertText(source, `${where}.source`, 'where the price was read');
}

function assertAmounts(
  fields: Readonly<Record<string, unknown>>,
  names: readonly string[],
  where: string,
): void {
  for (const name of names) {
    const amount = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const isAmount = typeof amount === 'number' && amount >= 0 && amount < Number.POSITIVE_INFINITY;
    assertInput(isAmount, `${where}.${name} must be a number of at least 0`, amount, CURE);
  }
}

function assertText(value: unknown, where: string, what: string): void {
  assertInput(typeof value === 'string' && value !== '', `${where} must be a text: ${what}`, value, CURE);
}

/** The row that held for a model at a time, in milliseconds; now where the time is not known. */
export type PriceOf = (model: string, time: number | null) => ModelPrice | undefined;

/** Finds rows: of one model the last that had begun, and the earliest where none had. */
export function priceFinder({ models }: PriceTable): PriceOf {
  const rowsOf = new Map<string, ModelPrice[]>();
  for (const row of models) rowsOf.set(row.model, [...(rowsOf.get(row.model) ?? []), row]);
  const began = ({ since }: ModelPrice) => timeOf(since) ?? Number.NEGATIVE_INFINITY;
  for (const rows of rowsOf.values()) rows.sort((one, other) => began(one) - began(other));
  return (model, time) => {
    const rows = rowsOf.get(model) ?? rowsOf.get(modelName(model));
    return rows?.findLast((row) => time === null || began(row) <= time) ?? rows?.[0];
  };
}
