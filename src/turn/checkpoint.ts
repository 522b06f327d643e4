import type { Message, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { sourceOf, withAnswer } from './append.ts';
import { textsOf } from './fold.ts';
import { foldResponses } from './fold-responses.ts';
import { asMessage } from './history.ts';
import { withoutTokens } from './mcp-servers.ts';
import type { TurnState } from './state.ts';
import type { Boundary, Checkpoint, RequestParams, StoredMessage, StoredState } from './turn.ts';
import { usageOf } from './usage.ts';

/** The form of checkpoints that this version writes. */
export const CHECKPOINT_VERSION = 1;

/** A boundary as plain JSON, in which nothing is stored twice. */
export function checkpointAt(
  { params, phase, responses, spent, state }: Boundary,
  { limits, runnableTools, mayRerun }: Pick<Checkpoint, 'limits' | 'runnableTools' | 'mayRerun'>,
): Checkpoint {
  const { messages, container = null, ...rest } = params;
  const { params: stored, named } = withoutTokens(rest);
  return {
    version: CHECKPOINT_VERSION,
    params: stored,
    ...(named.length > 0 ? { mcpServers: named } : {}),
    messages: withReferences(messages, responses),
    responses: [...responses],
    container,
    state: storedState(state),
    limits,
    spent,
    phase,
    runnableTools,
    mayRerun,
  };
}

/** The boundary of a checkpoint. */
export function boundaryOf({ params, messages, responses, container, ...rest }: Checkpoint): Boundary {
  const { phase, spent, state } = rest;
  let restored: MessageParam[] = [];
  for (const one of messages) {
    if ('response' in one) restored = withAnswer(restored, responses[one.response] as Message);
    else restored.push(one);
  }
  return {
    params: {
      ...params,
      messages: restored,
      ...(container === null ? {} : { container }),
    } as RequestParams,
    phase,
    responses,
    spent,
    state: restoredState(state, responses),
  };
}

function withReferences(messages: readonly MessageParam[], responses: readonly Message[]): StoredMessage[] {
  const places = new Map(responses.map((response, index) => [asMessage(response).content, index]));
  return messages.map((message) => {
    const response = message.role === 'assistant' ? places.get(sourceOf(message.content)) : undefined;
    return response === undefined ? message : { response };
  });
}

/** Inputs that were cut, and events of a later API, are more than the responses say. */
function storedState(state: TurnState): StoredState {
  const { seq, exchanges, notices, container, executions, artifacts, toolUses, parts } = state;
  const isCut = ({ inputComplete }: { readonly inputComplete: boolean }) => !inputComplete;
  return {
    seq,
    exchanges,
    notices,
    container,
    times: executions.map(({ id, startedAt, endedAt }) => ({ id, startedAt, endedAt })),
    artifacts: artifacts.filter(({ status }) => status !== 'listed'),
    executions: executions.filter(isCut),
    toolUses: toolUses.filter(isCut),
    parts: parts.some(({ type }) => type === 'unknown') ? parts : [],
  };
}

function restoredState(stored: StoredState, responses: readonly Message[]): TurnState {
  const folded = foldResponses(responses);
  const { seq, exchanges, notices, container, times } = stored;
  const parts = stored.parts.length > 0 ? stored.parts : folded.parts;
  const executions = withEntries(folded.executions, stored.executions, ({ id }) => id);
  const timesOf = new Map(times.map((one) => [one.id, one]));
  return {
    ...folded,
    ...textsOf(parts),
    parts,
    executions: executions.map((one) => ({ ...one, ...timesOf.get(one.id) })),
    artifacts: withEntries(folded.artifacts, stored.artifacts, ({ fileId }) => fileId),
    toolUses: withEntries(folded.toolUses, stored.toolUses, ({ id }) => id),
    container,
    exchanges,
    usage: usageOf(exchanges),
    notices,
    seq,
  };
}

/** The list with these entries in the place of those with their id. */
function withEntries<T>(list: readonly T[], entries: readonly T[], idOf: (entry: T) => string): T[] {
  const byId = new Map(entries.map((entry) => [idOf(entry), entry]));
  return list.map((entry) => byId.get(idOf(entry)) ?? entry);
}
