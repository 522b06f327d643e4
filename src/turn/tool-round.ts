import type { ToolResultBlockParam, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import type { RunnableTool } from '../request/runnable-tools.ts';
import { untilAborted } from '../request/until-aborted.ts';
import { isRecord } from '../wire/blocks.ts';

/** What the handlers of one round are run with. */
export interface ToolRound {
  readonly handlers: ReadonlyMap<string, RunnableTool>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs the handlers of all calls of a response at the same time, and gives their results in the order of the calls. A
 * handler that throws, is late, or gives what cannot be sent makes an error result; an abort of the turn throws.
 */
export async function answerCalls(
  calls: readonly ToolUseBlock[],
  round: ToolRound,
): Promise<ToolResultBlockParam[]> {
  return Promise.all(calls.map((call) => answerCall(call, round)));
}

async function answerCall(
  call: ToolUseBlock,
  { handlers, timeoutMs, signal }: ToolRound,
): Promise<ToolResultBlockParam> {
  const tool = handlers.get(call.name) as RunnableTool;
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, timeout]);
  const result = (content: ToolResultBlockParam['content'], isError = false): ToolResultBlockParam => ({
    type: 'tool_result',
    tool_use_id: call.id,
    ...(content === undefined ? {} : { content }),
    ...(isError ? { is_error: true } : {}),
  });
  try {
    const content = await untilAborted(runTool(tool, call, either), either);
    return result(contentOf(content, call));
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return result(`Error: ${call.name} did not answer within ${timeoutMs} ms.`, true);
    return result(errorContent(error), true);
  }
}

/** In a microtask of its own, so that one that throws at once is like one that rejects. */
async function runTool(tool: RunnableTool, call: ToolUseBlock, signal: AbortSignal): Promise<unknown> {
  const input = tool.parse ? tool.parse(call.input) : call.input;
  return tool.run(input as never, { toolUse: call, toolUseBlock: call, signal } as never);
}

/** Code takes texts only (documented), and anything that is no content is given as JSON. */
function contentOf(content: unknown, { name, caller }: ToolUseBlock): ToolResultBlockParam['content'] {
  if (typeof content === 'string' || content === undefined) return content;
  if (
    !Array.isArray(content) ||
    !content.every((block) => isRecord(block) && typeof block['type'] === 'string')
  ) {
    return JSON.stringify(content) ?? String(content);
  }
  const other = content.find(({ type }) => type !== 'text');
  const isFromCode = caller !== undefined && caller.type !== 'direct';
  if (isFromCode && other) throw new Error(`${name} gave ${other.type}, and code takes text only.`);
  return content;
}

/** As the SDK's runner does: a `ToolError` brings its own content. */
function errorContent(error: unknown): ToolResultBlockParam['content'] {
  if (isRecord(error) && error['name'] === 'ToolError' && error['content'] !== undefined) {
    return error['content'] as ToolResultBlockParam['content'];
  }
  return `Error: ${error instanceof Error ? error.message : String(error)}`;
}
