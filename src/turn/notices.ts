import { asText, isRecord, type Message } from '../wire/blocks.ts';
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

/** For a session that goes on under another prefix than its conversation was held under. */
export function prefixNotice(parts: readonly string[], consequence: string): Notice {
  const message = `The conversation was held with other ${parts.join(' and ')}, ${consequence}.`;
  return { code: 'prefix-changed', message, responseIndex: 0 };
}

/** For a stored conversation in which something was put right. */
export function historyRepairedNotice(faults: readonly string[]): Notice {
  const message = `The conversation held what the API refuses, which was taken out: ${faults.join(' ')}`;
  return { code: 'history-repaired', message, responseIndex: 0 };
}

/** For messages of the caller's that the API will refuse. */
export function historyFaultsNotice(faults: readonly string[]): Notice {
  const message =
    `The API will probably refuse these messages: ${faults.join(' ')} ` +
    'checkHistory(messages) gives a history that it takes.';
  return { code: 'history-faults', message, responseIndex: 0 };
}

/** For thinking that the API did not give to Claude. */
export function thinkingDroppedNotice(
  transformations: readonly unknown[],
  responseIndex: number,
): Notice | undefined {
  const dropped = transformations.filter(isRecord).filter(({ type }) => type === 'thinking_dropped');
  if (dropped.length === 0) return undefined;
  const places = dropped.map(({ path, reason }) => `${asText(path)} (${asText(reason)})`).join(', ');
  const message =
    `The API left thinking out of the request: ${places}. Claude answered without it. It is bound to the model and ` +
    'to all that stood before it, so send system, tools and messages as they were.';
  return { code: 'thinking-dropped', message, responseIndex };
}

/** For a response that ended to have calls answered, and holds none. */
export function noCallsNotice(responseIndex: number): Notice {
  const message =
    'The last response ended with "tool_use" and holds no call of a tool, so there is nothing to answer. ' +
    'Send another user message to go on.';
  return { code: 'no-calls', message, responseIndex };
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

/** For calls that had no result when the turn ended, or when another message was sent instead. */
export function callsDroppedNotice(ids: readonly string[], responseIndex: number): Notice | undefined {
  if (ids.length === 0) return undefined;
  const message =
    `${ids.join(', ')}: these calls have no result. The API takes no further message after them, so they ` +
    'were taken out of the history. They are still in turn.responses.';
  return { code: 'calls-dropped', message, responseIndex };
}
