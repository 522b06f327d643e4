import { reasonOf } from '../errors.ts';
import { hasFiles } from '../sdk/client.ts';
import { fetchFileMetadata, listFiles } from '../sdk/file-metadata.ts';
import { describedArtifact } from '../turn/artifact.ts';
import { withoutEmpty, withoutOpenCalls } from '../turn/history.ts';
import { callsDroppedNotice, filesNotCapturedNotice, noCallsNotice } from '../turn/notices.ts';
import { parseAnswer } from '../turn/parse-answer.ts';
import { isUnfinished, lastResponseIndex, outcomeOf, type TurnState } from '../turn/state.ts';
import type { Boundary, Checkpoint, Turn, UnfinishedTurn } from '../turn/turn.ts';
import { untilAborted } from '../wire/signals.ts';
import type { Run } from './plan.ts';

/** How long one look-up of names and sizes may take. */
const DESCRIBE_TIMEOUT_MS = 20_000;

/** The last events of a turn, and the turn. `toCheckpoint` is called where it can go on. */
export async function endTurn(
  run: Run,
  standing: Boundary,
  toCheckpoint: (state: TurnState) => Checkpoint,
  paused?: 'paused',
): Promise<Turn> {
  const { emit, readState } = run;
  if (run.options.describe) await describeArtifactsOf(run);
  run.signal.throwIfAborted();
  const notCaptured = filesNotCapturedNotice(readState());
  if (notCaptured) emit({ type: 'notice', notice: notCaptured });
  const last = standing.responses.at(-1);
  const outcome = paused ?? outcomeOf(last);
  const closed = isUnfinished(outcome) ? undefined : withoutOpenCalls(standing.params.messages);
  const responseIndex = lastResponseIndex(readState());
  const notices = [
    outcome === 'unknown' && last?.stop_reason === 'tool_use' ? noCallsNotice(responseIndex) : undefined,
    closed && callsDroppedNotice(closed.dropped, responseIndex),
  ];
  for (const notice of notices) if (notice) emit({ type: 'notice', notice });
  const { parsed, notice } = parseAnswer({ ...readState(), outcome }, run.parse);
  if (notice) emit({ type: 'notice', notice });
  emit({ type: 'turn-end', outcome, stopReason: last?.stop_reason ?? null });
  const state = readState();
  const responses = [...standing.responses];
  if (isUnfinished(outcome)) {
    return { ...unfinishedTurn({ ...standing, state }, toCheckpoint(state)), outcome, parsed };
  }
  return { ...state, status: 'ended', outcome, responses, messages: closed?.messages ?? [], parsed };
}

/** A turn that can go on from where it stands. */
export function unfinishedTurn(
  { state, params, responses }: Boundary,
  checkpoint: Checkpoint,
): UnfinishedTurn {
  return {
    ...state,
    status: 'ended',
    outcome: 'paused',
    stopReason: responses.at(-1)?.stop_reason ?? null,
    responses: [...responses],
    messages: withoutEmpty(params.messages),
    parsed: null,
    checkpoint,
  };
}

/** Names and sizes are a courtesy: a turn that cost minutes neither fails for them nor waits long. */
async function describeArtifactsOf({ client, options, signal, emit, readState }: Run): Promise<void> {
  const state = readState();
  const { artifacts } = state;
  if (artifacts.length === 0 || !hasFiles(client)) return;
  try {
    const ids = artifacts.map(({ fileId }) => fileId);
    const request = { timeout: DESCRIBE_TIMEOUT_MS, maxRetries: 1, ...options.request, signal };
    const files = await untilAborted(
      fetchFileMetadata(ids, (some) => listFiles(client, some, request)),
      signal,
    );
    for (const artifact of artifacts) {
      emit({ type: 'artifact', artifact: describedArtifact(artifact, files.get(artifact.fileId)) });
    }
  } catch (error) {
    signal.throwIfAborted();
    const message = `Names and sizes of ${artifacts.length} artifacts could not be looked up (${reasonOf(error)}). Use describeArtifacts.`;
    const notice = { code: 'describe-failed', message, responseIndex: lastResponseIndex(state) };
    emit({ type: 'notice', notice });
  }
}
