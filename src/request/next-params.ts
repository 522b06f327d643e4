import type {
  ContainerParams,
  MessageParam,
  ToolChoice,
  ToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError, typed } from '../errors.ts';
import { withAnswer, withReply } from '../turn/append.ts';
import { withoutEmpty, withoutOpenCalls } from '../turn/history.ts';
import { outcomeOf } from '../turn/state.ts';
import type { RequestParams } from '../turn/turn.ts';
import { isBlock, isRecord, type Message, toolUsesIn } from '../wire/blocks.ts';
import { carriedContainer, readContainer } from '../wire/container.ts';
import { toContainerParam } from './container.ts';
import type { TurnParams } from './params.ts';

/** Options of {@link nextParams}. */
export interface NextParamsOptions {
  /** Answers to the client tool calls of the response, one for each. */
  readonly toolResults?: readonly ToolResultBlockParam[];
  /** The text or blocks of a user message to send instead of going on. Calls without a result are dropped. */
  readonly interrupt?: MessageParam['content'];
}

/** The parts of a response that decide what comes next. */
export interface ContinuableResponse {
  readonly content: readonly object[];
  readonly stop_reason: string | null;
  readonly container?: unknown;
}

/**
 * One step of a turn, pure: what to send next, or `undefined` when there is nothing to send.
 *
 * - `pause_turn`: the same params with the response appended as an assistant message of
 *   its own, verbatim, but for what the API never takes back, such as a blank text.
 * - calls of your tools, with `toolResults`: the response and one user message of
 *   `tool_result` blocks only, as the API demands while server-side work waits.
 * - with `interrupt`: the response without its open calls, and the user message. It goes before the others.
 * - anything else, and calls without `toolResults`: `undefined`.
 *
 * The container of the response is carried on, as a string or `{id, skills}`;
 * where the response names none, that of the params stays. A forced `tool_choice`
 * becomes `auto`, or it would force the tool again. Nothing is mutated.
 *
 * @throws {InvalidInputError} when `toolResults` do not answer each waiting call exactly once.
 *
 * @example
 * ```ts
 * let response = await client.messages.create(params);
 * for (let next = nextParams(params, response); next; next = nextParams(next, response)) {
 *   response = await client.messages.create(next);
 * }
 * ```
 */
export function nextParams<P extends TurnParams | RequestParams>(
  params: P,
  response: ContinuableResponse,
  options: NextParamsOptions = {},
): (Omit<P, 'container'> & { container?: string | ContainerParams }) | undefined {
  return typed('nextParams', () => {
    assertInput(Array.isArray(params?.messages), 'nextParams takes params with messages', params);
    assertInput(Array.isArray(response?.content), 'nextParams takes a response with content', response);
    assertInput(
      Object(options) === options,
      'nextParams takes its options as an object',
      options,
      'Pass { toolResults }.',
    );
    const { interrupt, toolResults } = options;
    const whole = withResponse(params, response);
    if (interrupt !== undefined) return interruptedParams(whole, interrupt).params;
    const next = { ...whole, messages: withoutEmpty(whole.messages) };
    const outcome = outcomeOf(response as Pick<Message, 'content' | 'stop_reason'>);
    if (outcome === 'paused') return next;
    if (outcome !== 'awaiting-tools' || !toolResults) return undefined;
    return withToolResults(next, response.content, toolResults);
  });
}

/** The params with a response as their last message, its container carried on. */
export function withResponse<P extends TurnParams | RequestParams>(
  params: P,
  { content, container: named }: ContinuableResponse,
): Omit<P, 'container'> & { messages: MessageParam[]; container?: string | ContainerParams } {
  const { container: asked, ...rest } = params;
  const container = carriedContainer(toContainerParam(asked), readContainer(named)?.id);
  const messages = withAnswer(params.messages, { content });
  return {
    ...rest,
    messages,
    ...(params.tool_choice ? { tool_choice: unforced(params.tool_choice) } : {}),
    ...(container === undefined ? {} : { container }),
  };
}

/**
 * The params with the results of the calls in their last message.
 *
 * @throws {InvalidInputError} when they do not answer each waiting call exactly once.
 */
export function withToolResults<P extends { readonly messages: MessageParam[] }>(
  params: P,
  content: readonly object[],
  results: readonly ToolResultBlockParam[],
): P {
  assertAnswersAll(content, results);
  return { ...params, messages: withReply(params.messages, results) };
}

/**
 * The params with a new user message instead of what was
 * open, and the ids of the calls that were dropped for it.
 */
export function interruptedParams<P extends { readonly messages: MessageParam[] }>(
  params: P,
  interrupt: MessageParam['content'],
): { readonly params: P; readonly dropped: readonly string[] } {
  const isText = typeof interrupt === 'string' && interrupt !== '';
  const isContent =
    Array.isArray(interrupt) &&
    interrupt.length > 0 &&
    interrupt.every((block: unknown) => isBlock(block) && block.type !== 'tool_result');
  const rule = 'interrupt must be a text or a list of content blocks, none of them a tool_result';
  assertInput(isText || isContent, rule, interrupt);
  const { messages, dropped } = withoutOpenCalls(params.messages);
  return {
    params: { ...params, messages: [...messages, { role: 'user' as const, content: interrupt }] },
    dropped,
  };
}

function unforced(choice: ToolChoice): ToolChoice {
  if (choice.type !== 'any' && choice.type !== 'tool') return choice;
  const { disable_parallel_tool_use: disabled } = choice;
  return { type: 'auto', ...(disabled === undefined ? {} : { disable_parallel_tool_use: disabled }) };
}

function assertAnswersAll(content: readonly object[], results: readonly ToolResultBlockParam[]): void {
  const isResult = (one: unknown) => isRecord(one) && one['type'] === 'tool_result';
  const areResults = Array.isArray(results) && results.length > 0 && results.every(isResult);
  assertInput(areResults, 'toolResults must be a list of tool_result blocks', results);
  const waiting = toolUsesIn(content).map((call) => call.id);
  const answered = results.map((result) => result.tool_use_id);
  const faults = [
    ['no result for', waiting.filter((id) => !answered.includes(id))],
    ['results that nothing waits for:', answered.filter((id) => !waiting.includes(id))],
    ['more than one result for', answered.filter((id, index) => answered.indexOf(id) !== index)],
  ] as const;
  const found = faults.flatMap(([fault, ids]) => (ids.length > 0 ? [`${fault} ${ids.join(', ')}`] : []));
  if (found.length === 0) return;
  throw new InvalidInputError(
    `toolResults must answer each waiting call exactly once, in one step: ${found.join('; ')}.`,
  );
}
