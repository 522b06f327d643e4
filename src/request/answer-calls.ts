import type { ToolResultBlockParam, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import { reasonOf } from '../errors.ts';
import { isBlock, isRecord } from '../wire/blocks.ts';
import { LONGEST_TIMER_MS, ownSignal, untilAborted } from '../wire/signals.ts';
import { isBlankText, wellFormed } from '../wire/unsendable.ts';

import type { RunnableTool } from './runnable-tools.ts';

/** Blocks that a tool result may hold; anything else is data of the handler's. */
const CONTENT = ['text', 'image', 'document', 'search_result', 'tool_reference'];

/** What the handlers of one round are run with. */
export interface ToolRound {
  readonly handlers: ReadonlyMap<string, RunnableTool>;
  /** Ids of calls whose input did not come whole: no handler is run with a part of one. */
  readonly incomplete: ReadonlySet<string>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Runs each handler, such as in the span of a tracer. */
  readonly around?: <T>(call: ToolUseBlock, work: () => Promise<T>) => Promise<T>;
}

type Content = ToolResultBlockParam['content'];

/**
 * Runs the handlers of all calls of a response at the same time, and gives
 * their results in the order of the calls. A handler that throws, is late, or
 * gives what cannot be sent makes an error result; an abort of the turn throws.
 */
export async function answerCalls(
  calls: readonly ToolUseBlock[],
  round: ToolRound,
): Promise<ToolResultBlockParam[]> {
  // While code waits, every result must be text (documented), also those of calls beside it.
  const textOnly = calls.some(({ caller }) => caller !== undefined && caller.type !== 'direct');
  return Promise.all(calls.map((call) => answerCall(call, textOnly, round)));
}

async function answerCall(
  { id, name, ...rest }: ToolUseBlock,
  textOnly: boolean,
  { handlers, incomplete, timeoutMs, signal, around = (_, work) => work() }: ToolRound,
): Promise<ToolResultBlockParam> {
  const tool = handlers.get(name) as RunnableTool;
  const result = (content: Content, isError = false): ToolResultBlockParam => ({
    type: 'tool_result',
    tool_use_id: id,
    ...(content === undefined ? {} : { content }),
    ...(isError ? { is_error: true } : {}),
  });
  if (incomplete.has(id)) {
    return result(
      `Error: The input of this call was incomplete, so ${name} was not run. Call it again.`,
      true,
    );
  }
  const own = ownSignal(signal);
  let isLate = false;
  const timeOut = () => {
    isLate = true;
    own.abort();
  };
  // Not `AbortSignal.timeout`, which lets a process end that waits for nothing else.
  const timer = timeoutMs > LONGEST_TIMER_MS ? undefined : setTimeout(timeOut, timeoutMs);
  try {
    // A copy: what the response holds is sent back as it came.
    const call: ToolUseBlock = structuredClone({ id, name, ...rest });
    const given = await around(call, () => untilAborted(runTool(tool, call, own.signal), own.signal));
    return result(contentOf(given, name, textOnly));
  } catch (error) {
    signal.throwIfAborted();
    if (isLate) return result(`Error: ${name} did not answer within ${timeoutMs} ms.`, true);
    return result(errorContent(error, name, textOnly), true);
  } finally {
    clearTimeout(timer);
    own.release();
  }
}

/** In a microtask of its own, so that one that throws at once is like one that rejects. */
async function runTool(tool: RunnableTool, call: ToolUseBlock, signal: AbortSignal): Promise<unknown> {
  const input = tool.parse ? tool.parse(call.input) : call.input;
  return tool.run(input as never, { toolUse: call, toolUseBlock: call, signal } as never);
}

/** A copy of what was given, as it can be sent; anything that is no content is given as JSON. */
function contentOf(given: unknown, name: string, textOnly: boolean): Content {
  if (typeof given === 'string' || given === undefined) return wellFormed(given);
  const text = JSON.stringify(given) ?? String(given);
  const content: unknown = wellFormed(JSON.parse(text));
  if (!Array.isArray(content) || !content.every(isContent)) return text;
  const other = content.find(({ type }) => type !== 'text');
  if (textOnly && other) throw new Error(`${name} gave ${other.type}, and code takes text only.`);
  const blocks = content.filter((block) => !isBlankText(block));
  return blocks.length > 0 ? blocks : undefined;
}

function isContent(block: unknown): boolean {
  if (!isBlock(block) || !CONTENT.includes(block.type)) return false;
  return block.type !== 'text' || typeof block['text'] === 'string';
}

/** As the SDK's runner does: a `ToolError` brings its own content. */
function errorContent(error: unknown, name: string, textOnly: boolean): Content {
  try {
    if (isRecord(error) && error['name'] === 'ToolError' && error['content'] !== undefined) {
      return contentOf(error['content'], name, textOnly);
    }
  } catch (unsendable) {
    return wellFormed(`Error: ${reasonOf(unsendable)}`);
  }
  return wellFormed(`Error: ${reasonOf(error)}`);
}
