import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import type { Prefix } from '../request/prefix.ts';

/** The form of ledgers that this version writes. */
export const VERSION = 1;

/**
 * A run of batches as plain JSON: which items were submitted in which batches, round by round. It holds no
 * keys, no handlers and no answers of Claude: results stay at the API, for 29 days. Keep it on the
 * server, or signed: who can change it decides what is sent.
 */
export interface BatchLedger {
  readonly version: 1;
  /** Model, `system`, `tools` and skills as they were sent, each combination once. */
  readonly shapes: readonly Prefix[];
  /** The first has all items, each later one those that went on. */
  readonly rounds: readonly BatchRound[];
  readonly notices: readonly BatchNotice[];
}

/** Batches that were submitted together. */
export interface BatchRound {
  readonly batches: readonly SubmittedBatch[];
  /** What was sent and is not known to have arrived; `null` almost always. */
  readonly sending: BatchSending | null;
  /** Nothing more is to be submitted in it. */
  readonly isWhole: boolean;
  /** The results of the calls that its items waited for. */
  readonly answers: readonly BatchAnswers[];
  /** Items of earlier rounds that were left where they are, and can still go on. */
  readonly waiting: readonly string[];
}

/** The results of the calls of one item. */
export interface BatchAnswers {
  readonly customId: string;
  readonly results: readonly ToolResultBlockParam[];
}

/** Items of one shape. */
export interface ShapedItems {
  /** Index in `shapes`. */
  readonly shape: number;
  readonly customIds: readonly string[];
}

/** What a request holds. */
export interface BatchContent {
  readonly items: readonly ShapedItems[];
  /** Those of them that begin again from their first message. */
  readonly restarted: readonly string[];
}

/** A batch of the API. */
export interface SubmittedBatch extends BatchContent {
  /** `msgbatch_…` */
  readonly id: string;
  /** ISO time at which it was sent, by this machine's clock. */
  readonly at: string;
  /** It was adopted while it ran, so that its items are compared when they are read. */
  readonly isAdopted: boolean;
}

/** A request that is on its way. */
export interface BatchSending extends BatchContent {
  /** ISO time, by this machine's clock. */
  readonly at: string;
  readonly count: number;
}

/** Something that the caller should know, and that stops nothing. */
export interface BatchNotice {
  readonly code: 'shared-container' | (string & {});
  readonly message: string;
}

export const EMPTY_LEDGER: BatchLedger = { version: VERSION, shapes: [], rounds: [], notices: [] };
const EMPTY_ROUND: BatchRound = { batches: [], sending: null, isWhole: false, answers: [], waiting: [] };

/** The ledger with another round in its place, or as a new one. */
export function withRound(ledger: BatchLedger, index: number, changes: Partial<BatchRound>): BatchLedger {
  const round = { ...(ledger.rounds[index] ?? EMPTY_ROUND), ...changes };
  return { ...ledger, rounds: [...ledger.rounds.slice(0, index), round] };
}

export function idsIn({ items }: BatchContent): string[] {
  return items.flatMap(({ customIds }) => customIds);
}

/** A batch with its place. */
export interface PlacedBatch {
  readonly batch: SubmittedBatch;
  readonly round: number;
  /** The shape of each item. */
  readonly shapeOf: ReadonlyMap<string, number>;
}

/** All batches in the order in which they were submitted. */
export function batchesOf({ rounds }: BatchLedger): PlacedBatch[] {
  return rounds.flatMap(({ batches }, round) =>
    batches.map((batch) => ({
      batch,
      round,
      shapeOf: new Map(
        batch.items.flatMap(({ shape, customIds }) => customIds.map((id): [string, number] => [id, shape])),
      ),
    })),
  );
}

/** The last batch of each item. */
export function latestOf(batches: readonly PlacedBatch[]): Map<string, PlacedBatch> {
  return new Map(
    batches.flatMap((placed) => [...placed.shapeOf.keys()].map((id): [string, PlacedBatch] => [id, placed])),
  );
}
