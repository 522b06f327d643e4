import type { Notice, TurnState } from '../turn/state.ts';
import type { Message } from '../wire/blocks.ts';

/** For uploads that have no effect; `ids` are those of their files. */
export function inertUploadsNotice(ids: readonly string[]): Notice | undefined {
  if (ids.length === 0) return undefined;
  const message =
    `${ids.join(', ')}: uploaded in an earlier message, so a fresh container will not have it. Repeat the ` +
    'containerUpload in the newest user message, or hand on the container of the earlier turn.';
  return { code: 'inert-upload', message };
}

/** For a turn in which the text editor wrote files and none came back. */
export function filesNotCapturedNotice({
  executions,
  artifacts,
}: Pick<TurnState, 'executions' | 'artifacts'>): Notice | undefined {
  const created = executions.filter(({ kind, status }) => kind === 'create' && status === 'succeeded');
  if (created.length === 0 || artifacts.length > 0) return undefined;
  const paths = created.map((execution) => execution.kind === 'create' && execution.path);
  const message =
    `The text editor wrote ${paths.join(', ')}, and no file was captured: only files that a command leaves in its ` +
    '$OUTPUT_DIR are. artifactInstructions() in the system text tells Claude.';
  return { code: 'files-not-captured', message };
}

/** For an answer that the format of the turn could not read. */
export function answerNotParsedNotice(reason: string): Notice {
  const message = `turn.parsed is null, since the answer could not be read: ${reason}. Its text is in turn.answer.`;
  return { code: 'answer-not-parsed', message };
}

/** For a turn that begins again in a fresh container. */
export function containerLostNotice(id: string): Notice {
  const message =
    `Container ${id} is gone, with its files and variables. The turn begins in a fresh one, with the uploads of the ` +
    'conversation repeated.';
  return { code: 'container-lost', message };
}

/** For a response that broke off and is asked for again. */
export function responseRepeatedNotice(reason: string, response: Message | null): Notice {
  const message = `A response broke off and was asked for again, so its code may have run twice: ${reason}`;
  return { code: 'response-repeated', message, response };
}

/** For calls that an interruption left without a result. */
export function callsDroppedNotice(ids: readonly string[]): Notice | undefined {
  if (ids.length === 0) return undefined;
  const message = `${ids.join(', ')}: these calls had no result when the turn was interrupted, and were taken out of its history.`;
  return { code: 'calls-dropped', message };
}
