import type {
  MessageCreateParamsNonStreaming,
  MessageParam,
  ToolUnion,
} from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError } from '../errors.ts';
import type { AnswerParser } from '../turn/parse-answer.ts';
import type { RequestParams } from '../turn/turn.ts';
import { isBlock, isRecord } from '../wire/blocks.ts';
import { type ContainerInput, toContainerParam } from './container.ts';
import { assertFormat, splitOutputConfig, type TurnOutputConfig } from './output-format.ts';
import { type RunnableTool, splitTools } from './runnable-tools.ts';
import { assertSkills } from './skill.ts';
import { codeExecutionTool, hasCodeExecutionTool } from './tools.ts';

/**
 * What the SDK's `messages.create` takes, without `stream`: a turn is always
 * streamed. `Parsed` is what `output_config.format` reads, and alone is inferred:
 * the params themselves stay a plain type, so that a typo in them is an error.
 */
export type TurnParams<Parsed = unknown> = Omit<
  MessageCreateParamsNonStreaming,
  'container' | 'stream' | 'tools' | 'output_config'
> & {
  /**
   * Definitions, and tools with a handler, as `betaZodTool` makes
   * them: those are run when Claude or its code calls them.
   */
  readonly tools?: readonly (ToolUnion | RunnableTool)[];
  /** Continue in this container. Without it the API makes a fresh one when code runs. */
  readonly container?: ContainerInput;
  /**
   * With a `format` of the SDK's helpers, the answer is
   * JSON of that form, and `turn.parsed` is what it reads.
   */
  readonly output_config?: TurnOutputConfig<Parsed>;
};

/** What is sent first, the handlers of the tools in it, and what reads the answer. */
export interface PreparedParams {
  readonly params: RequestParams;
  readonly handlers: ReadonlyMap<string, RunnableTool>;
  readonly parse: AnswerParser | null;
}

/**
 * Checks the params of a turn and makes what is sent: runnable tools as their
 * definitions, the code execution tool added where none is, the format without its
 * function, and the container in the API's form. The caller's objects are not changed.
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
  assertSkills(containerParam, all);
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
  const cure = 'It needs model, max_tokens and messages.';
  assertInput(isRecord(params), 'The second argument must be the params of messages.create', params, cure);
  const { model, messages, max_tokens: maxTokens, tools, stream, output_config: output } = params;
  const isModel = typeof model === 'string' && model !== '';
  assertInput(isModel, 'params.model must name a model, such as "claude-opus-5-5"', model);
  const isList = Array.isArray(messages) && messages.length > 0;
  const rule = 'params.messages must be a list with at least one message, such as [userMessage("…")]';
  assertInput(isList, rule, messages);
  (messages as readonly unknown[]).forEach(assertMessage);
  const isCount = Number.isInteger(maxTokens) && (maxTokens as number) >= 1;
  assertInput(isCount, 'params.max_tokens must be a whole number of at least 1', maxTokens);
  const areTools = tools === undefined || (Array.isArray(tools) && tools.every(isRecord));
  assertInput(areTools, 'params.tools must be a list of tool definitions', tools);
  assertInput(output === undefined || isRecord(output), 'params.output_config must be an object', output);
  assertFormat(output?.['format'], 'params.output_config.format');
  if (stream !== false) return;
  throw new InvalidInputError(
    'params.stream cannot be false: a turn is always streamed, so that code that runs for minutes does not time out. ' +
      'Leave it out; runTurn still gives one result.',
  );
}

function assertMessage(message: unknown, index: number): void {
  const { role, content } = (isRecord(message) ? message : {}) as Partial<MessageParam>;
  // A system message may have other parts instead.
  const isOther = (role as string) === 'system' && content === undefined;
  const isContent =
    isOther || typeof content === 'string' || (Array.isArray(content) && content.every(isBlock));
  const rule = `params.messages[${index}] must have a role and a content that is a text or a list of blocks`;
  assertInput(typeof role === 'string' && isContent, rule, message);
}
