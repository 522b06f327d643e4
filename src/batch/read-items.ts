import type { Message, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { quoted } from '../errors.ts';
import { withOwnSignal } from '../wire/signals.ts';
import { isEnded } from './ask.ts';
import type { BatchesClient } from './client.ts';
import { BatchError } from './errors.ts';
import type { History } from './items.ts';
import { type BatchLedger, batchesOf, latestOf, type PlacedBatch } from './ledger.ts';
import type { BatchOptions } from './options.ts';
import { type BatchResult, type GivenResult, resultsOf } from './results.ts';
import { checkIds } from './settle.ts';

/** What an item came to in its last batch, and all before it. */
export interface ReadItem {
  readonly customId: string;
  readonly placed: PlacedBatch;
  /** Index in `ledger.shapes`. */
  readonly shape: number;
  readonly result: BatchResult;
  /** Its earlier responses and the answers to their calls, since it began or was restarted. */
  readonly earlier: History;
  /** It was begun again in a fresh container. */
  readonly isRestarted: boolean;
}

/** How items are read. */
export interface ReadItemsOptions extends BatchOptions {
  readonly idleTimeoutMs?: number | undefined;
  readonly retries?: number | undefined;
}

/** What an item had before its last batch. */
interface Past {
  readonly history: (Message | MessageParam)[];
  isRestarted: boolean;
}

/**
 * Items whose last batch is one of a round that is wanted, batch by batch, as the API gives them. What they
 * said in earlier rounds is read again from the API, for the items of one batch at a time: as much as was
 * sent with it.
 */
export async function* readItems(
  client: BatchesClient,
  ledger: BatchLedger,
  isWanted: (customId: string, round: number) => boolean,
  options: ReadItemsOptions,
): AsyncGenerator<Iterable<ReadItem>> {
  const batches = batchesOf(ledger);
  const latest = latestOf(batches);
  for (const placed of batches) {
    const { shapeOf, round, batch } = placed;
    const isOwn = (id: string) => latest.get(id) === placed && isWanted(id, round);
    const ids = [...shapeOf.keys()].filter(isOwn);
    if (ids.length === 0) continue;
    if (!(await isEnded(client, batch.id, options))) {
      const message = `${batch.id} has not ended, so it has no results yet: call waitForBatch first.`;
      throw new BatchError(message, { code: 'not_ended', ledger, retryable: true });
    }
    const pasts = await pastsOf(client, ledger, batches, placed, ids, options);
    // Most items have one round: they share an empty past.
    const wanted = ids.length < shapeOf.size ? new Set(ids) : undefined;
    const isOneOf = wanted && ((id: string) => wanted.has(id));
    function* itemsOf(some: Iterable<GivenResult>): Generator<ReadItem> {
      for (const { customId, result } of some) {
        const { history: earlier, isRestarted } = pasts.get(customId) ?? NO_PAST;
        pasts.delete(customId);
        const shape = shapeOf.get(customId);
        // Spelled out: to spread one object into another took as long as to parse it (measured).
        if (shape !== undefined) yield { customId, placed, shape, result, earlier, isRestarted };
        else yield { customId, placed, shape: 0, result: unexpected(customId, result), earlier, isRestarted };
      }
    }
    for await (const some of await read(client, ledger, placed, options, isOneOf)) {
      yield itemsOf(some);
    }
  }
}

const NO_PAST: Past = { history: [], isRestarted: false };

/** What the items of a batch had before it. */
async function pastsOf(
  client: BatchesClient,
  ledger: BatchLedger,
  batches: readonly PlacedBatch[],
  placed: PlacedBatch,
  ids: readonly string[],
  options: ReadItemsOptions,
): Promise<Map<string, Past>> {
  const pasts = new Map<string, Past>();
  if (placed.round === 0) return pasts;
  for (const id of ids) pasts.set(id, { history: [], isRestarted: false });
  for (const before of batches.slice(0, batches.indexOf(placed) + 1)) {
    const own = new Set(ids.filter((id) => before.shapeOf.has(id)));
    if (own.size === 0) continue;
    const { answers = [] } = ledger.rounds[before.round] ?? {};
    for (const id of before.batch.restarted) {
      if (own.has(id)) pasts.set(id, { history: [], isRestarted: true });
    }
    for (const { customId, results } of answers) {
      if (own.has(customId)) pasts.get(customId)?.history.push({ role: 'user', content: [...results] });
    }
    if (before === placed) break;
    for await (const some of await read(client, ledger, before, options, (id) => own.has(id))) {
      for (const { customId, result } of some) {
        if ('message' in result) pasts.get(customId)?.history.push(result.message);
      }
    }
  }
  return pasts;
}

async function read(
  client: BatchesClient,
  ledger: BatchLedger,
  { batch, shapeOf }: PlacedBatch,
  { signal, request, idleTimeoutMs = 290_000, retries = 2 }: ReadItemsOptions,
  isOwn: ((customId: string) => boolean) | undefined,
): Promise<AsyncGenerator<Iterable<GivenResult>>> {
  const lines = { signal: signal ?? new AbortController().signal, request, idleTimeoutMs };
  if (batch.isAdopted) {
    await withOwnSignal(signal, (own) => checkIds(client, batch, ledger, { ...lines, signal: own }));
  }
  // Of others than the items of the batch all is given: it is not known whose they are.
  const isWanted = isOwn && ((id: string) => isOwn(id) || !shapeOf.has(id));
  return resultsOf(client, batch.id, { ...lines, retries, ledger, expected: shapeOf, isWanted });
}

function unexpected(customId: string, result: BatchResult): BatchResult {
  const message = `The results of the batch have an item ${quoted(customId)}, which was not sent in it.`;
  const error = { type: 'unexpected_result', message, requestId: null, raw: result };
  return { status: 'errored', error, retryable: false };
}
