import type { Message, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { asText, type Block, isBlock, isRecord } from '../wire/blocks.ts';
import { isBlankText, isThinking, isUnsigned, wellFormed } from '../wire/unsendable.ts';

/*
 * What may stand in a history that is sent. The API answers 400 to every request whose history holds
 * something that it does not take, also where it was the API that sent it: a blank text, or a call that
 * `max_tokens` cut. Newer models bind thinking to everything before it (wire.md 15.1). So what is taken out
 * is taken out before the next request, once and for good, and with it goes all thinking after it.
 */

/** A history without calls that have no result, and the ids of those. */
export interface ClosedHistory {
  readonly messages: MessageParam[];
  readonly dropped: readonly string[];
}

/** What is sent of the content of a response: always the same object, so that it can be found again. */
const sendable = new WeakMap<object, MessageParam['content']>();

/** A response by itself as it stands in a history: verbatim, but for what the API does not take back. */
export function asMessage({
  content,
}: Pick<Message, 'content'> | { content: readonly object[] }): MessageParam {
  let kept = sendable.get(content);
  if (!kept) {
    const message = { role: 'assistant' as const, content: content as MessageParam['content'] };
    kept = withoutBlocks([message], isRefused)[0]?.content ?? [];
    kept = wellFormed(withInputs(kept));
    sendable.set(content, kept);
  }
  return { role: 'assistant', content: kept };
}

/** The input of a call must be an object, also where Claude wrote something else. */
function withInputs(content: MessageParam['content']): MessageParam['content'] {
  const isWrong = (block: unknown) => isBlock(block) && isCall(block) && !isRecord(block['input']);
  if (!Array.isArray(content) || !content.some(isWrong)) return content;
  return content.map((block) => (isWrong(block) ? { ...block, input: {} } : block)) as typeof content;
}

/** What the API takes from Claude in no history. */
function isRefused(block: unknown): boolean {
  return !isBlock(block) || isBlankText(block) || isUnsigned(block) || block.type === 'tool_result';
}

/** The messages that are sent: one that nothing is left of cannot be. */
export function withoutEmpty(messages: readonly MessageParam[]): MessageParam[] {
  return messages.filter(({ content }) => content.length > 0);
}

/**
 * The history without these blocks, and without the thinking after the first
 * of them. What is unchanged stays the same object; an empty message stays.
 */
function withoutBlocks(
  messages: readonly MessageParam[],
  isDropped: (block: unknown) => boolean,
): MessageParam[] {
  let isChanged = false;
  return messages.map((message) => {
    if (!Array.isArray(message.content)) return message;
    const content = message.content.filter((block) => {
      if (isDropped(block)) isChanged = true;
      else return !(isChanged && isThinking(block));
      return false;
    });
    return content.length === message.content.length ? message : ({ ...message, content } as MessageParam);
  });
}

/**
 * The history without calls that have no result, so that a message of the user's can follow.
 * With the call of running code go the calls that it made, and their results.
 */
export function withoutOpenCalls(messages: readonly MessageParam[]): ClosedHistory {
  const blocks = messages.flatMap(blocksOf);
  const answered = new Set(blocks.flatMap(({ tool_use_id: id }) => (typeof id === 'string' ? [id] : [])));
  const calls = blocks.filter((block) => typeof block['id'] === 'string' && isCall(block));
  const dropped = new Set(calls.map(idOf).filter((id) => !answered.has(id)));
  for (const call of calls) {
    const caller = call['caller'];
    if (isRecord(caller) && dropped.has(asText(caller['tool_id']))) dropped.add(idOf(call));
  }
  const isDropped = (block: unknown) =>
    isBlock(block) && [block['id'], block['tool_use_id']].some((id) => dropped.has(id as string));
  const kept = dropped.size === 0 ? messages : withoutBlocks(messages, isDropped);
  return { messages: withoutEmpty(kept), dropped: [...dropped] };
}

/** The history without any thinking from this message on. */
export function withoutThinking(messages: readonly MessageParam[], from = 0): MessageParam[] {
  return withoutEmpty([
    ...messages.slice(0, from),
    ...withoutBlocks(messages.slice(from), (block) => isThinking(block)),
  ]);
}

/** Whether thinking stands in it that the API may bind to what stands before it. */
export function holdsThinking(messages: readonly MessageParam[]): boolean {
  return messages.some((message) => blocksOf(message).some(isThinking));
}

/** The blocks of a message. */
export function blocksOf({ content }: MessageParam): readonly Block[] {
  return Array.isArray(content) ? (content as unknown[]).filter(isBlock) : [];
}

const idOf = ({ id }: Block) => String(id);

/** A call of any tool. */
export function isCall({ type }: Block): boolean {
  return ['server_tool_use', 'mcp_tool_use', 'tool_use'].includes(type);
}
