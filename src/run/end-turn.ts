import { hasFiles } from '../sdk/client.ts';
import { fetchFileMetadata } from '../sdk/file-metadata.ts';
import { type Artifact, describedArtifact } from '../turn/artifact.ts';
import { parseAnswer } from '../turn/parse-answer.ts';
import { type Checkpoint, type Outcome, outcomeOf, type Turn, type TurnState } from '../turn/state.ts';
import type { TurnTranslator } from '../turn/translate.ts';
import { reasonOf } from '../wire/reason.ts';
import { untilAborted } from '../wire/until-aborted.ts';
import { type Boundary, checkpointAt } from './checkpoint.ts';
import { filesNotCapturedNotice } from './notices.ts';
import type { TurnRun } from './turn-context.ts';

/** How long one look-up of names and sizes may take. */
const DESCRIBE_TIMEOUT_MS = 20_000;

/** The last events of a turn, and the turn. One that can go on has a checkpoint. */
export async function endTurn(
  run: TurnRun,
  boundary: Boundary,
  translator: TurnTranslator,
  paused?: 'paused',
): Promise<Turn> {
  if (run.options.describe) await describeArtifactsOf(run, translator.artifacts);
  run.signal.throwIfAborted();
  const notCaptured = filesNotCapturedNotice(translator);
  if (notCaptured) run.emit({ type: 'notice', notice: notCaptured });
  const stopReason = boundary.responses.at(-1)?.stop_reason ?? null;
  const outcome = paused ?? outcomeOf(stopReason);
  const { parsed, notice } =
    run.parse && outcome === 'completed'
      ? parseAnswer(run.readState().parts, run.parse)
      : { parsed: null, notice: undefined };
  if (notice) run.emit({ type: 'notice', notice });
  run.emit({ type: 'turn-end', outcome, stopReason });
  const state = run.readState();
  const canGoOn = outcome === 'paused' || outcome === 'awaiting-tools';
  const checkpoint = canGoOn ? checkpointAt({ ...boundary, state }, false) : undefined;
  return { ...turnOf(state, boundary, outcome, checkpoint), parsed };
}

/** The state of an ended turn with what it takes to go on. */
export function turnOf(
  state: TurnState,
  { params, responses }: Boundary,
  outcome: Outcome,
  checkpoint?: Checkpoint,
): Turn {
  const stopReason = responses.at(-1)?.stop_reason ?? null;
  return {
    ...state,
    status: 'ended',
    outcome,
    stopReason,
    responses: [...responses],
    messages: [...params.messages],
    parsed: null,
    ...(checkpoint ? { checkpoint } : {}),
  };
}

/** Names and sizes are a courtesy: a turn that cost minutes neither fails for them nor waits long. */
async function describeArtifactsOf(
  { client, options, signal, emit }: TurnRun,
  artifacts: readonly Artifact[],
): Promise<void> {
  if (artifacts.length === 0 || !hasFiles(client)) return;
  try {
    const ids = artifacts.map(({ fileId }) => fileId);
    const request = { timeout: DESCRIBE_TIMEOUT_MS, maxRetries: 1, ...options.request, signal };
    const files = await untilAborted(fetchFileMetadata(client, ids, request), signal);
    for (const artifact of artifacts) {
      emit({ type: 'artifact', artifact: describedArtifact(artifact, files.get(artifact.fileId)) });
    }
  } catch (error) {
    signal.throwIfAborted();
    const reason = reasonOf(error);
    const message = `Names and sizes of ${artifacts.length} artifacts could not be looked up (${reason}). Use describeArtifacts.`;
    emit({ type: 'notice', notice: { code: 'describe-failed', message } });
  }
}
