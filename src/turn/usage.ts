import { isRecord } from '../wire/blocks.ts';

/**
 * Token counters as the API names them (`input_tokens`, `output_tokens`,
 * `cache_read_input_tokens` …), each as it was sent: numbers, nested counters,
 * texts such as `service_tier`, or `null`. Open, since counters come and go.
 */
export interface ResponseUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly [counter: string]: unknown;
}

/** Counters summed over the exchanges of a turn. Every continuation sends, and bills, the history again. */
export type TurnUsage = ResponseUsage;

export const NO_USAGE: ResponseUsage = { input_tokens: 0, output_tokens: 0 };

/** Each counter summed over exchanges; of texts the last one. */
export function usageOf(exchanges: readonly { readonly usage: ResponseUsage }[]): ResponseUsage {
  return exchanges.reduce((sum, { usage }) => add(sum, usage), NO_USAGE);
}

/**
 * A later report of the same response: counters are cumulative,
 * so what is there replaces, and what is absent or null stays.
 */
export function mergeReports(earlier: ResponseUsage, later: object): ResponseUsage {
  const merged: Record<string, unknown> = { ...earlier };
  for (const [name, value] of Object.entries(later)) {
    const counter = Object.hasOwn(NO_USAGE, name) ? countOf(value) : bounded(value, 1);
    if (counter !== null && counter !== undefined) merged[name] = counter;
  }
  return merged as ResponseUsage;
}

/** A counter that every response has; gateways were seen to send texts. What is no count says nothing. */
function countOf(value: unknown): number | null {
  const count = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof count === 'number' && count >= 0 && count <= Number.MAX_SAFE_INTEGER ? count : null;
}

/** Deeper than any counters are. */
const DEEPEST = 8;

/** The value, with `null` for what is nested too deeply to be counters. */
function bounded(value: unknown, depth: number): unknown {
  // JSON can write a number that is none.
  if (typeof value === 'number' && !Number.isFinite(value)) return null;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST) return null;
  if (Array.isArray(value)) return value.map((one) => bounded(one, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, bounded(one, depth + 1)]));
}

function add<T extends Readonly<Record<string, unknown>>>(
  sum: T,
  other: Readonly<Record<string, unknown>>,
): T {
  const result: Record<string, unknown> = { ...sum };
  for (const [key, value] of Object.entries(other)) {
    const before = result[key];
    if (typeof value === 'number') result[key] = (typeof before === 'number' ? before : 0) + value;
    else if (isRecord(value)) result[key] = add(isRecord(before) ? before : {}, value);
    // Texts name what served the latest response; null says nothing.
    else if (value !== null || !(key in result)) result[key] = value;
  }
  return result as T;
}
