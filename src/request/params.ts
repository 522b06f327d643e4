import type {
  MessageCreateParamsNonStreaming,
  MessageParam,
  ToolUnion,
} from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError } from '../errors.ts';
import { describe } from '../sdk/client.ts';
import { isBlock, isRecord } from '../wire/blocks.ts';
import { type ContainerInput, requestedContainerId, toContainerParam } from './container.ts';
import {
  type AnswerParser,
  assertFormat,
  splitOutputConfig,
  type TurnOutputConfig,
} from './output-format.ts';
import { type RunnableTool, splitTools } from './runnable-tools.ts';
import { codeExecutionTool, hasCodeExecutionTool } from './tools.ts';

/**
 * What the SDK's `messages.create` takes, without `stream`: a turn is always streamed. `Parsed` is what `output_config.format`
 * reads, and alone is inferred: the params themselves stay a plain type, so that a typo in them is an error.
 */
export type TurnParams<Parsed = unknown> = Omit<
  MessageCreateParamsNonStreaming,
  'container' | 'stream' | 'tools' | 'output_config'
> & {
  /** Definitions, and tools with a handler, as `betaZodTool` makes them: those are run when Claude or its code calls them. */
  readonly tools?: readonly (ToolUnion | RunnableTool)[];
  /** Continue in this container. Without it the API makes a fresh one when code runs. */
  readonly container?: ContainerInput;
  /** With a `format` of the SDK's helpers, the answer is JSON of that form, and `turn.parsed` is what it reads. */
  readonly output_config?: TurnOutputConfig<Parsed>;
};

/** Params as they are sent, apart from `stream`. */
export type RequestParams = Omit<MessageCreateParamsNonStreaming, 'stream'>;

/** What is sent first, the handlers of the tools in it, and what reads the answer. */
export interface PreparedParams {
  readonly params: RequestParams;
  readonly handlers: ReadonlyMap<string, RunnableTool>;
  readonly parse: AnswerParser | null;
}

/**
 * Checks the params of a turn and makes what is sent: runnable tools as their definitions, the code execution tool
 * added where none is, the format without its function, and the container in the API's form. The caller's objects are not changed.
 *
 * @throws {InvalidInputError} naming what is missing or wrong.
 */
export function prepareParams(params: TurnParams, options: { readonly addTool: boolean }): PreparedParams {
  assertParams(params);
  const { container, tools, output_config: config, ...rest } = params;
  const containerParam = toContainerParam(container);
  const { definitions, handlers } = splitTools(tools ?? []);
  const output = config && splitOutputConfig(config);
  const all =
    options.addTool && !hasCodeExecutionTool(definitions)
      ? [...definitions, codeExecutionTool()]
      : definitions;
  return {
    params: {
      ...rest,
      // The turn's own: the caller may go on with his.
      messages: [...params.messages],
      ...(tools === undefined && all.length === 0 ? {} : { tools: [...all] }),
      ...(containerParam === undefined ? {} : { container: containerParam }),
      ...(output ? { output_config: output.outputConfig } : {}),
    },
    handlers,
    parse: output?.parse ?? null,
  };
}

function assertParams(params: unknown): asserts params is TurnParams {
  if (!isRecord(params)) {
    throw new InvalidInputError(
      `The second argument must be the params of messages.create, got ${describe(params)}. It needs model, max_tokens and messages.`,
    );
  }
  const { model, messages, max_tokens: maxTokens, tools, stream, output_config: output } = params;
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
  if (output !== undefined && !isRecord(output)) {
    throw new InvalidInputError(`params.output_config must be an object, got ${describe(output)}.`);
  }
  assertFormat(output?.['format'], 'params.output_config.format');
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
