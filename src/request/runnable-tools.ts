import type { ToolUnion } from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';
import { describe } from './client.ts';

/**
 * A tool with its handler, as the SDK's helpers make them: `betaZodTool`, `betaStandardSchemaTool`, those of MCP, or any object of a
 * definition with `run`.
 */
export interface RunnableTool {
  readonly name: string;
  /** Gets the input, parsed where the tool has `parse`, and `{ toolUse, signal }`. What it throws becomes an error result. */
  run(input: never, context?: never): unknown;
  parse?(input: unknown): unknown;
}

/** Keys of a tool definition that the API takes; a runnable tool has more. */
const DEFINITION_KEYS = [
  'type',
  'name',
  'description',
  'input_schema',
  'input_examples',
  'allowed_callers',
  'cache_control',
  'defer_loading',
  'eager_input_streaming',
  'strict',
];

/** Tools as they are sent, and the handlers of those that have one, by name. */
export interface SplitTools {
  readonly definitions: readonly ToolUnion[];
  readonly handlers: ReadonlyMap<string, RunnableTool>;
}

/** @throws {InvalidInputError} for a runnable tool that cannot be sent, and for two of one name. */
export function splitTools(tools: readonly (ToolUnion | RunnableTool)[]): SplitTools {
  const runnable = tools.filter(isRunnable);
  return {
    definitions: tools.map((tool, index) => (isRunnable(tool) ? definitionOf(tool, index) : tool)),
    handlers: handlersOf(runnable),
  };
}

/** @throws {InvalidInputError} for two tools of one name, and for what has no `run`. */
export function handlersOf(tools: readonly RunnableTool[]): ReadonlyMap<string, RunnableTool> {
  const handlers = new Map<string, RunnableTool>();
  for (const [index, tool] of tools.entries()) {
    if (!isRunnable(tool)) {
      throw new InvalidInputError(`tools[${index}] has no run function, got ${describe(tool)}.`);
    }
    if (handlers.has(tool.name)) throw new InvalidInputError(`There are two tools named ${tool.name}.`);
    handlers.set(tool.name, tool);
  }
  return handlers;
}

function isRunnable(tool: unknown): tool is RunnableTool {
  return isRecord(tool) && typeof tool['name'] === 'string' && typeof tool['run'] === 'function';
}

function definitionOf(tool: RunnableTool, index: number): ToolUnion {
  const definition = Object.fromEntries(
    Object.entries(tool).filter(([key]) => DEFINITION_KEYS.includes(key)),
  );
  if (isRecord(definition['input_schema']) || typeof definition['type'] === 'string') {
    return definition as unknown as ToolUnion;
  }
  throw new InvalidInputError(
    `params.tools[${index}] (${tool.name}) has run and no input_schema. Make it with betaZodTool of @anthropic-ai/sdk/helpers/beta/zod.`,
  );
}
