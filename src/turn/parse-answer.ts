import type { AnswerParser } from '../request/output-format.ts';
import { answerNotParsedNotice } from '../run/notices.ts';
import { reasonOf } from '../wire/reason.ts';
import type { Notice, TurnPart } from './state.ts';

/**
 * The answer as its format reads it: the last text of the turn, if it stands behind the last execution. Texts before it,
 * such as what Claude says ahead of a tool call, are no part of it. An answer that cannot be read is a notice and `null`.
 */
export function parseAnswer(
  parts: readonly TurnPart[],
  parse: AnswerParser,
): { readonly parsed: unknown; readonly notice?: Notice } {
  const last = parts.findLast(({ type }) => type === 'text' || type === 'execution');
  if (last?.type !== 'text') {
    return { parsed: null, notice: answerNotParsedNotice('there is no text behind the last execution') };
  }
  try {
    return { parsed: parse(last.text) };
  } catch (error) {
    const reason = reasonOf(error);
    return { parsed: null, notice: answerNotParsedNotice(reason) };
  }
}
