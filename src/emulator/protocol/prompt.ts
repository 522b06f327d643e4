import type { ScriptedBlock } from './answer.ts';
import type { MessagesBody } from './request-body.ts';

type Message = MessagesBody['messages'][number];

/** The blocks of a message, or of `system`. A text alone is one text block (probed by others, Oct 2026). */
export function blocksOf(content: unknown): readonly ScriptedBlock[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return Array.isArray(content) ? content : [];
}

export const messageBlocks = ({ content }: Message): readonly ScriptedBlock[] => blocksOf(content);

export function isThinking({ type }: ScriptedBlock): boolean {
  return type === 'thinking' || type === 'redacted_thinking';
}

/** The tools that stand in the prompt: deferred ones come later, if at all. */
export function toolsInPrompt({ tools }: MessagesBody): NonNullable<MessagesBody['tools']> {
  return (tools ?? []).filter((tool) => tool['defer_loading'] !== true);
}

/** A part of a prompt as JSON, without the marks of the cache, which are no part of it. */
export function unmarked(value: unknown): string {
  return JSON.stringify(value, (key, held) => (key === 'cache_control' ? undefined : held)) ?? 'null';
}

/** 64 bits that two texts share by accident only. No secret depends on it, so it need not be slow. */
export function digest(text: string): string {
  let [one, other] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    one = Math.imul(one ^ unit, 0x9e3779b1);
    other = Math.imul(other ^ unit, 0x5f356495);
  }
  one = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(other ^ (other >>> 13), 0xc2b2ae35);
  other = Math.imul(other ^ (other >>> 16), 0x85ebca6b) ^ Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
  return [one, other].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
