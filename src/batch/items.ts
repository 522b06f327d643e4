import type { Message, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError, isInvalidInputError, quoted, reasonOf } from '../errors.ts';
import { type PreparedParams, prepareParams, type TurnParams } from '../request/params.ts';
import { differingParts, isReordered, type Prefix, prefixOf } from '../request/prefix.ts';
import type { RequestParams, Turn } from '../turn/turn.ts';
import { turnFrom } from '../turn/turn-from.ts';
import { isRecord } from '../wire/blocks.ts';
import { BatchError } from './errors.ts';
import type { BatchLedger } from './ledger.ts';
import type { BatchItemError } from './results.ts';

/**
 * One turn to be run: its id is yours, unique over the whole run, of 1 to 64 letters, digits, `_` and `-`.
 */
export interface BatchInput {
  readonly customId: string;
  readonly params: TurnParams;
}

/** Gives the params of an item again: the API does not return them. They must be what they were at first. */
export type ParamsFor = (customId: string) => TurnParams | PromiseLike<TurnParams>;

/** What all items have. */
interface Item {
  readonly customId: string;
  /** The round of its last result, from 0. */
  readonly round: number;
  readonly batchId: string;
}

/** An item with an answer. `paused` and `awaiting-tools` can go on: see `continueBatch`. */
export interface AnsweredItem extends Item {
  readonly status: 'ended' | 'paused' | 'awaiting-tools';
  /**
   * The turn over all rounds of the item, made when it is first read. Without `paramsFor` its `messages`
   * begin with the first response, and its `checkpoint` cannot be resumed: `continueBatch` goes on with it.
   */
  readonly turn: Turn;
}

/** An item that the API, or the way from it, failed. */
export interface ErroredItem extends Item {
  readonly status: 'errored';
  readonly error: BatchItemError;
  /** The same again may succeed: `continueBatch` sends it again with `retry: ['errored']`. */
  readonly retryable: boolean;
  /** What came of its earlier rounds; `null` without any. */
  readonly turn: Turn | null;
}

/** An item that was not answered: the batch was canceled, or took longer than 24 hours. */
export interface UnansweredItem extends Item {
  readonly status: 'canceled' | 'expired';
  /** What came of its earlier rounds; `null` without any. */
  readonly turn: Turn | null;
}

/** What came of one item. */
export type BatchItem = AnsweredItem | ErroredItem | UnansweredItem;

/** The responses of an item in order, with the user messages that answered their calls. */
export type History = readonly (Message | MessageParam)[];

const CUSTOM_ID = /^[a-zA-Z0-9_-]{1,64}$/;

/**
 * The items as they come.
 *
 * @throws {BatchError} `items_failed` with what the source threw.
 */
export async function* inputsOf(
  items: AsyncIterable<BatchInput> | Iterable<BatchInput>,
  ledger: () => BatchLedger,
): AsyncGenerator<BatchInput> {
  let count = 0;
  try {
    for await (const item of items) {
      count++;
      yield item;
    }
  } catch (cause) {
    const message = `The items failed after ${count} of them: ${reasonOf(cause)}. error.ledger holds what was submitted.`;
    throw new BatchError(message, { code: 'items_failed', ledger: ledger(), cause });
  }
}

/** @throws {InvalidInputError} for what cannot be iterated. */
export function assertItems(items: unknown): void {
  const isIterable =
    typeof items === 'object' &&
    items !== null &&
    (Symbol.iterator in items || Symbol.asyncIterator in items);
  assertInput(isIterable, 'items must be a list or an iterable of { customId, params }', items);
}

/** @throws {InvalidInputError} for an item without an id that the API takes. */
export function assertCustomId(item: unknown, index: number): asserts item is BatchInput {
  assertInput(isRecord(item), `items[${index}] must be { customId, params }`, item);
  const { customId } = item;
  const isId = typeof customId === 'string' && CUSTOM_ID.test(customId);
  const rule = `items[${index}].customId must have 1 to 64 letters, digits, _ and -`;
  assertInput(isId, rule, customId);
}

/**
 * What is sent for an item, as a turn's params are prepared.
 *
 * @throws {InvalidInputError} naming the item.
 */
export function prepareItem(customId: string, params: TurnParams, addTool: boolean): PreparedParams {
  try {
    const { stream } = (isRecord(params) ? params : {}) as { readonly stream?: unknown };
    if (stream !== undefined) throw new InvalidInputError('params.stream is not for batches: leave it out.');
    return prepareParams(params, { addTool });
  } catch (error) {
    if (!isInvalidInputError(error)) throw error;
    const { message } = error;
    throw new InvalidInputError(`Item ${quoted(customId)}: ${message}`, { cause: error });
  }
}

/**
 * The params of an item of an earlier round, as they were sent.
 *
 * @throws {InvalidInputError} where what stands before the messages has changed: a batch drops thinking
 * without a word.
 * @throws {BatchError} `items_failed` with what `paramsFor` threw.
 */
export async function paramsAgain(
  customId: string,
  paramsFor: ParamsFor,
  shape: Prefix,
  { ledger, addTool }: { readonly ledger: BatchLedger; readonly addTool: boolean },
): Promise<PreparedParams> {
  let given: TurnParams;
  try {
    given = await paramsFor(customId);
  } catch (cause) {
    const message = `paramsFor(${quoted(customId)}) threw: ${reasonOf(cause)}.`;
    throw new BatchError(message, { code: 'items_failed', ledger, customId, cause });
  }
  const prepared = prepareItem(customId, given, addTool);
  const { params } = prepared;
  const prefix = prefixOf(params);
  const changed = differingParts(shape, prefix);
  if (changed.length > 0) {
    throw new InvalidInputError(
      `Item ${quoted(customId)}: paramsFor gave another ${changed.join(' and ')} than the item was begun with. ` +
        'Claude would lose its thinking without a word: give what was sent at first.',
    );
  }
  if (!isReordered(shape, prefix)) return prepared;
  const { system, tools } = shape;
  const asSent = { ...params, tools: [...tools], ...(system === null ? {} : { system }) } as RequestParams;
  return { ...prepared, params: asSent };
}

/** Params for a turn that is only read. */
export function withoutMessages({ model, system, tools }: Prefix): RequestParams {
  return {
    model,
    max_tokens: 1,
    messages: [],
    tools: [...tools],
    ...(system === null ? {} : { system }),
  } as RequestParams;
}

/** The turn of an item. */
export function turnOf(history: History, { params, parse }: Pick<PreparedParams, 'params' | 'parse'>): Turn {
  return turnFrom(params, history, { parse });
}
