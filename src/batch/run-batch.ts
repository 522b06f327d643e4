import { assertInput, InvalidInputError, reasonOf, typedError } from '../errors.ts';
import type { TurnParams } from '../request/params.ts';
import { checkedLedger } from './check-ledger.ts';
import { assertBatchesClient, type BatchesClient } from './client.ts';
import { continueBatch } from './continue-batch.ts';
import { createBatch } from './create-batch.ts';
import { BatchError, isBatchError } from './errors.ts';
import { type Continuation, continuationOf, type GoOnOptions, goesOn } from './go-on.ts';
import { assertItems, type BatchInput, type BatchItem, type ParamsFor } from './items.ts';
import { type BatchLedger, EMPTY_LEDGER } from './ledger.ts';
import { assertOptions, batchFailure } from './options.ts';
import { itemOf, preparedFor } from './read-batch.ts';
import { type ReadItem, readItems } from './read-items.ts';
import { type WaitForBatchOptions, waitForBatch } from './wait-for-batch.ts';

/**
 * Where the ledger of a run is kept: `fileStore(path)` of `code-execution-kit/node`, or a row of a
 * database.
 */
export interface BatchStore {
  /** What was saved last; `undefined` or `null` before anything was. */
  load(): PromiseLike<BatchLedger | null | undefined> | BatchLedger | null | undefined;
  save(ledger: BatchLedger): unknown;
}

/** Options of {@link runBatch}. */
export interface RunBatchOptions
  extends Omit<GoOnOptions, 'onSubmit'>,
    Pick<WaitForBatchOptions, 'pollIntervalMs' | 'onProgress'> {
  readonly store: BatchStore;
  /** The params of an item, as they were at first. Default: those in `items`, which must be a list then. */
  readonly paramsFor?: ParamsFor | undefined;
  /** See `createBatch`. */
  readonly check?: boolean | undefined;
}

/**
 * Runs items to their end: submits, waits, reads, and goes on, until nothing can go on. Each item is given
 * once it is done with; in a process that goes on from the store, those of before come again. What
 * `maxRounds` stops, and what waits for calls without a handler, is given as it is.
 *
 * @throws {BatchError} `submission_unknown` after a lost answer or a kill: call it again with `adopt` or
 * `resend`.
 *
 * @example
 * ```ts
 * for await (const item of runBatch(client, items, { store: fileStore('run.json'), tools: [getSales] })) {
 *   if (item.status === 'ended') console.log(item.customId, item.turn.answer);
 * }
 * ```
 */
export async function* runBatch(
  client: BatchesClient,
  items: AsyncIterable<BatchInput> | Iterable<BatchInput>,
  options: RunBatchOptions,
): AsyncGenerator<BatchItem, void, undefined> {
  try {
    yield* itemsOfRun(client, items, options);
  } catch (error) {
    throw typedError('runBatch', error);
  }
}

async function* itemsOfRun(
  client: BatchesClient,
  items: AsyncIterable<BatchInput> | Iterable<BatchInput>,
  options: RunBatchOptions,
): AsyncGenerator<BatchItem, void, undefined> {
  assertBatchesClient(client, 'runBatch');
  assertItems(items);
  assertOptions('runBatch', options);
  assertInput(options.store, 'runBatch needs a store, such as fileStore(path)', options.store);
  const { store, paramsFor = lookUpIn(items), check, pollIntervalMs, onProgress, ...goOn } = options;
  const { adopt, resend, signal, request, addTool = true, tools: _, ...sending } = goOn;
  const continuation = continuationOf(goOn);
  const onSubmit = async (ledger: BatchLedger) => void (await store.save(ledger));
  let ledger = await loaded(store);
  // They answer for what was lost before, and for nothing that is lost later.
  let answer = { adopt, resend };
  const begun = ledger.rounds[0]?.isWhole ? ledger : undefined;
  if (!begun) {
    const { maxBatchBytes, retries } = sending;
    const creating = { ledger, check, signal, request, addTool, maxBatchBytes, retries, onSubmit, ...answer };
    ledger = await createBatch(client, items, creating);
    answer = { adopt: undefined, resend: undefined };
  }
  const give = (isGiven: (item: ReadItem) => boolean, from: number) =>
    given(client, ledger, from, isGiven, { paramsFor, continuation });
  let from = 0;
  for (;;) {
    // A half-submitted round is finished first.
    if (ledger.rounds.at(-1)?.isWhole) {
      await waitForBatch(client, ledger, { pollIntervalMs, onProgress, signal, request });
      yield* give((item) => !goesOn(item, continuation), from);
      from = ledger.rounds.length;
    }
    try {
      const next = await continueBatch(client, ledger, paramsFor, { ...goOn, ...answer, onSubmit });
      if (!next) return;
      ledger = next;
      answer = { adopt: undefined, resend: undefined };
    } catch (error) {
      if (!isBatchError(error) || error.code !== 'round_limit') throw error;
      yield* give((item) => goesOn(item, continuation), 0);
      return;
    }
  }
}

async function* given(
  client: BatchesClient,
  ledger: BatchLedger,
  from: number,
  isGiven: (item: ReadItem) => boolean,
  { paramsFor, continuation }: { readonly paramsFor: ParamsFor; readonly continuation: Continuation },
): AsyncGenerator<BatchItem> {
  const { addTool = true, signal } = continuation.options;
  try {
    for await (const some of readItems(client, ledger, (_, round) => round >= from, continuation.options)) {
      for (const item of some) {
        if (!isGiven(item)) continue;
        yield itemOf(item, ledger, await preparedFor(item, ledger, paramsFor, addTool));
      }
    }
  } catch (error) {
    throw batchFailure('runBatch', error, ledger, signal);
  }
}

async function loaded(store: BatchStore): Promise<BatchLedger> {
  let stored: unknown;
  try {
    stored = await store.load();
  } catch (cause) {
    const message = `store.load threw: ${reasonOf(cause)}.`;
    throw new BatchError(message, { code: 'store_failed', ledger: EMPTY_LEDGER, cause });
  }
  return stored === undefined || stored === null ? EMPTY_LEDGER : await checkedLedger(stored);
}

/** A list can be looked into again; any other source was read. */
function lookUpIn(items: AsyncIterable<BatchInput> | Iterable<BatchInput>): ParamsFor {
  if (!Array.isArray(items)) {
    throw new InvalidInputError(
      'runBatch needs paramsFor where items is no list: the API does not return params.',
    );
  }
  let byId: Map<string, TurnParams> | undefined;
  return (customId) => {
    byId ??= new Map((items as BatchInput[]).map(({ customId: id, params }) => [id, params]));
    const params = byId.get(customId);
    if (!params) throw new InvalidInputError(`items has no ${customId}, which the ledger of the store has.`);
    return params;
  };
}
