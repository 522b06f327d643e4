import type { MessagesBody } from '../protocol/request-body.ts';

/**
 * What makes a conversation different from others: the ids and
 * texts of its blocks, whatever else a client adds to them.
 */
export function outlineOf(messages: MessagesBody['messages']): string {
  const outline = messages.map(({ role, content }) => {
    if (typeof content === 'string') return [role, content];
    return [
      role,
      ...content.map(
        ({ type, id, tool_use_id, text, thinking }) => id ?? tool_use_id ?? text ?? thinking ?? type,
      ),
    ];
  });
  return JSON.stringify(outline);
}
