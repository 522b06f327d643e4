import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { type Block, isBlock, isRecord } from '../wire/blocks.ts';
import { isThinking } from '../wire/unsendable.ts';
import { asMessage, blocksOf, isCall } from './history.ts';

/*
 * How a history grows. Calls and results have to go together by their ids over the whole of it, and a gateway
 * may have broken that. It is put right when a response is appended, and stays so.
 */

const sources = new WeakMap<object, MessageParam['content']>();

/**
 * The history with a response as its last message: verbatim, but for what the API does not
 * take back, alone or after what is there. With it goes the thinking after it in the response.
 */
export function withAnswer(
  messages: readonly MessageParam[],
  response: { readonly content: readonly object[] },
): MessageParam[] {
  const message = asMessage(response);
  if (typeof message.content === 'string') return [...messages, message];
  const placed = placerFor(messages.flatMap(blocksOf), blocksOf(message));
  let isChanged = false;
  const content = message.content.flatMap((block) => {
    const fitted = isBlock(block) ? placed(block) : block;
    isChanged ||= fitted !== block;
    return fitted === null || (isChanged && isThinking(block)) ? [] : [fitted];
  }) as typeof message.content;
  if (!isChanged) return [...messages, message];
  sources.set(content, message.content);
  return [...messages, { ...message, content } as MessageParam];
}

/** What `asMessage` gave for the response that this content of a message was made from. */
export const sourceOf = (content: MessageParam['content']): MessageParam['content'] =>
  (typeof content === 'string' ? undefined : sources.get(content)) ?? content;

/** The history with a message of the user's. Calls that it answers may have got other ids there. */
export function withReply(
  messages: readonly MessageParam[],
  content: string | readonly object[],
): MessageParam[] {
  const last = messages.at(-1);
  const calls = new Set(last ? blocksOf(last).map(({ id }) => String(id)) : []);
  const numbered = numberedBy(calls);
  const answering = (block: object) => {
    if (!isBlock(block) || block.type !== 'tool_result') return block;
    const id = String(block['tool_use_id']);
    const renamed = calls.has(id) ? undefined : numbered.get(id)?.[0];
    return renamed === undefined ? block : { ...block, tool_use_id: renamed };
  };
  const answers = Array.isArray(content) ? content.map(answering) : content;
  return [...messages, { role: 'user', content: answers } as MessageParam];
}

/** Gives each block of a response in turn as it can stand after the earlier ones, or `null`. */
function placerFor(earlier: readonly Block[], response: readonly Block[]): (block: Block) => Block | null {
  const known = new Set(earlier.filter(isCall).map(({ id }) => String(id)));
  const numbered = numberedBy(known);
  const answered = new Set(earlier.map(({ tool_use_id: id }) => id));
  const coming = new Set(response.filter(isCall).map(({ id }) => String(id)));
  /** The calls of this response so far, with the ids that they got. */
  const own = new Map<unknown, string>();
  const early = new Set<unknown>();

  const asCall = (block: Block, id: string): Block | null => {
    // A result before its call has gone, and to send the call without it would run it again.
    if (own.has(id) || early.has(id)) return null;
    const isAgain = known.has(id);
    // One that is open stands there once more with its result; else it is another call.
    if (isAgain && block.type !== 'tool_use' && !answered.has(id)) return null;
    const free = isAgain ? unused(id, known) : id;
    own.set(id, free);
    const { caller, ...direct } = block;
    const source = isRecord(caller) ? caller['tool_id'] : undefined;
    if (source !== undefined && !known.has(String(source)) && !own.has(source)) {
      return { ...direct, id: free } as Block;
    }
    return isAgain ? { ...block, id: free } : block;
  };

  const asResult = (block: Block, id: string): Block | null => {
    const open = () => numbered.get(id)?.find((call) => !answered.has(call));
    const call = own.get(id) ?? (answered.has(id) ? open() : id);
    if (call === undefined || answered.has(call)) return null;
    if (!known.has(call) && !own.has(id)) {
      // The caller may have left out where its call stands: that is not known here.
      if (!coming.has(id)) return block;
      early.add(id);
      return null;
    }
    answered.add(call);
    return call === id ? block : { ...block, tool_use_id: call };
  };

  return (block) => {
    const { id, tool_use_id: callId } = block;
    if (isCall(block) && typeof id === 'string') return asCall(block, id);
    if (typeof callId === 'string' && block.type.endsWith('_tool_result')) return asResult(block, callId);
    return block;
  };
}

/** An id that is used already, with the first number that is free. */
function unused(id: string, known: ReadonlySet<unknown>): string {
  let number = 2;
  while (known.has(`${id}_${number}`)) number++;
  return `${id}_${number}`;
}

/** The ids that {@link unused} may have made, by the id that they were made of. */
function numberedBy(ids: Iterable<string>): Map<string, string[]> {
  const numbered = new Map<string, string[]>();
  for (const id of ids) {
    const [, base] = /^(.+)_\d+$/.exec(id) ?? [];
    if (base === undefined) continue;
    const made = numbered.get(base);
    if (made) made.push(id);
    else numbered.set(base, [id]);
  }
  return numbered;
}
