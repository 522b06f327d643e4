import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { canonical, type Prefix } from '../request/prefix.ts';
import { isContainerLostError, isTurnInterruptedError, isTurnLimitError } from '../run/errors.ts';
import { isRefused } from '../sdk/failures.ts';
import { withoutThinking } from '../turn/history.ts';
import type { TurnState } from '../turn/state.ts';
import type { Checkpoint, Turn } from '../turn/turn.ts';
import type { ContainerData } from '../wire/container.ts';
import { newSnapshot, type SessionSnapshot, type SessionTurn } from './snapshot.ts';

/** What a session becomes. Pure: each gives another snapshot, of the next revision. */

/**
 * When the conversation goes on under another prefix: all
 * thinking goes for good, and messages of nothing else with it.
 */
export function withThinkingDropped(snapshot: SessionSnapshot): SessionSnapshot {
  const { messages } = snapshot;
  const moved = (index: number) => withoutThinking(messages.slice(0, index)).length;
  return withMessages(snapshot, withoutThinking(messages), moved);
}

/** When something was taken out of the conversation: `moved` gives where its turns begin now. */
export function withMessages(
  snapshot: SessionSnapshot,
  messages: readonly MessageParam[],
  moved: (firstMessage: number) => number,
): SessionSnapshot {
  const turns = snapshot.turns.map(({ firstMessage, ...turn }) => {
    return { ...turn, firstMessage: firstMessage === null ? null : moved(firstMessage) };
  });
  return changed(snapshot, { messages: [...messages], turns });
}

/** At a checkpoint, and when a turn ended before its end. */
export function withUnfinished(snapshot: SessionSnapshot, unfinished: Checkpoint): SessionSnapshot {
  return changed(snapshot, { unfinished });
}

/** When a turn ended: the conversation goes on from it, or it can itself go on. */
export function afterTurn(snapshot: SessionSnapshot, turn: Turn, prefix: Prefix): SessionSnapshot {
  if (turn.checkpoint) return withUnfinished(snapshot, turn.checkpoint);
  const { messages, turns } = snapshot;
  // Documented: a conversation that holds a refused turn is refused again.
  const isKept = turn.outcome !== 'refused';
  const container = containerAfter(snapshot, turn.container, turn.notices);
  const kept = turnOf(isKept ? messages.length : null, turn.exchanges, container, turn.executions);
  return changed(snapshot, {
    ...(isKept ? { messages: [...turn.messages], prefix } : {}),
    container,
    turns: [...turns, kept],
    unfinished: null,
  });
}

/**
 * When a turn failed. Where it has no checkpoint of its own
 * nothing changes, but that a lost container is forgotten.
 */
export function afterFailure(snapshot: SessionSnapshot, error: unknown): SessionSnapshot {
  if (isTurnLimitError(error) || isTurnInterruptedError(error)) {
    const { checkpoint } = error;
    if (!checkpoint) return snapshot;
    const { mayRerun, responses } = checkpoint;
    // A refused continuation changes nothing: the turn waits for another one.
    const isRepeated = responses.length === snapshot.unfinished?.responses.length;
    if (isRepeated && isRefused(error.cause)) return snapshot;
    return mayRerun || responses.length > 0 ? withUnfinished(snapshot, checkpoint) : snapshot;
  }
  if (!isContainerLostError(error)) return snapshot;
  const turns = withLost(snapshot.turns, error.state.exchanges, error.state.executions);
  return changed(snapshot, { container: null, turns, unfinished: null });
}

/** When the unfinished turn is given up: as before it, but for what it used. */
export function afterDiscard(snapshot: SessionSnapshot): SessionSnapshot {
  if (snapshot.unfinished === null) return snapshot;
  const { exchanges, times } = snapshot.unfinished.state;
  return changed(snapshot, { turns: withLost(snapshot.turns, exchanges, times), unfinished: null });
}

/** What a fork takes along. */
export interface ForkStart {
  /** The conversation to go on with instead of the whole one. */
  readonly messages?: readonly MessageParam[] | undefined;
  readonly keepContainer?: boolean | undefined;
}

/**
 * The same conversation from here on, or another one, in a container of its own unless that is kept. What
 * it used so far was counted by the other. Thinking is bound to all that stands before it: from the first
 * message that is another one, there is none.
 */
export function forkOf(snapshot: SessionSnapshot, { messages, keepContainer }: ForkStart): SessionSnapshot {
  const { prefix, turns } = snapshot;
  const fresh = newSnapshot(keepContainer ? containerOfSession(snapshot) : null);
  const kept = turns.filter(({ firstMessage }) => firstMessage !== null);
  const ownTurns = kept.map((turn) => ({ ...turn, exchanges: [], container: null }));
  if (!messages) return { ...fresh, prefix, messages: [...snapshot.messages], turns: ownTurns };
  const same = messages.findIndex((one, at) => !isSameMessage(one, snapshot.messages[at]));
  const shared = same === -1 ? messages.length : same;
  return {
    ...fresh,
    prefix,
    messages: withoutThinking(messages, shared),
    turns: ownTurns.filter(({ firstMessage }) => Number(firstMessage) < shared),
  };
}

function isSameMessage(one: MessageParam, other: MessageParam | undefined): boolean {
  // A store may have put keys into another order.
  return one === other || canonical(one) === canonical(other);
}

/** The container that the next turn goes on in, also while one is unfinished. */
export function containerOfSession(snapshot: SessionSnapshot): ContainerData | null {
  if (!snapshot.unfinished) return snapshot.container;
  const { exchanges, notices } = snapshot.unfinished.state;
  const named = exchanges.findLast(({ container }) => container)?.container ?? null;
  return containerAfter(snapshot, named, notices);
}

/** One that the turn does not name is still there, unless the turn lost it. */
function containerAfter(
  { container }: SessionSnapshot,
  named: ContainerData | null,
  notices: TurnState['notices'],
): ContainerData | null {
  const isLost = notices.some(({ code }) => code === 'container-lost');
  return named ?? (isLost ? null : container);
}

function turnOf(
  firstMessage: number | null,
  exchanges: SessionTurn['exchanges'],
  container: ContainerData | null,
  executions: SessionTurn['executions'],
): SessionTurn {
  const times = executions.map(({ id, startedAt, endedAt }) => ({ id, startedAt, endedAt }));
  return { firstMessage, exchanges, container, executions: times };
}

/** The turns with one more that is not part of the conversation, where anything of it was billed. */
function withLost(
  turns: readonly SessionTurn[],
  exchanges: SessionTurn['exchanges'],
  executions: SessionTurn['executions'],
): readonly SessionTurn[] {
  return exchanges.length === 0 ? turns : [...turns, turnOf(null, exchanges, null, executions)];
}

function changed(snapshot: SessionSnapshot, change: Partial<SessionSnapshot>): SessionSnapshot {
  return { ...snapshot, ...change, revision: snapshot.revision + 1 };
}
