export { cancelBatch, deleteBatch } from './cancel-batch.ts';
export type { BatchesClient, MessageBatchLike } from './client.ts';
export { type ContinueBatchOptions, continueBatch } from './continue-batch.ts';
export { type CreateBatchOptions, createBatch } from './create-batch.ts';
export { type BatchCandidate, BatchError, type BatchErrorCode, isBatchError } from './errors.ts';
export type { GoOnOptions } from './go-on.ts';
export type { AnsweredItem, BatchInput, BatchItem, ErroredItem, ParamsFor, UnansweredItem } from './items.ts';
export type {
  BatchAnswers,
  BatchContent,
  BatchLedger,
  BatchNotice,
  BatchRound,
  BatchSending,
  ShapedItems,
  SubmittedBatch,
} from './ledger.ts';
export type { BatchOptions, SubmitOptions } from './options.ts';
export { type ReadBatchOptions, readBatch } from './read-batch.ts';
export type { BatchItemError } from './results.ts';
export { type BatchStore, type RunBatchOptions, runBatch } from './run-batch.ts';
export { type BatchProgress, type WaitForBatchOptions, waitForBatch } from './wait-for-batch.ts';
