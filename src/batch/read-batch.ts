import type { Message } from '@anthropic-ai/sdk/resources/messages';
import { typedError } from '../errors.ts';
import type { PreparedParams } from '../request/params.ts';
import type { Prefix } from '../request/prefix.ts';
import type { Turn } from '../turn/turn.ts';
import { checkedLedger } from './check-ledger.ts';
import { assertBatchesClient, type BatchesClient } from './client.ts';
import { paramsOf } from './go-on.ts';
import { type BatchItem, type ParamsFor, paramsAgain, turnOf, withoutMessages } from './items.ts';
import type { BatchLedger } from './ledger.ts';
import { assertOptions, batchFailure } from './options.ts';
import { type ReadItem, type ReadItemsOptions, readItems } from './read-items.ts';

/** Options of {@link readBatch}. */
export interface ReadBatchOptions extends ReadItemsOptions {
  /** Items of all rounds, each as it is by now. Default `false`: those of the last round. */
  readonly all?: boolean | undefined;
  /** Gives the params of each item, so that its turn has the whole history, a checkpoint, and `parsed`. */
  readonly paramsFor?: ParamsFor | undefined;
  /** As `createBatch` had it. */
  readonly addTool?: boolean | undefined;
  /** Longest silence of a body, in milliseconds. Default 290,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** How often a body that was cut is read again. Default 2. */
  readonly retries?: number | undefined;
}

/**
 * The items of a run, one at a time, in any order: at least once, since a process that dies reads them
 * again. The results are read as they arrive, and never held together. One that is damaged is an item with
 * an error.
 *
 * @throws {BatchError} `not_ended` before `waitForBatch`, `results_broken` where the body is cut again and
 * again.
 *
 * @example
 * ```ts
 * for await (const item of readBatch(client, ledger)) {
 *   if (item.status === 'ended') await put(item.customId, item.turn.answer);
 *   if (item.status === 'errored') console.error(item.customId, item.error.message, item.retryable);
 * }
 * ```
 */
export async function* readBatch(
  client: BatchesClient,
  ledger: BatchLedger,
  options: ReadBatchOptions = {},
): AsyncGenerator<BatchItem, void, undefined> {
  try {
    yield* readBatchItems(client, ledger, options);
  } catch (error) {
    throw typedError('readBatch', error);
  }
}

async function* readBatchItems(
  client: BatchesClient,
  ledger: BatchLedger,
  options: ReadBatchOptions,
): AsyncGenerator<BatchItem, void, undefined> {
  assertBatchesClient(client, 'readBatch');
  assertOptions('readBatch', options);
  const { all = false, paramsFor, addTool = true, signal } = options;
  const checked = await checkedLedger(ledger);
  const last = checked.rounds.length - 1;
  try {
    for await (const some of readItems(client, checked, (_, round) => all || round === last, options)) {
      for (const item of some) {
        const prepared = paramsFor && (await preparedFor(item, checked, paramsFor, addTool));
        yield itemOf(item, checked, prepared);
      }
    }
  } catch (error) {
    throw batchFailure('readBatch', error, checked, signal);
  }
}

/** The params of an item that has a turn. */
export async function preparedFor(
  { customId, shape, result, earlier }: ReadItem,
  ledger: BatchLedger,
  paramsFor: ParamsFor,
  addTool: boolean,
): Promise<PreparedParams | undefined> {
  if (!hasTurn(result, earlier)) return undefined;
  return paramsAgain(customId, paramsFor, ledger.shapes[shape] as Prefix, { ledger, addTool });
}

function hasTurn(result: ReadItem['result'], earlier: ReadItem['earlier']): boolean {
  return 'message' in result || earlier.some(({ role }) => role === 'assistant');
}

/** An item as its readers see it. */
export function itemOf(read: ReadItem, ledger: BatchLedger, prepared: PreparedParams | undefined): BatchItem {
  const { customId, placed, shape, result, earlier } = read;
  const { round, batch } = placed;
  const make = () => {
    const { params = withoutMessages(ledger.shapes[shape] as Prefix), parse = null } = prepared ?? {};
    return { params: paramsOf(read, params), parse };
  };
  if ('message' in result) {
    const { status, message } = result;
    let made: Turn | undefined;
    return {
      customId,
      round,
      batchId: batch.id,
      status,
      get turn() {
        made ??= turnOf([...earlier, message as Message], make());
        return made;
      },
    };
  }
  const turn = hasTurn(result, earlier) ? turnOf(earlier, make()) : null;
  return { customId, round, batchId: batch.id, ...result, turn };
}
