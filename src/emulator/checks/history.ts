import type { ScriptedBlock } from '../protocol/answer.ts';
import { messageBlocks } from '../protocol/prompt.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import type { ToolReply } from '../sandbox/sandbox.ts';

type Messages = MessagesBody['messages'];
type Message = Messages[number];

/** The messages after one of the assistant: neighbouring messages of one role count as one. */
export function repliesTo(messages: Messages, index: number): Messages {
  const end = messages.findIndex(({ role }, place) => place > index && role === 'assistant');
  return messages.slice(index + 1, end < 0 ? messages.length : end);
}

/** The message of the assistant before one of the user. */
export function answeredBy(messages: Messages, index: number): Message | undefined {
  return messages.slice(0, index).findLast(({ role }) => role === 'assistant');
}

/** Calls of server tools without a result, oldest first. */
export function openCallsOf(messages: Messages): ScriptedBlock[] {
  const blocks = messages.flatMap(messageBlocks);
  const done = new Set(blocks.flatMap(({ type, tool_use_id: id }) => (type === 'tool_result' ? [] : [id])));
  return blocks.filter(({ type, id }) => type === 'server_tool_use' && !done.has(id));
}

/** The results after the last response, as code gets them, by the ids of their calls. */
export function toolResultsOf(messages: Messages): Map<string, ToolReply> {
  const results = newest(messages)
    .flatMap(messageBlocks)
    .filter(({ type }) => type === 'tool_result');
  return new Map(
    results.map(({ tool_use_id: id, content, is_error: isError }) => [
      String(id),
      { kind: isError ? 'error' : 'text', text: textOf(content) },
    ]),
  );
}

/** What was said since the last response. */
export function newest(messages: Messages): Messages {
  return repliesTo(
    messages,
    messages.findLastIndex(({ role }) => role === 'assistant'),
  );
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return String(content ?? '');
  return content.map(({ text }) => String(text ?? '')).join('');
}

export const idsOf = (blocks: readonly ScriptedBlock[], type: string, key: 'id' | 'tool_use_id') =>
  blocks.flatMap((block) => (block.type === type ? [String(block[key])] : []));
