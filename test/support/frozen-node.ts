import * as node from '../../src/node/index.ts';
import { freezingInputs } from './freeze.ts';

/** As frozen-kit.ts, for the names of Node. */
export * from '../../src/node/index.ts';

export const fileStore: typeof node.fileStore = freezingInputs(node.fileStore);
export const saveArtifacts = freezingInputs(node.saveArtifacts);
export const uploadPath = freezingInputs(node.uploadPath);
export const uploadSkill = freezingInputs(node.uploadSkill);
export const uploadStream = freezingInputs(node.uploadStream);
