import type { MessageCreateParamsNonStreaming, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError } from '../errors.ts';
import { isBlock, isRecord } from '../wire/blocks.ts';
import { describe } from './client.ts';
import { type ContainerInput, requestedContainerId, toContainerParam } from './container.ts';
import { codeExecutionTool, hasCodeExecutionTool } from './tools.ts';

/** What the SDK's `messages.create` takes, without `stream`: a turn is always streamed. */
export type TurnParams = Omit<MessageCreateParamsNonStreaming, 'container' | 'stream'> & {
  /** Continue in this container. Without it the API makes a fresh one when code runs. */
  readonly container?: ContainerInput;
};

/** Params as they are sent, apart from `stream`. */
export type RequestParams = Omit<MessageCreateParamsNonStreaming, 'stream'>;

/**
 * Checks the params of a turn and makes what is sent: the code execution tool added where none is, and the container
 * in the API's form. The caller's objects are not changed.
 *
 * @throws {InvalidInputError} naming what is missing or wrong.
 */
export function prepareParams(params: TurnParams, options: { readonly addTool: boolean }): RequestParams {
  assertParams(params);
  const { container, ...rest } = params;
  const containerParam = toContainerParam(container);
  const tools = params.tools ?? [];
  return {
    ...rest,
    ...(options.addTool && !hasCodeExecutionTool(tools) ? { tools: [...tools, codeExecutionTool()] } : {}),
    ...(containerParam === undefined ? {} : { container: containerParam }),
  };
}

function assertParams(params: unknown): asserts params is TurnParams {
  if (!isRecord(params)) {
    throw new InvalidInputError(
      `The second argument must be the params of messages.create, got ${describe(params)}. It needs model, max_tokens and messages.`,
    );
  }
  const { model, messages, max_tokens: maxTokens, tools, stream } = params;
  if (typeof model !== 'string' || model === '') {
    throw new InvalidInputError(
      `params.model must name a model, such as "claude-opus-5-5"; got ${describe(model)}.`,
    );
  }
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new InvalidInputError(
      `params.messages must be a list with at least one message, such as [userMessage("…")]; got ${describe(messages)}.`,
    );
  }
  messages.forEach(assertMessage);
  if (!Number.isInteger(maxTokens) || (maxTokens as number) < 1) {
    throw new InvalidInputError(
      `params.max_tokens must be a whole number of at least 1, got ${describe(maxTokens)}.`,
    );
  }
  if (tools !== undefined && !(Array.isArray(tools) && tools.every(isRecord))) {
    throw new InvalidInputError(`params.tools must be a list of tool definitions, got ${describe(tools)}.`);
  }
  if (stream === false) {
    throw new InvalidInputError(
      'params.stream cannot be false: a turn is always streamed, so that code that runs for minutes does not time out. Leave it out; runTurn still gives one result.',
    );
  }
}

function assertMessage(message: unknown, index: number): void {
  const content = isRecord(message) ? message['content'] : undefined;
  if (isRecord(message) && typeof message['role'] === 'string') {
    if (typeof content === 'string' || (Array.isArray(content) && content.every(isBlock))) return;
  }
  throw new InvalidInputError(
    `params.messages[${index}] must have a role and a content that is a text or a list of blocks, got ${describe(message)}.`,
  );
}

/**
 * Ids of files in `container_upload` blocks that have no effect: the container is fresh, and the block stands before
 * the last answer that Claude completed (recorded Aug 2026: HTTP 200, and the code does not find the file).
 */
export function inertUploads(params: RequestParams): string[] {
  if (requestedContainerId(params.container) !== null) return [];
  const currentTurn = params.messages.findLastIndex(
    (message, index) => message.role === 'user' && !isToolAnswer(message) && index > 0,
  );
  const earlier = params.messages.slice(0, Math.max(currentTurn, 0));
  if (!earlier.some((message) => message.role === 'assistant')) return [];
  const current = new Set(params.messages.slice(currentTurn).flatMap(uploadsIn));
  return [...new Set(earlier.flatMap(uploadsIn))].filter((id) => !current.has(id));
}

function isToolAnswer(message: MessageParam): boolean {
  return Array.isArray(message.content) && message.content.some((block) => block.type === 'tool_result');
}

function uploadsIn(message: MessageParam): string[] {
  if (!Array.isArray(message.content)) return [];
  return message.content.flatMap((block) => (block.type === 'container_upload' ? [block.file_id] : []));
}
