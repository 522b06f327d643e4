import type { Message, ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { answerCalls } from '../request/answer-calls.ts';
import { withResponse, withToolResults } from '../request/next-params.ts';
import { handlersOf, type RunnableTool } from '../request/runnable-tools.ts';
import { inFreshContainer } from '../request/uploads.ts';
import { isContainerLost } from '../sdk/failures.ts';
import { withoutEmpty } from '../turn/history.ts';
import type { RequestParams } from '../turn/turn.ts';
import { turnFrom } from '../turn/turn-from.ts';
import { toolUsesIn } from '../wire/blocks.ts';
import { readContainer } from '../wire/container.ts';
import { withOwnSignal } from '../wire/signals.ts';
import type { History } from './items.ts';
import type { SubmitOptions } from './options.ts';
import type { ReadItem } from './read-items.ts';
import { statusOfError } from './results.ts';

/** Which items go on, and how. */
export interface GoOnOptions extends SubmitOptions {
  /** Handlers of your tools, by which calls are answered. */
  readonly tools?: readonly RunnableTool[] | undefined;
  /** Longest time of one handler, in milliseconds. Default 240,000. */
  readonly toolTimeoutMs?: number | undefined;
  /** What else is sent again. `errored` means those that are `retryable`. Default none. */
  readonly retry?: readonly ('errored' | 'expired' | 'canceled')[] | undefined;
  /** Rounds after the first at most. Default 25. */
  readonly maxRounds?: number | undefined;
  /**
   * For an item whose container is gone: `'error'` leaves it errored, `'restart'` begins it again, once,
   * from its first message in a fresh container. Its code runs again. Default `'error'`.
   */
  readonly onLostContainer?: 'error' | 'restart' | undefined;
  /** Longest silence of a body, in milliseconds. Default 290,000. */
  readonly idleTimeoutMs?: number | undefined;
}

/** How items go on. */
export interface Continuation {
  readonly handlers: ReadonlyMap<string, RunnableTool>;
  readonly toolResults: Readonly<Record<string, readonly ToolResultBlockParam[]>>;
  readonly options: GoOnOptions;
}

export function continuationOf(
  options: GoOnOptions,
  toolResults: Continuation['toolResults'] = {},
): Continuation {
  return { handlers: handlersOf(options.tools ?? []), toolResults, options };
}

/** Whether a next round has the item: asked by what submits it, and by what hands items out for good. */
export function goesOn(item: ReadItem, { handlers, toolResults, options }: Continuation): boolean {
  const { result, customId } = item;
  const { retry = [], onLostContainer } = options;
  switch (result.status) {
    case 'ended':
      return false;
    case 'paused':
      return true;
    case 'awaiting-tools':
      return (
        Object.hasOwn(toolResults, customId) ||
        toolUsesIn(result.message.content).every(({ name }) => handlers.has(name))
      );
    case 'errored':
      if (retry.includes('errored') && result.retryable) return true;
      return onLostContainer === 'restart' && !item.isRestarted && isLost(item);
    default:
      return retry.includes(result.status);
  }
}

/** Whether it waits for something that the caller can still give. */
export function isOpen({ result }: ReadItem): boolean {
  return result.status === 'errored' ? result.retryable : result.status !== 'ended';
}

/** The request that an item sent last, made again from its params. */
function requestOf(params: RequestParams, history: History): RequestParams {
  let request = params;
  for (const message of history) {
    request =
      message.role === 'assistant'
        ? (withResponse(request, message as Message) as RequestParams)
        : { ...request, messages: [...request.messages, message] };
  }
  return { ...request, messages: withoutEmpty(request.messages) };
}

/** What an item sends next, and the answers in it. */
export interface NextRequest {
  readonly params: RequestParams;
  readonly answers?: readonly ToolResultBlockParam[];
  readonly isRestarted?: boolean;
}

/** The next request of an item that goes on. */
export async function nextRequest(
  item: ReadItem,
  params: RequestParams,
  answered: readonly ToolResultBlockParam[] | undefined,
  continuation: Continuation,
): Promise<NextRequest> {
  const { result, earlier, customId } = item;
  if (isLost(item) && !item.isRestarted) return { params: inFreshContainer(params), isRestarted: true };
  const first = paramsOf(item, params);
  // Refused, expired or canceled: the same again.
  if (!('message' in result)) return { params: requestOf(first, earlier) };
  const { message } = result;
  const history = [...earlier, message];
  const whole = requestOf(first, history);
  if (result.status === 'paused') return { params: whole };
  const given =
    answered ??
    (Object.hasOwn(continuation.toolResults, customId) ? continuation.toolResults[customId] : undefined);
  const answers = given ?? (await runHandlers(message, first, history, continuation));
  return { params: withToolResults(whole, message.content, answers), answers };
}

/** The params with which an item began. */
export function paramsOf(
  { isRestarted }: Pick<ReadItem, 'isRestarted'>,
  params: RequestParams,
): RequestParams {
  return isRestarted ? inFreshContainer(params) : params;
}

/**
 * Whether its container was gone, as its refusal says: the params, which may name one, are not known here.
 */
function isLost({ result, earlier }: ReadItem): boolean {
  if (result.status !== 'errored' || result.retryable) return false;
  const { type, message } = result.error;
  const last = earlier
    .flatMap((one) => readContainer('container' in one ? one.container : null) ?? [])
    .at(-1);
  const id = /\bcontainer_\w+/.exec(message)?.[0] ?? last?.id;
  const error = Object.assign(new Error(message), { status: statusOfError(type) });
  return id !== undefined && isContainerLost(error, { id, expiresAt: last?.expiresAt ?? null }, new Date());
}

/** No handler is run with a part of an input. */
function runHandlers(
  message: Message,
  params: RequestParams,
  history: History,
  { handlers, options }: Continuation,
): Promise<ToolResultBlockParam[]> {
  const { toolUses } = turnFrom(params, history);
  const incomplete = new Set(toolUses.flatMap(({ id, inputComplete }) => (inputComplete ? [] : [id])));
  const { toolTimeoutMs: timeoutMs = 240_000, signal: parent } = options;
  const calls = toolUsesIn(message.content) as never;
  return withOwnSignal(parent, (signal) => answerCalls(calls, { handlers, incomplete, timeoutMs, signal }));
}
