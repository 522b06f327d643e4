import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { isRecord } from '../wire/blocks.ts';

/** A history without calls that have no result, and the ids of those. */
export interface InterruptedHistory {
  readonly messages: MessageParam[];
  readonly dropped: readonly string[];
}

type Block = { readonly [key: string]: unknown };

/**
 * Drops calls without a result, so that something else than results may follow.
 * With the call of running code go the calls that it made, and their results.
 */
export function withoutOpenCalls(messages: readonly MessageParam[]): InterruptedHistory {
  const blocks = messages.flatMap(blocksOf);
  const answered = new Set(blocks.flatMap(({ tool_use_id: id }) => (typeof id === 'string' ? [id] : [])));
  const calls = blocks.filter(
    ({ type, id }) =>
      typeof id === 'string' && ['server_tool_use', 'mcp_tool_use', 'tool_use'].includes(String(type)),
  );
  const dropped = new Set(calls.map(idOf).filter((id) => !answered.has(id)));
  for (const call of calls) {
    const caller = call['caller'];
    if (isRecord(caller) && dropped.has(String(caller['tool_id']))) dropped.add(idOf(call));
  }
  if (dropped.size === 0) return { messages: [...messages], dropped: [] };
  const kept = messages.map((message) => {
    if (!Array.isArray(message.content)) return message;
    const content = message.content.filter((block) => {
      const { id, tool_use_id: callId } = block as unknown as Block;
      return ![id, callId].some((one) => typeof one === 'string' && dropped.has(one));
    });
    return content.length === message.content.length ? message : ({ ...message, content } as MessageParam);
  });
  return { messages: kept.filter(({ content }) => content.length > 0), dropped: [...dropped] };
}

function blocksOf({ content }: MessageParam): readonly Block[] {
  return Array.isArray(content) ? (content as unknown as Block[]) : [];
}

const idOf = ({ id }: Block) => String(id);
