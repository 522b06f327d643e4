import { typed } from '../errors.ts';
import { factsOf } from '../sdk/failures.ts';
import { asked, isEnded } from './ask.ts';
import { checkedLedger } from './check-ledger.ts';
import { assertBatchesClient, type BatchesClient } from './client.ts';
import { BatchError } from './errors.ts';
import type { BatchLedger } from './ledger.ts';

import { assertOptions, type BatchOptions, batchFailure } from './options.ts';

/**
 * Cancels the batches of the last round that still run, and gives their ids. Items that were begun may
 * still come to their end, and are billed; the others are `canceled`. Wait for it as for any end.
 *
 * @example
 * ```ts
 * await cancelBatch(client, ledger);
 * await waitForBatch(client, ledger);
 * ```
 */
export async function cancelBatch(
  client: BatchesClient,
  ledger: BatchLedger,
  options: BatchOptions = {},
): Promise<string[]> {
  return typed('cancelBatch', async () => {
    assertBatchesClient(client, 'cancelBatch');
    assertOptions('cancelBatch', options);
    const { rounds } = await checkedLedger(ledger);
    const canceled: string[] = [];
    try {
      for (const { id } of rounds.at(-1)?.batches ?? []) {
        if (await isEnded(client, id, options)) continue;
        await asked(client, options, (request) => client.messages.batches.cancel(id, undefined, request));
        canceled.push(id);
      }
      return canceled;
    } catch (error) {
      throw batchFailure('cancelBatch', error, ledger, options.signal);
    }
  });
}

/**
 * Deletes all batches of a run with their results, and gives their ids. Those that are not there
 * any more are passed. Files that code wrote stay: see `deleteFiles`.
 *
 * @throws {BatchError} `not_ended`, before anything is deleted, while one still runs.
 *
 * @example
 * ```ts
 * await deleteBatch(client, ledger);
 * ```
 */
export async function deleteBatch(
  client: BatchesClient,
  ledger: BatchLedger,
  options: BatchOptions = {},
): Promise<string[]> {
  return typed('deleteBatch', async () => {
    assertBatchesClient(client, 'deleteBatch');
    assertOptions('deleteBatch', options);
    const { rounds } = await checkedLedger(ledger);
    const ids = rounds.flatMap(({ batches }) => batches.map(({ id }) => id));
    const deleted: string[] = [];
    try {
      for (const id of ids) {
        if (await isEnded(client, id, options).catch(passMissing)) continue;
        const message = `${id} has not ended: cancelBatch and waitForBatch first. Nothing was deleted.`;
        throw new BatchError(message, { code: 'not_ended', ledger });
      }
      for (const id of ids) {
        const isDeleted = await asked(client, options, async (request) => {
          await client.messages.batches.delete(id, undefined, request);
          return true;
        }).catch((error) => !passMissing(error));
        if (isDeleted) deleted.push(id);
      }
      return deleted;
    } catch (error) {
      throw batchFailure('deleteBatch', error, ledger, options.signal);
    }
  });
}

/** One that is not there has nothing left to delete. */
function passMissing(error: unknown): true {
  if (factsOf(error).status === 404) return true;
  throw error;
}
