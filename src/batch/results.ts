import { isTyped, quoted, reasonOf } from '../errors.ts';
import { verdictOf } from '../sdk/failures.ts';
import { retryDelayMs } from '../sdk/retry.ts';
import { outcomeOf } from '../turn/state.ts';
import { asText, isRecord, type Message } from '../wire/blocks.ts';
import { sleep } from '../wire/signals.ts';
import { isTurnBreak } from '../wire/turn-break.ts';
import type { BatchesClient } from './client.ts';
import { BatchError } from './errors.ts';
import type { BatchLedger } from './ledger.ts';
import { type LineOptions, linesOf } from './lines.ts';

/** Why an item has no message, as the API or this package says. */
export interface BatchItemError {
  /**
   * The API's, such as `invalid_request_error`; or `unreadable_result`, `missing_result`, `unknown_result`.
   */
  readonly type: string;
  readonly message: string;
  readonly requestId: string | null;
  /** The result as it came, where it could not be understood; else `null`. */
  readonly raw: unknown;
}

/** What one item came to. */
export type BatchResult =
  | { readonly status: 'ended' | 'paused' | 'awaiting-tools'; readonly message: Message }
  | { readonly status: 'errored'; readonly error: BatchItemError; readonly retryable: boolean }
  | { readonly status: 'canceled' | 'expired' };

/** The result of one item. */
export interface GivenResult {
  readonly customId: string;
  readonly result: BatchResult;
}

/** How the results of a batch are read. */
export interface ResultsOptions extends LineOptions {
  /** How often a body that was cut is read again, from its start. */
  readonly retries: number;
  readonly ledger: BatchLedger;
  /** All items that the batch was sent with. */
  readonly expected: { has(customId: string): boolean; readonly size: number; keys(): Iterable<string> };
  /** Those whose results are wanted; default all. Others are not parsed. */
  readonly isWanted?: ((customId: string) => boolean) | undefined;
}

