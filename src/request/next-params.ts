import type {
  ContainerParams,
  ContentBlock,
  ToolChoice,
  ToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError } from '../errors.ts';
import { isRecord, toolUsesIn } from '../wire/blocks.ts';
import { readContainer } from '../wire/container.ts';
import { describe } from './client.ts';
import { toContainerParam } from './container.ts';
import type { RequestParams, TurnParams } from './params.ts';

/** Options of {@link nextParams}. */
export interface NextParamsOptions {
  /** Answers to the client tool calls of the response, one for each. */
  readonly toolResults?: readonly ToolResultBlockParam[];
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
 * - `pause_turn`: the same params with the response appended as an assistant message of its own, verbatim.
 * - `tool_use` with `toolResults`: the response and one user message of `tool_result` blocks only, as the API demands
 *   while server-side work waits.
 * - anything else, and `tool_use` without `toolResults`: `undefined`.
 *
 * The container of the response is carried on, as a string or `{id, skills}`; where the response names none, that of
 * the params stays. A forced `tool_choice` becomes `auto`, or it would force the tool again. Nothing is mutated.
 *
 * @throws {InvalidInputError} when there is no response, and when `toolResults` do not answer each waiting call exactly once.
 *
 * @example
 * ```ts
 * for (let next: typeof params | undefined = params; next; next = nextParams(next, response)) {
 *   response = await client.messages.create(next);
 * }
 * ```
 */
export function nextParams<P extends TurnParams | RequestParams>(
  params: P,
  response: ContinuableResponse,
  options: NextParamsOptions = {},
): (Omit<P, 'container'> & { container?: string | ContainerParams }) | undefined {
  if (
    !isRecord(params) ||
    !Array.isArray(params.messages) ||
    !isRecord(response) ||
    !Array.isArray(response.content)
  ) {
    throw new InvalidInputError(
      `nextParams takes the params of a request and its response, got ${describe(response)}.`,
    );
  }
  const answer = { role: 'assistant' as const, content: response.content as ContentBlock[] };
  if (response.stop_reason === 'pause_turn') return continueWith(params, response, [answer]);
  if (response.stop_reason !== 'tool_use' || !options.toolResults) return undefined;
  assertAnswersAll(response, options.toolResults);
  return continueWith(params, response, [
    answer,
    { role: 'user' as const, content: [...options.toolResults] },
  ]);
}

function continueWith<P extends TurnParams | RequestParams>(
  params: P,
  response: ContinuableResponse,
  added: P['messages'],
): Omit<P, 'container'> & { container?: string | ContainerParams } {
  const { container: _, ...rest } = params;
  const container = carriedContainer(params, response);
  return {
    ...rest,
    messages: [...params.messages, ...added],
    ...(params.tool_choice ? { tool_choice: unforced(params.tool_choice) } : {}),
    ...(container === undefined ? {} : { container }),
  };
}

function carriedContainer(
  params: TurnParams | RequestParams,
  response: ContinuableResponse,
): string | ContainerParams | undefined {
  const asked = toContainerParam(params.container);
  const id = readContainer(response.container)?.id;
  if (id === undefined) return asked;
  // The caller's list, not the resolved one: a changed list would break the prompt cache.
  const skills = isRecord(asked) ? (asked as ContainerParams).skills : undefined;
  return skills?.length ? { id, skills } : id;
}

function unforced(choice: ToolChoice): ToolChoice {
  if (choice.type !== 'any' && choice.type !== 'tool') return choice;
  const { disable_parallel_tool_use: disabled } = choice;
  return { type: 'auto', ...(disabled === undefined ? {} : { disable_parallel_tool_use: disabled }) };
}

function assertAnswersAll(response: ContinuableResponse, results: readonly ToolResultBlockParam[]): void {
  const isResult = (one: unknown) => isRecord(one) && one['type'] === 'tool_result';
  if (!Array.isArray(results) || results.length === 0 || !results.every(isResult)) {
    throw new InvalidInputError(
      `toolResults must be a list of tool_result blocks, got ${describe(results)}.`,
    );
  }
  const waiting = toolUsesIn(response.content).map((call) => call.id);
  const answered = results.map((result) => result.tool_use_id);
  const missing = waiting.filter((id) => !answered.includes(id));
  const unknown = answered.filter((id) => !waiting.includes(id));
  const twice = answered.filter((id, index) => answered.indexOf(id) !== index);
  if (missing.length + unknown.length + twice.length === 0) return;
  const faults = [
    missing.length > 0 && `no result for ${missing.join(', ')}`,
    unknown.length > 0 && `a result for ${unknown.join(', ')}, which nothing waits for`,
    twice.length > 0 && `more than one result for ${twice.join(', ')}`,
  ];
  throw new InvalidInputError(
    `toolResults must answer each waiting call exactly once, in one step: ${faults.filter(Boolean).join('; ')}.`,
  );
}
