import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { isRecord } from '../wire/blocks.ts';

/** A history without calls that have no result, and the ids of those. */
export interface InterruptedHistory {
  readonly messages: MessageParam[];
  readonly dropped: readonly string[];
}

type Block = { readonly [key: string]: unknown };

/**
 * Drops calls without a result, so that something else than results may follow. With the call of running code go the calls
 * that it made, and their results.
 */
export function withoutOpenCalls(messages: readonly MessageParam[]): InterruptedHistory {
  const blocks = messages.flatMap(blocksOf);
  const answered = new Set(blocks.flatMap(({ tool_use_id: id }) => (typeof id === 'string' ? [id] : [])));
  const isCall = ({ type }: Block) => type === 'server_tool_use' || type === 'tool_use';
  const dropped = new Set(
    blocks.filter((block) => isCall(block) && !answered.has(String(block['id']))).map(idOf),
  );
  for (const block of blocks) {
    const caller = block['caller'];
    if (isCall(block) && isRecord(caller) && dropped.has(String(caller['tool_id']))) dropped.add(idOf(block));
  }
  if (dropped.size === 0) return { messages: [...messages], dropped: [] };
  const kept = messages.map((message) => {
    if (!Array.isArray(message.content)) return message;
    const content = message.content.filter((block) => {
      const { id, tool_use_id: callId } = block as unknown as Block;
      return !dropped.has(String(id)) && !dropped.has(String(callId));
    });
    return content.length === message.content.length ? message : ({ ...message, content } as MessageParam);
  });
  return { messages: kept.filter(({ content }) => content.length > 0), dropped: [...dropped] };
}

function blocksOf({ content }: MessageParam): readonly Block[] {
  return Array.isArray(content) ? (content as unknown as Block[]) : [];
}

const idOf = ({ id }: Block) => String(id);