/** How lines of the API begin. */
const START = /^\{"custom_id":"([\w-]{1,64})"/;
/** Where a line that is no JSON may still say whose it is. */
const NAMED = /"custom_id"\s*:\s*"([\w-]{1,64})"/;

/**
 * The result of each wanted item, once, in the order of the API. A body that is cut is read again, and what
 * was given already is passed. An item whose line cannot be read, or does not come, is one with an error.
 *
 * @throws {BatchError} `results_broken` where the body could not be read to its end; what came has been
 * given.
 */
export async function* resultsOf(
  client: BatchesClient,
  batchId: string,
  options: ResultsOptions,
): AsyncGenerator<Iterable<GivenResult>> {
  const { expected, isWanted, retries, signal, ledger } = options;
  /** Items that are done with: given, or not wanted. */
  const done = new Set<string>();
  let unreadable = new Map<string, string>();
  let isAgain = false;
  const fail = (why: string, cause?: unknown) => {
    const message =
      `The results of ${batchId} ${why}. ${done.size} of ${expected.size} were read: ` +
      'read them again, and what was given comes again.';
    return new BatchError(message, { code: 'results_broken', ledger, cause, retryable: true });
  };
  // Parsed when they are asked for, some lines at a time: held together they would live long enough to cost
  // more than the parsing, and each by itself has to go through three generators (measured).
  function* given(lines: readonly unknown[]): Generator<GivenResult> {
    for (const line of lines) {
      // Where nothing is passed there is nothing to look for.
      const maySkip = typeof line === 'string' && (isWanted !== undefined || isAgain);
      const start = maySkip ? START.exec(line)?.[1] : undefined;
      if (start !== undefined && done.has(start)) continue;
      if (start !== undefined && isWanted?.(start) === false) {
        done.add(start);
        continue;
      }
      const read = readLine(line);
      if (!read) continue;
      const { customId, result } = read;
      if (!result) unreadable.set(customId, asText(line).slice(0, 1000));
      else if (!done.has(customId)) {
        done.add(customId);
        if (isWanted?.(customId) !== false) yield { customId, result };
      }
    }
  }
  for (let attempt = 0; ; attempt++) {
    isAgain = attempt > 0;
    unreadable = new Map();
    try {
      for await (const lines of linesOf(client, batchId, options)) {
        yield given(lines);
      }
      if (isComplete(expected, done) || attempt >= retries) break;
      await sleep(retryDelayMs(undefined, attempt), signal);
    } catch (error) {
      signal.throwIfAborted();
      // A socket that broke throws what the runtime has for it, which is no error of the SDK.
      const isCut = isTurnBreak(error) || !isTyped(error);
      if (!isCut && !verdictOf(error).passes) throw error;
      if (attempt >= retries) throw isCut ? fail(`broke off: ${reasonOf(error)}`, error) : error;
      await sleep(retryDelayMs(error, attempt), signal);
    }
  }
  if (isComplete(expected, done)) return;
  if (done.size === 0) throw fail('hold no line that can be read');
  for (const customId of expected.keys()) {
    if (done.has(customId) || isWanted?.(customId) === false) continue;
    yield [{ customId, result: lost(customId, unreadable) }];
  }
}

function isComplete(expected: ResultsOptions['expected'], done: ReadonlySet<string>): boolean {
  if (done.size < expected.size) return false;
  for (const customId of expected.keys()) if (!done.has(customId)) return false;
  return true;
}

function lost(customId: string, unreadable: ReadonlyMap<string, string>): BatchResult {
  const raw = unreadable.get(customId) ?? unreadable.get('');
  if (raw === undefined) {
    return errored('missing_result', `The batch has ended, and its results have no line for ${customId}.`);
  }
  return errored('unreadable_result', `The line of ${customId} cannot be read, also when read again.`, raw);
}

/** `undefined` for an empty line; without a result where the line cannot be read. */
function readLine(line: unknown): { customId: string; result: BatchResult | undefined } | undefined {
  let value = line;
  if (typeof line === 'string') {
    if (line.trim() === '') return undefined;
    try {
      value = JSON.parse(line);
    } catch {
      return { customId: NAMED.exec(line)?.[1] ?? '', result: undefined };
    }
  }
  const id = isRecord(value) ? value['custom_id'] : undefined;
  if (typeof id !== 'string' || id === '') return { customId: '', result: undefined };
  return { customId: id, result: readResult((value as Record<string, unknown>)['result']) };
}

function readResult(result: unknown): BatchResult {
  const { type, message, error } = (isRecord(result) ? result : {}) as Record<string, unknown>;
  switch (type) {
    case 'succeeded':
      if (!isMessage(message)) break;
      return { status: statusOf(message), message };
    case 'errored':
      return readError(error);
    case 'canceled':
    case 'expired':
      return { status: type };
  }
  const what =
    type === 'succeeded' ? `no message but ${quoted(message)}` : `the unknown type ${quoted(type)}`;
  return errored(
    'unknown_result',
    `The result has ${what}. A newer release of this package may know it.`,
    result,
  );
}

function statusOf(message: Message): 'ended' | 'paused' | 'awaiting-tools' {
  const outcome = outcomeOf(message);
  return outcome === 'paused' || outcome === 'awaiting-tools' ? outcome : 'ended';
}

function isMessage(value: unknown): value is Message {
  return isRecord(value) && value['role'] === 'assistant' && Array.isArray(value['content']);
}

/** `{ type: 'error', error: { type, message }, request_id }`, as a body of the API. */
function readError(body: unknown): BatchResult {
  const outer = isRecord(body) ? body : {};
  const inner = isRecord(outer['error']) ? outer['error'] : outer;
  const type = asText(inner['type']) || 'unknown_error';
  const requestId = asText(outer['request_id']) || null;
  const message = asText(inner['message']) || `The API gave no message with ${type}.`;
  const raw = isRecord(outer['error']) ? null : (body ?? null);
  const status = statusOfError(type);
  const retryable = status !== undefined && verdictOf({ status }).passes;
  return { status: 'errored', error: { type, message, requestId, raw }, retryable };
}

/** The status with which the API answers such an error elsewhere (documented). */
const STATUS: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]);

export function statusOfError(type: string): number | undefined {
  return STATUS.get(type);
}

function errored(type: string, message: string, raw: unknown = null): BatchResult {
  return { status: 'errored', error: { type, message, requestId: null, raw: raw ?? null }, retryable: false };
}
