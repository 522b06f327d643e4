import { InvalidInputError } from '../errors.ts';
import type { RequestParams } from '../request/params.ts';
import { describe } from '../sdk/client.ts';
import type { Checkpoint } from '../turn/state.ts';
import { isRecord } from '../wire/blocks.ts';

/** The form of checkpoints that this version writes. */
const VERSION = 1;

/** Where a turn stands between two responses. */
export type Boundary = Pick<
  Checkpoint,
  'responses' | 'state' | 'limits' | 'spent' | 'phase' | 'runnableTools'
> & {
  readonly params: RequestParams;
};

export function checkpointAt({ params, responses, ...rest }: Boundary, mayRerun: boolean): Checkpoint {
  const { messages, container = null, ...others } = params;
  // Lists of its own: whoever stores it may trim them.
  return {
    version: VERSION,
    params: others,
    messages: [...messages],
    container,
    responses: [...responses],
    ...rest,
    mayRerun,
  };
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
  const { checkpointSchema } = await import('../turn/checkpoint-schema.ts');
  const { error } = checkpointSchema.safeParse(checkpoint);
  const issue = error?.issues[0] ?? misfit(checkpoint as unknown as Checkpoint);
  if (issue) {
    throw new InvalidInputError(
      `The checkpoint is damaged: ${issue.path.join('.') || 'checkpoint'}: ${issue.message}.`,
    );
  }
  return checkpoint as unknown as Checkpoint;
}

/** What no single field shows: while calls wait, the history must end with the response that made them. */
function misfit({ phase, messages, responses }: Checkpoint) {
  if (phase !== 'awaiting-tools') return undefined;
  const [last, response] = [messages.at(-1), responses.at(-1)];
  const isTheSame =
    last?.role === 'assistant' && JSON.stringify(last.content) === JSON.stringify(response?.content);
  return isTheSame ? undefined : { path: ['responses'], message: 'the last one is not the last message' };
}
