import { InvalidInputError } from '../errors.ts';
import { describe } from '../request/client.ts';
import type { RequestParams } from '../request/params.ts';
import { isRecord } from '../wire/blocks.ts';
import type { Checkpoint } from './state.ts';

/** The form of checkpoints that this version writes. */
const VERSION = 1;

/** Where a turn stands between two responses. */
export type Boundary = Pick<
  Checkpoint,
  'responses' | 'state' | 'limits' | 'spent' | 'phase' | 'runnableTools'
> & {
  readonly params: RequestParams;
};

export function checkpointAt({ params, ...rest }: Boundary, mayRerun: boolean): Checkpoint {
  const { messages, container = null, ...others } = params;
  return { version: VERSION, params: others, messages, container, ...rest, mayRerun };
}

/**
 * Checks a checkpoint that comes from outside.
 *
 * @throws {InvalidInputError} naming the version or the field.
 */
export async function readCheckpoint(checkpoint: unknown): Promise<Checkpoint> {
  if (!isRecord(checkpoint)) {
    throw new InvalidInputError(
      `resumeTurn takes a checkpoint, such as error.checkpoint or turn.checkpoint, got ${describe(checkpoint)}.`,
    );
  }
  if (checkpoint['version'] !== VERSION) {
    throw new InvalidInputError(
      `The checkpoint has version ${JSON.stringify(checkpoint['version'])}, and this package reads version ${VERSION}. ` +
        'Finish such turns with the release that wrote them, or start the turn again.',
    );
  }
  // Loaded when it is needed: most turns read no checkpoint.
  const { checkpointSchema } = await import('./checkpoint-schema.ts');
  const { error } = checkpointSchema.safeParse(checkpoint);
  const issue = error?.issues[0];
  if (issue) {
    throw new InvalidInputError(
      `The checkpoint is damaged: ${issue.path.join('.') || 'checkpoint'}: ${issue.message}.`,
    );
  }
  return checkpoint as unknown as Checkpoint;
}
