import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError } from '../errors.ts';
import type { ContainerData } from '../request/container.ts';
import { describe } from '../sdk/client.ts';
import type { Checkpoint } from '../turn/state.ts';
import { type ResponseUsage, sumOfUsage, type TurnUsage } from '../turn/usage.ts';
import { isRecord } from '../wire/blocks.ts';

/** The form of snapshots that this version writes. */
const VERSION = 1;

/**
 * A session as plain JSON: what `createSession` needs to go on in another process. It holds the whole conversation, and no keys,
 * handlers or schemas. Keep it on the server, or signed: who can change it decides what is sent.
 */
export interface SessionSnapshot {
  readonly version: 1;
  /** Grows with every change of the snapshot: for compare-and-swap in a store. */
  readonly revision: number;
  /** The conversation: the turns that ended, as they were sent and received. */
  readonly messages: readonly MessageParam[];
  /** The container of the conversation; `null` when the next turn begins in a fresh one. */
  readonly container: ContainerData | null;
  /** What each turn used, in order; discarded, refused and lost turns are among them, since they were billed. */
  readonly usagePerTurn: readonly TurnUsage[];
  /** Where a turn stands that did not end; its `runnableTools` are the handlers that it needs to go on. */
  readonly unfinished: Checkpoint | null;
}

/** Counters summed over the turns of a session. */
export interface SessionUsage extends ResponseUsage {
  /** What each turn used, in order, the unfinished one last. */
  readonly perTurn: readonly TurnUsage[];
}

/** The snapshot of a session that has no turn yet. */
export function newSnapshot(container: ContainerData | null): SessionSnapshot {
  return { version: VERSION, revision: 0, messages: [], container, usagePerTurn: [], unfinished: null };
}

/** The usage of the turns that ended, and of the unfinished one as far as it came. */
export function usageOf({ usagePerTurn, unfinished }: SessionSnapshot): SessionUsage {
  const perTurn = withUsage(usagePerTurn, unfinished?.state.usage);
  return {
    ...sumOfUsage(perTurn.map(({ perResponse: _, interrupted: __, ...counters }) => counters)),
    perTurn,
  };
}

/** The list with the usage of one more turn, where it has any. */
export function withUsage(usages: readonly TurnUsage[], usage: TurnUsage | undefined): readonly TurnUsage[] {
  return usage && usage.perResponse.length + usage.interrupted.length > 0 ? [...usages, usage] : usages;
}

/**
 * The part of the check that needs no schema.
 *
 * @throws {InvalidInputError} for what is no snapshot, or one of another version.
 */
export function assertSnapshotVersion(snapshot: unknown): asserts snapshot is SessionSnapshot {
  if (!isRecord(snapshot)) {
    throw new InvalidInputError(
      `snapshot must be what session.toJSON() gave, parsed from JSON; got ${describe(snapshot)}.`,
    );
  }
  if (snapshot['version'] === VERSION) return;
  throw new InvalidInputError(
    `The snapshot has version ${JSON.stringify(snapshot['version'])}, and this package reads version ${VERSION}. ` +
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
  const { snapshotSchema } = await import('./snapshot-schema.ts');
  const issue = snapshotSchema.safeParse(snapshot).error?.issues[0];
  if (!issue) return;
  throw new InvalidInputError(
    `The snapshot is damaged: ${issue.path.join('.') || 'snapshot'}: ${issue.message}.`,
  );
}
