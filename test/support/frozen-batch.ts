import * as batch from '../../src/batch/index.ts';
import { freezingInputs } from './freeze.ts';

/** As frozen-kit.ts, for the names of batches. */
export * from '../../src/batch/index.ts';

export const cancelBatch = freezingInputs(batch.cancelBatch);
export const continueBatch = freezingInputs(batch.continueBatch);
export const createBatch = freezingInputs(batch.createBatch);
export const deleteBatch = freezingInputs(batch.deleteBatch);
export const readBatch = freezingInputs(batch.readBatch);
export const runBatch = freezingInputs(batch.runBatch);
export const waitForBatch = freezingInputs(batch.waitForBatch);
