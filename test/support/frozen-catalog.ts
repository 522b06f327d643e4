import * as catalog from '../../src/catalog/index.ts';
import { freezingInputs } from './freeze.ts';

/** As frozen-kit.ts, for the names of the catalog. */
export * from '../../src/catalog/index.ts';

export const estimateCost = freezingInputs(catalog.estimateCost);
export const maxCost = freezingInputs(catalog.maxCost);
export const toolFor = freezingInputs(catalog.toolFor);
