import { CodeExecutionError, type CodeExecutionErrorOptions, guardOf } from '../errors.ts';
import type { BatchLedger } from './ledger.ts';

/** Why a run of batches did not go on: see {@link BatchError}. */
export type BatchErrorCode =
  | 'submission_unknown'
  | 'wrong_batch'
  | 'not_ended'
  | 'results_broken'
  | 'items_failed'
  | 'store_failed'
  | 'check_failed'
  | 'round_limit'
  | 'aborted';

/** A batch that may be the one whose answer was lost. */
export interface BatchCandidate {
  readonly id: string;
  /** When the API made it, as it says. */
  readonly createdAt: string;
  /** How many requests it has. */
  readonly count: number;
}

/**
 * A run of batches cannot go on by itself. `.ledger` holds all that was submitted.
 *
 * - `submission_unknown`: a batch was sent and its answer was not seen. Sending it again may be a second
 *   bill. `.candidates` are the batches of the API that may be it: go on with `adopt: id`, or, if it is
 *   none of them, with `resend: true`.
 * - `wrong_batch`: the adopted batch has other items. `.ledger` asks again.
 * - `not_ended`: results were asked for too early. Use `waitForBatch`.
 * - `results_broken`: the results could not be read to their end. Read them again.
 * - `items_failed`: the `items`, or `paramsFor`, threw; `cause` says what.
 * - `store_failed`: `onSubmit`, or the store of `runBatch`, threw.
 * - `check_failed`: the API refuses the first item of a shape; `.customId` names it.
 * - `round_limit`: items could go on, and `maxRounds` forbids it.
 * - `aborted`: the `signal` aborted.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!isBatchError(error) || error.code !== 'submission_unknown') throw error;
 *   const [found] = error.candidates ?? [];
 *   const answer = found ? { adopt: found.id } : { resend: true };
 *   await createBatch(client, items, { ledger: error.ledger, ...answer });
 * }
 * ```
 */
export class BatchError extends CodeExecutionError {
  override readonly name = 'BatchError';
  declare readonly code: BatchErrorCode;
  /** What was submitted, to go on with. */
  readonly ledger: BatchLedger;
  /** Of `submission_unknown`, the closest in time first; `null` where they could not be listed. */
  readonly candidates: readonly BatchCandidate[] | null;
  /** The item that is at fault, where it is one. */
  readonly customId: string | null;

  constructor(
    message: string,
    options: CodeExecutionErrorOptions & {
      readonly code: BatchErrorCode;
      readonly ledger: BatchLedger;
      readonly candidates?: readonly BatchCandidate[] | null;
      readonly customId?: string;
    },
  ) {
    super(message, options);
    this.ledger = options.ledger;
    this.candidates = options.candidates ?? null;
    this.customId = options.customId ?? null;
  }
}

/** True for a {@link BatchError}, also of another copy of this package. */
export const isBatchError = /* @__PURE__ */ guardOf<BatchError>('BatchError');
