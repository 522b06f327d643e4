import type { Message } from '../wire/blocks.ts';
import { lastResponseIndex, type Notice, type TurnState } from './state.ts';

/** For uploads that have no effect; `ids` are those of their files. */
export function inertUploadsNotice(ids: readonly string[]): Notice | undefined {
  if (ids.length === 0) return undefined;
  const message =
    `${ids.join(', ')}: uploaded in an earlier message, so a fresh container will not have it. Repeat the ` +
    'containerUpload in the newest user message, or hand on the container of the earlier turn.';
  return { code: 'inert-upload', message, responseIndex: 0 };
}

/** For a response that came from another container than the request named. */
export function containerChangedNotice(requested: string, id: string, responseIndex: number): Notice {
  const message =
    `Container ${requested} was asked for and the API answered from ${id}: files and Python state of the former ` +
    'are not there.';
  return { code: 'container-changed', message, responseIndex };
}

/** For a turn in which the text editor wrote files and none came back. */
export function filesNotCapturedNotice(state: TurnState): Notice | undefined {
  if (state.artifacts.length > 0) return undefined;
  const paths = state.executions.flatMap((one) =>
    one.kind === 'create' && one.status === 'succeeded' ? [one.path] : [],
  );
  if (paths.length === 0) return undefined;
  const message =
    `The text editor wrote ${paths.join(', ')}, and no file was captured: only files that a command leaves in its ` +
    '$OUTPUT_DIR are. artifactInstructions() in the system text tells Claude.';
  return { code: 'files-not-captured', message, responseIndex: lastResponseIndex(state) };
}

/** For an answer that the format of the turn could not read. */
export function answerNotParsedNotice(reason: string, responseIndex: number): Notice {
  const message = `turn.parsed is null, since the answer could not be read: ${reason}. Its text is in turn.answer.`;
  return { code: 'answer-not-parsed', message, responseIndex };
}

/** For a turn that begins again in a fresh container. */
export function containerLostNotice(id: string, responseIndex: number): Notice {
  const message =
    `Container ${id} is gone, with its files and variables. The turn begins in a fresh one, with the uploads of the ` +
    'conversation repeated.';
  return { code: 'container-lost', message, responseIndex };
}

/** For a response that broke off and is asked for again. */
export function responseRepeatedNotice(
  reason: string,
  responseIndex: number,
  response: Message | null,
): Notice {
  const message = `A response broke off and was asked for again, so its code may have run twice: ${reason}`;
  return { code: 'response-repeated', message, responseIndex, response };
}

/** For calls that an interruption left without a result. */
export function callsDroppedNotice(ids: readonly string[], responseIndex: number): Notice | undefined {
  if (ids.length === 0) return undefined;
  const message = `${ids.join(', ')}: these calls had no result when the turn was interrupted, and were taken out of its history.`;
  return { code: 'calls-dropped', message, responseIndex };
}
