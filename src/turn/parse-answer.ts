import { reasonOf } from '../errors.ts';
import { answerNotParsedNotice } from './notices.ts';
import { lastResponseIndex, type Notice, type TurnState } from './state.ts';

/** Reads the text of an answer, or throws. */
export type AnswerParser<Parsed = unknown> = (text: string) => Parsed;

/**
 * The answer as its format reads it: the last text of the turn, if it comes after
 * the last execution. Texts before that, such as what Claude says ahead of a tool
 * call, are no part of it. An answer that cannot be read is a notice and `null`.
 */
export function parseAnswer<Parsed>(
  state: TurnState,
  parse: AnswerParser<Parsed> | null,
): { readonly parsed: Parsed | null; readonly notice?: Notice } {
  if (!parse || state.outcome !== 'completed') return { parsed: null };
  const responseIndex = lastResponseIndex(state);
  const last = state.parts.findLast(({ type }) => type === 'text' || type === 'execution');
  if (last?.type !== 'text') {
    const notice = answerNotParsedNotice('there is no text after the last execution', responseIndex);
    return { parsed: null, notice };
  }
  try {
    return { parsed: parse(last.text) };
  } catch (error) {
    return { parsed: null, notice: answerNotParsedNotice(reasonOf(error), responseIndex) };
  }
}
