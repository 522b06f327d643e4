import type { Message, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, typed } from '../errors.ts';
import { carriedContainer, requestedContainerId } from '../wire/container.ts';
import { withAnswer, withReply } from './append.ts';
import { checkpointAt } from './checkpoint.ts';
import { foldResponses } from './fold-responses.ts';
import { withoutEmpty, withoutOpenCalls } from './history.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { type AnswerParser, parseAnswer } from './parse-answer.ts';
import {
  initialTurnState,
  isUnfinished,
  type Outcome,
  outcomeOf,
  stopReasonOf,
  type TurnState,
} from './state.ts';
import type { RequestParams, Turn } from './turn.ts';

/** Options of {@link turnFrom}. */
export interface TurnFromOptions<Parsed = unknown> {
  /** Reads the answer, as `parse` of `output_config.format` does. Without it `parsed` is `null`. */
  readonly parse?: AnswerParser<Parsed> | null | undefined;
  /** The turn so far, when the history goes on with one. */
  readonly earlier?: Turn | undefined;
}

/**
 * The turn that whole responses make, at once: for results of batches, stored
 * histories and transcripts. It equals what a run folds from the same responses, but
 * for `seq`, times (`null`), notices of the run, and the names and sizes of artifacts.
 *
 * @param params what was sent at first
 * @param history the responses in order, with the user messages that answered their calls between them
 * @throws {InvalidInputError} for what is no history, and for one without a response.
 *
 * @example
 * ```ts
 * const turn = turnFrom(params, [result.message]);
 * console.log(turn.outcome, turn.answer, turn.executions.length);
 * ```
 */
export function turnFrom<Parsed = null>(
  params: RequestParams,
  history: readonly (Message | MessageParam)[],
  options: TurnFromOptions<Parsed> = {},
): Turn<Parsed> {
  return typed('turnFrom', () => {
    assertInput(
      Object(options) === options,
      'turnFrom takes its options as an object',
      options,
      'Pass { parse, earlier }.',
    );
    const { parse = null, earlier } = options;
    const added = Array.isArray(history) ? history.filter(isResponse) : [];
    const rule = 'turnFrom takes the params of a request and a list with at least one response';
    assertInput(added.length > 0 && Array.isArray(params?.messages), rule, history);
    const responses = [...(earlier?.responses ?? []), ...added];
    const asked = requestedContainerId(params.container);
    const folded = foldResponses(added, earlier ? stateOf(earlier) : initialTurnState(), ({ container }) =>
      container === null ? asked : container.id,
    );
    const stopReason = stopReasonOf(added.at(-1));
    const outcome = outcomeOf(added.at(-1));
    const ended = { ...folded, status: 'ended' as const, outcome, stopReason };
    const { parsed, notice } = parseAnswer(ended, parse);
    const state = notice ? { ...ended, notices: [...ended.notices, notice] } : ended;
    const messages = history.reduce<MessageParam[]>(
      (before, one) => (isResponse(one) ? withAnswer(before, one) : withReply(before, one.content)),
      [...(earlier?.messages ?? params.messages)],
    );
    if (!isUnfinished(outcome)) {
      return { ...state, outcome, responses, messages: withoutOpenCalls(messages).messages, parsed };
    }
    const checkpoint = unfinished(params, messages, responses, state);
    return { ...state, outcome, responses, messages: withoutEmpty(messages), parsed, checkpoint };
  });
}

/** As a run leaves it, with the default limits. */
function unfinished(
  { container, ...params }: RequestParams,
  messages: MessageParam[],
  responses: readonly Message[],
  state: TurnState,
) {
  const outcomes = responses.map(outcomeOf);
  const count = (outcome: Outcome) => outcomes.filter((one) => one === outcome).length;
  const carried = carriedContainer(container, state.container?.id);
  return checkpointAt(
    {
      params: { ...params, messages, ...(carried === undefined ? {} : { container: carried }) },
      phase: outcomes.at(-1) === 'awaiting-tools' ? 'awaiting-tools' : 'ready',
      responses,
      spent: {
        pauses: count('paused'),
        toolRounds: count('awaiting-tools'),
        outputTokens: state.usage.output_tokens,
        durationMs: 0,
        reruns: 0,
      },
      state,
    },
    { limits: DEFAULT_LIMITS, runnableTools: [], mayRerun: false },
  );
}

function isResponse(message: Message | MessageParam): message is Message {
  return message.role === 'assistant';
}

/** The state of a turn, without what makes it a turn. */
function stateOf({ responses: _, messages: __, parsed: ___, checkpoint: ____, ...state }: Turn): TurnState {
  return state;
}
