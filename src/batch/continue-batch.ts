import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError, quoted, typed } from '../errors.ts';
import type { Prefix } from '../request/prefix.ts';
import { inParallel } from '../sdk/in-parallel.ts';
import { checkedLedger } from './check-ledger.ts';
import { assertBatchesClient, type BatchesClient } from './client.ts';
import { BatchError } from './errors.ts';
import { type Continuation, continuationOf, type GoOnOptions, goesOn, isOpen, nextRequest } from './go-on.ts';
import { type ParamsFor, paramsAgain } from './items.ts';
import { type BatchLedger, batchesOf, latestOf } from './ledger.ts';
import { assertOptions, batchFailure } from './options.ts';
import { type ReadItem, readItems } from './read-items.ts';
import { settled } from './settle.ts';
import { Submission } from './submission.ts';

/** Options of {@link continueBatch}. */
export interface ContinueBatchOptions extends GoOnOptions {
  /** Results for waiting calls by `customId`, in the place of handlers. */
  readonly toolResults?: Readonly<Record<string, readonly ToolResultBlockParam[]>> | undefined;
}

/** Items whose handlers run at the same time. */
const AT_A_TIME = 8;

/**
 * Submits the next round: paused items with their content and containers as they came, calls with their
 * answers, and what else `retry` names. Items that wait for calls without a handler stay, for a later
 * round. `undefined` where nothing goes on: then `readBatch(client, ledger, { all: true })` has every item
 * as it is for good.
 *
 * A handler whose round was not submitted before the process died runs again.
 *
 * @param paramsFor the params of an item, as they were at first: the API does not return them
 * @throws {InvalidInputError} where `system`, `tools`, model or skills are not those of the ledger.
 * @throws {BatchError} with `.ledger`, as `createBatch` does, and `round_limit`.
 *
 * @example
 * ```ts
 * await waitForBatch(client, ledger);
 * const next = await continueBatch(client, ledger, (customId) => paramsById.get(customId)!);
 * ```
 */
export async function continueBatch(
  client: BatchesClient,
  ledger: BatchLedger,
  paramsFor: ParamsFor,
  options: ContinueBatchOptions = {},
): Promise<BatchLedger | undefined> {
  return typed('continueBatch', async () => {
    assertBatchesClient(client, 'continueBatch');
    const rule = 'The third argument of continueBatch must be a function that gives the params of an item';
    assertInput(typeof paramsFor === 'function', rule, paramsFor);
    assertOptions('continueBatch', options);
    const checked = await checkedLedger(ledger);
    const { toolResults, ...rest } = options;
    const continuation = continuationOf(rest, toolResults);
    let submission: Submission | undefined;
    try {
      const known = await settled(client, checked, rest);
      assertBegun(known, continuation);
      const last = known.rounds.length - 1;
      const round = known.rounds[last]?.isWhole ? last + 1 : last;
      submission = new Submission(client, known, round, rest);
      const waiting = await submitNext(client, submission, round, paramsFor, continuation);
      return submission.isEmpty ? undefined : await submission.finish(waiting);
    } catch (error) {
      throw batchFailure('continueBatch', error, submission?.ledger ?? checked, options.signal);
    }
  });
}

function assertBegun({ rounds, ...ledger }: BatchLedger, { toolResults }: Continuation): void {
  if (!rounds[0]?.isWhole) {
    throw new InvalidInputError(
      'Not all items of the first round were submitted: finish it with createBatch(client, items, { ledger }).',
    );
  }
  const known = latestOf(batchesOf({ rounds, ...ledger }));
  const unknown = Object.keys(toolResults).find((id) => !known.has(id));
  if (unknown === undefined) return;
  throw new InvalidInputError(`toolResults has ${quoted(unknown)}, and the ledger has no such item.`);
}

/** Adds what goes on to the round, and gives the ids of what is left and can still go on. */
async function submitNext(
  client: BatchesClient,
  submission: Submission,
  round: number,
  paramsFor: ParamsFor,
  continuation: Continuation,
): Promise<string[]> {
  const { ledger } = submission;
  const { options } = continuation;
  const { maxRounds = 25, addTool = true, signal } = options;
  const before = ledger.rounds[round - 1];
  const left = new Set(before?.waiting);
  // Answers of a request that was lost are not asked for again.
  const answered = new Map(ledger.rounds[round]?.answers.map(({ customId, results }) => [customId, results]));
  const waiting: string[] = [];
  let group: ReadItem[] = [];
  const flush = async () => {
    const items = group;
    group = [];
    const requests = await inParallel(items, AT_A_TIME, async (item) => {
      const { customId, shape } = item;
      const prefix = ledger.shapes[shape] as Prefix;
      const { params } = await paramsAgain(customId, paramsFor, prefix, {
        ledger: submission.ledger,
        addTool,
      });
      const next = await nextRequest(item, params, answered.get(customId), continuation);
      return { ...next, customId, shape };
    });
    for (const request of requests) {
      signal?.throwIfAborted();
      await submission.add(request);
    }
  };
  const isWanted = (id: string, at: number) => at === round - 1 || (at < round && left.has(id));
  for await (const some of readItems(client, ledger, isWanted, options)) {
    for (const item of some) {
      if (goesOn(item, continuation)) {
        if (round > maxRounds) throw roundLimit(maxRounds, ledger);
        group.push(item);
      } else if (isOpen(item)) waiting.push(item.customId);
      if (group.length >= AT_A_TIME) await flush();
    }
  }
  await flush();
  return waiting;
}

function roundLimit(maxRounds: number, ledger: BatchLedger): BatchError {
  const message =
    `The run reached maxRounds (${maxRounds}), and some of its items could go on. Raise it, or read them as they are ` +
    'with readBatch(client, ledger, { all: true }).';
  return new BatchError(message, { code: 'round_limit', ledger });
}
