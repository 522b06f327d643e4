import type { Message, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { foldResponses } from './fold-responses.ts';
import type { TurnState } from './state.ts';
import type { Boundary, Checkpoint, RequestParams, StoredMessage, StoredState } from './turn.ts';
import { usageOf } from './usage.ts';

/** The form of checkpoints that this version writes. */
export const CHECKPOINT_VERSION = 1;

/** The fields of a state that its responses say. */
const FOLDED = ['parts', 'text', 'answer', 'executions', 'toolUses', 'serverTools', 'container'] as const;

/** A boundary as plain JSON, in which nothing is stored twice. */
export function checkpointAt(
  { params, phase, responses, spent, state }: Boundary,
  { limits, runnableTools, mayRerun }: Pick<Checkpoint, 'limits' | 'runnableTools' | 'mayRerun'>,
): Checkpoint {
  const { messages, container = null, ...rest } = params;
  return {
    version: CHECKPOINT_VERSION,
    params: rest,
    messages: withReferences(messages, responses),
    responses: [...responses],
    container,
    state: storedState(state, responses),
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
  return {
    params: {
      ...params,
      messages: messages.map((one) => ('response' in one ? asMessage(responses[one.response]) : one)),
      ...(container === null ? {} : { container }),
    } as RequestParams,
    phase,
    responses,
    spent,
    state: restoredState(state, responses),
  };
}

/** A response as it stands in a history. */
export function asMessage(response: Message | undefined): MessageParam {
  return { role: 'assistant', content: (response?.content ?? []) as MessageParam['content'] };
}

function withReferences(messages: readonly MessageParam[], responses: readonly Message[]): StoredMessage[] {
  const places = new Map(responses.map(({ content }, index) => [content as unknown, index]));
  return messages.map((message) => {
    const response = message.role === 'assistant' ? places.get(message.content) : undefined;
    return response === undefined ? message : { response };
  });
}

function storedState(state: TurnState, responses: readonly Message[]): StoredState {
  const { seq, exchanges, notices, executions, artifacts } = state;
  const folded = foldResponses(responses);
  const known = {
    ...state,
    executions: executions.map((one) => ({ ...one, startedAt: null, endedAt: null })),
  };
  const differing = FOLDED.filter((field) => !isSame(known[field], folded[field]));
  return {
    seq,
    exchanges,
    notices,
    times: executions.map(({ id, startedAt, endedAt }) => ({ id, startedAt, endedAt })),
    artifacts: artifacts.filter(({ status }) => status !== 'listed'),
    more: Object.fromEntries(differing.map((field) => [field, known[field]])),
  };
}

function restoredState(
  { seq, exchanges, notices, times, artifacts, more }: StoredState,
  responses: readonly Message[],
): TurnState {
  const state = { ...foldResponses(responses), ...more };
  const timesOf = new Map(times.map((one) => [one.id, one]));
  const described = new Map(artifacts.map((artifact) => [artifact.fileId, artifact]));
  return {
    ...state,
    status: 'running',
    outcome: null,
    stopReason: null,
    executions: state.executions.map((one) => ({ ...one, ...timesOf.get(one.id) })),
    artifacts: state.artifacts.map((artifact) => described.get(artifact.fileId) ?? artifact),
    exchanges,
    usage: usageOf(exchanges),
    notices,
    seq,
  };
}

/** What cannot be written out is stored as it is. */
function isSame(one: unknown, other: unknown): boolean {
  try {
    return JSON.stringify(one) === JSON.stringify(other);
  } catch {
    return false;
  }
}
