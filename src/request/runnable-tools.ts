import type { ToolUnion } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, InvalidInputError } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';

/**
 * A tool with its handler, as the SDK's helpers make them: `betaZodTool`,
 * `betaStandardSchemaTool`, those of MCP, or any object of a definition with `run`.
 */
export interface RunnableTool {
  readonly name: string;
  /**
   * Gets the input, parsed where the tool has `parse`, and `{
   * toolUse, signal }`. What it throws becomes an error result.
   */
  run(input: never, context?: never): unknown;
  parse?(input: unknown): unknown;
}

/** Tools as they are sent, and the handlers of those that have one, by name. */
export interface SplitTools {
  readonly definitions: readonly ToolUnion[];
  readonly handlers: ReadonlyMap<string, RunnableTool>;
}

/** @throws {InvalidInputError} for a runnable tool that cannot be sent, and for two of one name. */
export function splitTools(tools: readonly (ToolUnion | RunnableTool)[]): SplitTools {
  const handlers = handlersOf(tools.filter(isRunnable));
  const definitions = tools.map((tool, index) => (isRunnable(tool) ? definitionOf(tool, index) : tool));
  const twice = definitions.find(
    (tool, index) =>
      'name' in tool &&
      handlers.has(tool.name) &&
      definitions.findIndex((other) => 'name' in other && other.name === tool.name) !== index,
  );
  if (twice && 'name' in twice) throw new InvalidInputError(`There are two tools named ${twice.name}.`);
  if (handlers.has('code_execution')) {
    throw new InvalidInputError('A tool of your own cannot be named code_execution.');
  }
  return { definitions, handlers };
}

/** @throws {InvalidInputError} for two tools of one name, and for what has no `run`. */
export function handlersOf(tools: readonly RunnableTool[]): ReadonlyMap<string, RunnableTool> {
  const handlers = new Map<string, RunnableTool>();
  for (const [index, tool] of tools.entries()) {
    assertInput(isRunnable(tool), `tools[${index}] must have a run function`, tool);
    if (handlers.has(tool.name)) throw new InvalidInputError(`There are two tools named ${tool.name}.`);
    handlers.set(tool.name, tool);
  }
  return handlers;
}

function isRunnable(tool: unknown): tool is RunnableTool {
  return isRecord(tool) && typeof tool['name'] === 'string' && typeof tool['run'] === 'function';
}

/** What of the tool is JSON: its handlers, and schemas of its maker, are not sent. */
function definitionOf(tool: RunnableTool, index: number): ToolUnion {
  const definition = {
    ...Object.fromEntries(Object.entries(tool).filter(([, value]) => isJson(value))),
    name: tool.name,
  };
  if ('input_schema' in definition || typeof (definition as { type?: unknown }).type === 'string') {
    return definition as unknown as ToolUnion;
  }
  throw new InvalidInputError(
    `params.tools[${index}] (${tool.name}) has run and no input_schema. Make it with betaZodTool of @anthropic-ai/sdk/helpers/beta/zod.`,
  );
}

function isJson(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && value !== undefined;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
