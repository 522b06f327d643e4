import { InvalidInputError, typed } from '../errors.ts';
import { verdictOf } from '../sdk/failures.ts';
import { isRecord } from '../wire/blocks.ts';
import { sleep, withOwnSignal } from '../wire/signals.ts';
import { asked } from './ask.ts';
import { checkedLedger } from './check-ledger.ts';
import { assertBatchesClient, type BatchesClient, type MessageBatchLike } from './client.ts';
import { type BatchLedger, idsIn } from './ledger.ts';
import { assertOptions, type BatchOptions, batchFailure } from './options.ts';

/** How far the batches of the last round are. */
export interface BatchProgress {
  /** Items of the round. */
  readonly total: number;
  /** Those that are not done. The API counts the others when their batch has ended. */
  readonly processing: number;
  readonly succeeded: number;
  readonly errored: number;
  readonly canceled: number;
  readonly expired: number;
  readonly batches: number;
  readonly endedBatches: number;
}

/** Options of {@link waitForBatch}. */
export interface WaitForBatchOptions extends BatchOptions {
  /** Milliseconds between two rounds of questions. Default 60,000. */
  readonly pollIntervalMs?: number | undefined;
  /** Called after each, such as for a progress bar; never awaited. */
  readonly onProgress?: ((progress: BatchProgress) => unknown) | undefined;
}

/**
 * Waits until all batches of the last round have ended: for up to 24 hours. A failure that passes by
 * itself, such as a lost connection, only delays it.
 *
 * @throws {BatchError} `aborted`.
 * @throws the SDK's error for a failure that does not pass, such as a batch that is not there.
 *
 * @example
 * ```ts
 * const onProgress = ({ processing, total }: BatchProgress) => bar.update(total - processing);
 * await waitForBatch(client, ledger, { onProgress });
 * ```
 */
export async function waitForBatch(
  client: BatchesClient,
  ledger: BatchLedger,
  options: WaitForBatchOptions = {},
): Promise<BatchProgress> {
  return typed('waitForBatch', async () => {
    assertBatchesClient(client, 'waitForBatch');
    assertOptions('waitForBatch', options);
    const { signal, pollIntervalMs = 60_000, onProgress } = options;
    const { rounds } = await checkedLedger(ledger);
    const batches = rounds.at(-1)?.batches ?? [];
    if (batches.length === 0)
      throw new InvalidInputError('The last round of this ledger has no batch to wait for.');
    const total = batches.reduce((sum, batch) => sum + idsIn(batch).length, 0);
    const ended = new Map<string, MessageBatchLike>();
    try {
      return await withOwnSignal(signal, async (own) => {
        for (;;) {
          const running: MessageBatchLike[] = [];
          for (const { id } of batches) {
            own.throwIfAborted();
            const batch = ended.has(id) ? undefined : await retrieved(client, id, options);
            if (batch?.processing_status === 'ended') ended.set(id, batch);
            else if (batch) running.push(batch);
          }
          const progress = progressOf([...ended.values(), ...running], total, batches.length, ended.size);
          try {
            onProgress?.(progress);
          } catch {
            // A progress bar that fails stops nothing.
          }
          if (ended.size === batches.length) return progress;
          await sleep(pollIntervalMs, own);
        }
      });
    } catch (error) {
      throw batchFailure('waitForBatch', error, ledger, signal);
    }
  });
}

/** `undefined` where it is to be asked for again. */
async function retrieved(
  client: BatchesClient,
  id: string,
  options: BatchOptions,
): Promise<MessageBatchLike | undefined> {
  try {
    const batch = await asked(client, options, (request) =>
      client.messages.batches.retrieve(id, undefined, request),
    );
    return isRecord(batch) ? batch : undefined;
  } catch (error) {
    if (options.signal?.aborted || !verdictOf(error).passes) throw error;
    return undefined;
  }
}

function progressOf(
  all: readonly MessageBatchLike[],
  total: number,
  batches: number,
  endedBatches: number,
): BatchProgress {
  const sum = (name: keyof MessageBatchLike['request_counts']) =>
    all.reduce((count, { request_counts: counts }) => count + (Number(counts?.[name]) || 0), 0);
  const done = {
    succeeded: sum('succeeded'),
    errored: sum('errored'),
    canceled: sum('canceled'),
    expired: sum('expired'),
  };
  const processing = Math.max(total - done.succeeded - done.errored - done.canceled - done.expired, 0);
  return { total, processing, ...done, batches, endedBatches };
}
