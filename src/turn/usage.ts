import { isRecord } from '../wire/blocks.ts';

/**
 * Token counters as the API names them (`input_tokens`, `output_tokens`, `cache_read_input_tokens` …), each as it was
 * sent: numbers, nested counters, texts such as `service_tier`, or `null`. Open, since counters come and go.
 */
export interface ResponseUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly [counter: string]: unknown;
}

/** Counters summed over the responses of a turn. Every continuation sends, and bills, the history again. */
export interface TurnUsage extends ResponseUsage {
  /** What each response reported, in order. */
  readonly perResponse: readonly ResponseUsage[];
  /** What responses reported that broke off and were asked for again. */
  readonly interrupted: readonly ResponseUsage[];
}

export const NO_USAGE: TurnUsage = { input_tokens: 0, output_tokens: 0, perResponse: [], interrupted: [] };

/** The usage of a turn with one response's counters put in the place of what that response reported before. */
export function withResponseUsage(
  usage: TurnUsage,
  responseIndex: number,
  response: ResponseUsage,
): TurnUsage {
  const perResponse = [...usage.perResponse];
  // Responses without a report must not leave a hole, which JSON would turn into null.
  while (perResponse.length < responseIndex) perResponse.push({ input_tokens: 0, output_tokens: 0 });
  perResponse[responseIndex] = response;
  return turnUsage(perResponse, usage.interrupted);
}

/** The usage with what a response reported that broke off: it was billed. */
export function withInterrupted(
  { perResponse, interrupted }: TurnUsage,
  response: ResponseUsage | undefined,
): TurnUsage {
  return turnUsage(perResponse, response ? [...interrupted, response] : interrupted);
}

function turnUsage(perResponse: readonly ResponseUsage[], interrupted: readonly ResponseUsage[]): TurnUsage {
  return { ...sumOfUsage([...interrupted, ...perResponse]), perResponse, interrupted };
}

/** Each counter summed; of texts the last one. */
export function sumOfUsage(usages: readonly ResponseUsage[]): ResponseUsage {
  return usages.reduce(add, { input_tokens: 0, output_tokens: 0 });
}

/**
 * A later report of the same response: counters are cumulative, so what is there replaces, and what is absent or null
 * stays.
 */
export function mergeReports(earlier: ResponseUsage, later: object): ResponseUsage {
  const present = Object.entries(later).filter(([, value]) => value !== null && value !== undefined);
  return { ...earlier, ...Object.fromEntries(present) };
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
