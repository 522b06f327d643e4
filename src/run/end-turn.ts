import { reasonOf } from '../errors.ts';
import { hasFiles } from '../sdk/client.ts';
import { lookUpFiles } from '../sdk/file-metadata.ts';
import { lookedUpArtifact } from '../turn/artifact.ts';
import { withoutEmpty, withoutOpenCalls } from '../turn/history.ts';
import { callsDroppedNotice, filesNotCapturedNotice, noCallsNotice } from '../turn/notices.ts';
import { parseAnswer } from '../turn/parse-answer.ts';
import { isUnfinished, lastResponseIndex, outcomeOf, stopReasonOf, type TurnState } from '../turn/state.ts';
import type { Boundary, Checkpoint, Turn, UnfinishedTurn } from '../turn/turn.ts';
import type { Run } from './plan.ts';

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
  emit({ type: 'turn-end', outcome, stopReason: stopReasonOf(last) });
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
    stopReason: stopReasonOf(responses.at(-1)),
    responses: [...responses],
    messages: withoutEmpty(params.messages),
    parsed: null,
    checkpoint,
  };
}

/** Names and sizes are a courtesy: a turn that cost minutes neither fails for them nor waits long. */
async function describeArtifactsOf({
  client,
  options,
  signal,
  emit,
  readState,
  observer,
}: Run): Promise<void> {
  const state = readState();
  const { artifacts } = state;
  if (artifacts.length === 0 || !hasFiles(client)) return;
  let unknown = artifacts.length;
  let reason = 'the answer was no list of these files';
  try {
    const ids = artifacts.map(({ fileId }) => fileId);
    const request = { maxRetries: 1, ...options.request, signal };
    const found = await observer.inside(() => lookUpFiles(client, ids, request));
    if (found.isEndless) reason = 'the list had no end';
    for (const artifact of artifacts) {
      const lookedUp = lookedUpArtifact(artifact, found);
      if (lookedUp.status === 'listed') continue;
      emit({ type: 'artifact', artifact: lookedUp });
      unknown--;
    }
  } catch (error) {
    signal.throwIfAborted();
    reason = reasonOf(error);
  }
  if (unknown === 0) return;
  const message = `Names and sizes of ${unknown} artifacts could not be looked up (${reason}). Use describeArtifacts.`;
  const notice = { code: 'describe-failed', message, responseIndex: lastResponseIndex(state) };
  emit({ type: 'notice', notice });
}
