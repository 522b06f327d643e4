import { assertInput, InvalidInputError, quoted, typed } from '../errors.ts';
import { CHECKPOINT_VERSION } from '../turn/checkpoint.ts';
import type { Checkpoint } from '../turn/turn.ts';
import { isRecord } from '../wire/blocks.ts';

/**
 * Checks a checkpoint that comes from outside.
 *
 * @throws {InvalidInputError} naming the version or the field.
 */
export async function readCheckpoint(checkpoint: unknown): Promise<Checkpoint> {
  return typed('readCheckpoint', () => checked(checkpoint));
}

async function checked(checkpoint: unknown): Promise<Checkpoint> {
  const rule = 'resumeTurn takes a checkpoint, such as error.checkpoint or turn.checkpoint';
  assertInput(isRecord(checkpoint), rule, checkpoint);
  if (checkpoint['version'] !== CHECKPOINT_VERSION) {
    throw new InvalidInputError(
      `The checkpoint has version ${quoted(checkpoint['version'])}, and this package reads version ` +
        `${CHECKPOINT_VERSION}. Finish such turns with the release that wrote them, or start the turn again.`,
    );
  }
  // Loaded when it is needed: most turns read no checkpoint.
  const { checkpointSchema, damageIn } = await import('../turn/schemas.ts');
  const damage = damageIn(checkpointSchema(), checkpoint) ?? misfitIn(checkpoint as unknown as Checkpoint);
  if (damage) throw new InvalidInputError(`The checkpoint is damaged: ${damage}.`);
  return checkpoint as unknown as Checkpoint;
}

/**
 * What no single field shows: a reference must name a response, and while
 * calls wait, the history must end with the response that made them.
 */
function misfitIn({ phase, messages, responses }: Checkpoint): string | undefined {
  const lost = messages.findIndex((one) => 'response' in one && !responses[one.response]);
  if (lost !== -1) return `messages.${lost}: it is none of the responses`;
  if (phase !== 'awaiting-tools') return undefined;
  const last = messages.at(-1);
  const isTheSame = last && 'response' in last && last.response === responses.length - 1;
  return isTheSame ? undefined : 'responses: the last one is not the last message';
}
