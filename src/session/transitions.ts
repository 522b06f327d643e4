import { isContainerLostError, isTurnInterruptedError, isTurnLimitError } from '../errors.ts';
import type { ContainerData } from '../request/container.ts';
import type { Checkpoint, Turn, TurnState } from '../turn/state.ts';
import { newSnapshot, type SessionSnapshot, withUsage } from './snapshot.ts';

/** What a session becomes. Pure: each gives another snapshot, of the next revision. */

/** At a checkpoint, and when a turn ended before its end. */
export function withUnfinished(snapshot: SessionSnapshot, unfinished: Checkpoint): SessionSnapshot {
  return changed(snapshot, { unfinished });
}

/** When a turn ended: the conversation goes on behind it, or it can itself go on. */
export function afterTurn(snapshot: SessionSnapshot, turn: Turn): SessionSnapshot {
  if (turn.checkpoint) return withUnfinished(snapshot, turn.checkpoint);
  return changed(snapshot, {
    // Documented: a conversation that holds a refused turn is refused again.
    messages: turn.outcome === 'refused' ? snapshot.messages : [...turn.messages],
    container: containerOfTurn(snapshot, turn),
    usagePerTurn: withUsage(snapshot.usagePerTurn, turn.usage),
    unfinished: null,
  });
}

/** When a turn failed. Without a checkpoint behind the start of the turn nothing changes, but that a lost container is forgotten. */
export function afterFailure(snapshot: SessionSnapshot, error: unknown): SessionSnapshot {
  if (isTurnLimitError(error) || isTurnInterruptedError(error)) {
    const { checkpoint } = error;
    // A refused continuation changes nothing: the turn waits for another one.
    if (
      checkpoint &&
      isRefused(error) &&
      checkpoint.responses.length === snapshot.unfinished?.responses.length
    ) {
      return snapshot;
    }
    const isBegun = checkpoint && (checkpoint.mayRerun || checkpoint.responses.length > 0);
    return isBegun ? withUnfinished(snapshot, checkpoint) : snapshot;
  }
  if (!isContainerLostError(error)) return snapshot;
  const usagePerTurn = withUsage(snapshot.usagePerTurn, error.state.usage);
  return changed(snapshot, { container: null, usagePerTurn, unfinished: null });
}

function isRefused({ cause }: Error): boolean {
  const { status } = (cause ?? {}) as { readonly status?: unknown };
  return typeof status === 'number' && status >= 400 && status < 500;
}

/** When the unfinished turn is given up: as before it, but for what it used. */
export function afterDiscard(snapshot: SessionSnapshot): SessionSnapshot {
  if (snapshot.unfinished === null) return snapshot;
  const usagePerTurn = withUsage(snapshot.usagePerTurn, snapshot.unfinished.state.usage);
  return changed(snapshot, { usagePerTurn, unfinished: null });
}

/** The same conversation from here on, in a container of its own. */
export function forkOf({ messages }: SessionSnapshot): SessionSnapshot {
  return { ...newSnapshot(null), messages: [...messages] };
}

/** The container behind a turn. One that the turn does not name is still there, unless the turn lost it. */
export function containerOfTurn(
  { container }: SessionSnapshot,
  turn: Pick<TurnState, 'container' | 'notices'>,
): ContainerData | null {
  const isLost = turn.notices.some(({ code }) => code === 'container-lost');
  return turn.container ?? (isLost ? null : container);
}

function changed(snapshot: SessionSnapshot, change: Partial<SessionSnapshot>): SessionSnapshot {
  return { ...snapshot, ...change, revision: snapshot.revision + 1 };
}
