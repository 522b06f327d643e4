import * as kit from '../../src/index.ts';
import { freezingInputs } from './freeze.ts';

/**
 * The public names as tests import them: everything that they
 * pass is frozen, so that nobody writes to a caller's object.
 */
export * from '../../src/index.ts';

export const artifactsOf = freezingInputs(kit.artifactsOf);
export const checkHistory = freezingInputs(kit.checkHistory);
export const codeExecutionTool = freezingInputs(kit.codeExecutionTool);
export const containerOf = freezingInputs(kit.containerOf);
export const containerUpload = freezingInputs(kit.containerUpload);
export const contentBlockFor = freezingInputs(kit.contentBlockFor);
export const deleteFiles = freezingInputs(kit.deleteFiles);
export const describeArtifacts = freezingInputs(kit.describeArtifacts);
export const downloadArtifact = freezingInputs(kit.downloadArtifact);
export const executionsOf = freezingInputs(kit.executionsOf);
export const nextParams = freezingInputs(kit.nextParams);
export const parseStdout = freezingInputs(kit.parseStdout);
export const pipeArtifacts = freezingInputs(kit.pipeArtifacts);
export const readCheckpoint = freezingInputs(kit.readCheckpoint);
export const reduceTurn = freezingInputs(kit.reduceTurn);
export const resumeTurn = freezingInputs(kit.resumeTurn);
export const runTurn = freezingInputs(kit.runTurn);
export const skill = freezingInputs(kit.skill);
export const streamTurn = freezingInputs(kit.streamTurn);
export const turnEvents = freezingInputs(kit.turnEvents);
export const turnFrom = freezingInputs(kit.turnFrom);
export const uploadAll = freezingInputs(kit.uploadAll);
export const uploadFile = freezingInputs(kit.uploadFile);
export const userMessage = freezingInputs(kit.userMessage);
export const withoutRaw = freezingInputs(kit.withoutRaw);

export const createSession: typeof kit.createSession = freezingInputs((client, defaults, options) => {
  const session = kit.createSession(client, defaults, options);
  return Object.assign(session, {
    run: freezingInputs(session.run),
    stream: freezingInputs(session.stream),
    resume: freezingInputs(session.resume),
  });
});
