import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError, quoted } from '../errors.ts';
import type { Prefix } from '../request/prefix.ts';
import type { Execution } from '../turn/execution.ts';
import type { Exchange } from '../turn/state.ts';
import type { Checkpoint } from '../turn/turn.ts';
import { type ResponseUsage, usageOf } from '../turn/usage.ts';
import { isRecord } from '../wire/blocks.ts';
import type { ContainerData } from '../wire/container.ts';

/** The form of snapshots that this version writes. */
const VERSION = 1;

/** What a session keeps of a turn beside its messages. */
export interface SessionTurn {
  /**
   * Where the turn begins in `messages`; `null` for one whose
   * messages are not kept: it was refused, discarded or lost.
   */
  readonly firstMessage: number | null;
  readonly exchanges: readonly Exchange[];
  /** The container in which the turn ended. */
  readonly container: ContainerData | null;
  /** When its executions began and ended. */
  readonly executions: readonly Pick<Execution, 'id' | 'startedAt' | 'endedAt'>[];
}

/**
 * A session as plain JSON: what `createSession` needs to go on in another
 * process. It holds the whole conversation, and no keys, handlers or schemas.
 * Keep it on the server, or signed: who can change it decides what is sent.
 */
export interface SessionSnapshot {
  readonly version: 1;
  /** Grows with every change of the snapshot: for compare-and-swap in a store. */
  readonly revision: number;
  /** The conversation: the turns that ended, as they were sent and received. */
  readonly messages: readonly MessageParam[];
  /** What stood before the messages when they were sent, as it was sent; `null` before the first turn. */
  readonly prefix: Prefix | null;
  /** The container of the conversation; `null` when the next turn begins in a fresh one. */
  readonly container: ContainerData | null;
  /** The turns in order; discarded, refused and lost ones are among them, since they were billed. */
  readonly turns: readonly SessionTurn[];
  /** Where a turn stands that did not end; its `runnableTools` are the handlers that it needs to go on. */
  readonly unfinished: Checkpoint | null;
}

/** Counters summed over the turns of a session. */
export interface SessionUsage extends ResponseUsage {
  /** What each turn used, in order, the unfinished one last. */
  readonly perTurn: readonly ResponseUsage[];
}

/** The snapshot of a session that has no turn yet. */
export function newSnapshot(container: ContainerData | null): SessionSnapshot {
  return {
    version: VERSION,
    revision: 0,
    prefix: null,
    messages: [],
    container,
    turns: [],
    unfinished: null,
  };
}

/** The usage of the turns that ended, and of the unfinished one as far as it came. */
export function usageOfSession({ turns, unfinished }: SessionSnapshot): SessionUsage {
  const perTurn = [...turns, ...(unfinished ? [unfinished.state] : [])]
    .map(({ exchanges }) => exchanges)
    .filter((exchanges) => exchanges.length > 0);
  return { ...usageOf(perTurn.flat()), perTurn: perTurn.map(usageOf) };
}

/**
 * The part of the check that needs no schema.
 *
 * @throws {InvalidInputError} for what is no snapshot, or one of another version.
 */
export function assertSnapshotVersion(snapshot: unknown): asserts snapshot is SessionSnapshot {
  const rule = 'snapshot must be what session.toJSON() gave, parsed from JSON';
  assertInput(isRecord(snapshot), rule, snapshot);
  if (snapshot['version'] === VERSION) return;
  throw new InvalidInputError(
    `The snapshot has version ${quoted(snapshot['version'])}, and this package reads version ${VERSION}. ` +
      'Read such sessions with the release that wrote them, or begin a new one.',
  );
}

/**
 * Checks a snapshot that comes from outside.
 *
 * @throws {InvalidInputError} naming the field.
 */
export async function checkSnapshot(snapshot: SessionSnapshot): Promise<void> {
  // Loaded when it is needed: a new session has nothing to check.
  const { damageIn, snapshotSchema } = await import('./snapshot-schema.ts');
  const damage = damageIn(snapshotSchema(), snapshot);
  if (damage) throw new InvalidInputError(`The snapshot is damaged: ${damage}.`);
}
