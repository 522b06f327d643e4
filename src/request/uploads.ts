import type { ContentBlockParam, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import type { RequestParams } from '../turn/turn.ts';
import { isRecord } from '../wire/blocks.ts';
import { requestedContainerId } from '../wire/container.ts';

/** Ids of all uploaded files of a conversation, in order, each once. */
export function uploadsIn(messages: readonly MessageParam[]): string[] {
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  return [...new Set(blocks.flatMap((block) => (block.type === 'container_upload' ? [block.file_id] : [])))];
}

/** The messages with these files uploaded in the newest one, where they are not yet. */
export function withUploads(messages: readonly MessageParam[], fileIds: readonly string[]): MessageParam[] {
  const last = messages.at(-1);
  if (last?.role !== 'user') return [...messages];
  const present = uploadsIn([last]);
  const missing = fileIds.filter((id) => !present.includes(id));
  if (missing.length === 0) return [...messages];
  const content: ContentBlockParam[] =
    typeof last.content === 'string' ? [{ type: 'text', text: last.content }] : last.content;
  const added = missing.map((id): ContentBlockParam => ({ type: 'container_upload', file_id: id }));
  return [...messages.slice(0, -1), { ...last, content: [...content, ...added] }];
}

/**
 * The same request for a fresh container: skills stay, and
 * uploads of the conversation are repeated in its newest message.
 */
export function inFreshContainer(params: RequestParams): RequestParams {
  const { container, messages, ...rest } = params;
  const skills = isRecord(container) && Array.isArray(container['skills']) ? container['skills'] : [];
  return {
    ...rest,
    messages: withUploads(messages, uploadsIn(messages)),
    ...(skills.length > 0 ? { container: { skills } } : {}),
  };
}

/**
 * Ids of files in `container_upload` blocks that have no effect: the container
 * is fresh, and the block stands before the last answer that Claude completed
 * (recorded Aug 2026: HTTP 200, and the code does not find the file).
 */
export function inertUploads({ messages, container }: RequestParams): string[] {
  if (requestedContainerId(container) !== null) return [];
  const current = Math.max(
    messages.findLastIndex((message, index) => index > 0 && beginsTurn(message)),
    0,
  );
  const earlier = messages.slice(0, current);
  if (!earlier.some(({ role }) => role === 'assistant')) return [];
  const present = new Set(uploadsIn(messages.slice(current)));
  return uploadsIn(earlier).filter((id) => !present.has(id));
}

/** Whether a message begins a turn: it is the user's, and answers no calls. */
export function beginsTurn({ role, content }: MessageParam): boolean {
  return (
    role === 'user' && (typeof content === 'string' || !content.some(({ type }) => type === 'tool_result'))
  );
}
