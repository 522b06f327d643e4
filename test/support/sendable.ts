import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { expect } from 'vitest';

type Block = Record<string, unknown> & { readonly type: string };

/**
 * Fails where the API would refuse these messages: told apart from the library by hand, from its rules.
 * Calls of the server's may be open in the last message, from which a paused turn goes on.
 */
export function expectSendable(messages: readonly MessageParam[]): void {
  // System messages pass as they are, whatever they hold.
  const lists = messages.map(({ role, content }) => {
    if ((role as string) === 'system') return [];
    return typeof content === 'string' ? [{ type: 'text', text: content }] : (content as unknown as Block[]);
  }) as Block[][];
  expect(lists.filter((blocks, at) => blocks.length === 0 && messages[at]?.role !== 'system')).toEqual([]);
  const blocks = lists.flat();
  expect(blocks.filter(({ type, text }) => type === 'text' && String(text).trim() === '')).toEqual([]);
  expect(blocks.filter(({ type, signature }) => type === 'thinking' && !signature)).toEqual([]);
  for (const [at, list] of lists.entries()) {
    const replies: Block[][] = [];
    for (let next = at + 1; messages[at]?.role === 'assistant' && messages[next]?.role === 'user'; next++) {
      replies.push(lists[next] ?? []);
      if (lists[next]?.some(({ type }) => type !== 'tool_result')) break;
    }
    const results = replies.flat().filter(({ type }) => type === 'tool_result');
    const calls = list.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
    expect(results.map(({ tool_use_id: id }) => id).sort()).toEqual(calls.sort());
    const later = lists.slice(at).flat();
    const open = list.filter(
      ({ type, id }) => type === 'server_tool_use' && !later.some((one) => one['tool_use_id'] === id),
    );
    if (at < lists.length - 1)
      expect(open.length === 0 || calls.length > 0 || isPause(messages, at)).toBe(true);
  }
  expect(JSON.stringify(blocks)).not.toMatch(/\\ud[89a-f]/i);
}

/** Whether only responses follow, and answers to calls. */
function isPause(messages: readonly MessageParam[], at: number): boolean {
  const next = messages.slice(at + 1);
  return next.every(
    ({ role, content }) =>
      role === 'assistant' ||
      (Array.isArray(content) && content.every((one) => (one as { type: string }).type === 'tool_result')),
  );
}
