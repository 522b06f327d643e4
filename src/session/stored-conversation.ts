import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput } from '../errors.ts';
import { checkHistory, examine } from '../request/check-history.ts';
import { historyRepairedNotice } from '../turn/notices.ts';
import type { Notice } from '../turn/state.ts';
import type { SessionSnapshot } from './snapshot.ts';
import { withMessages } from './transitions.ts';

/**
 * A conversation that was stored elsewhere, as a user message can follow it: what the
 * API would refuse is taken out for good, and a notice says what.
 *
 * @throws {InvalidInputError} for what is no list.
 */
export function storedConversation(messages: readonly MessageParam[] = []): {
  readonly repaired: MessageParam[];
  readonly notices: readonly Notice[];
} {
  assertInput(Array.isArray(messages), 'messages must be a list of messages', messages);
  // A call may be open in the last message, but not before another one.
  const next: MessageParam = { role: 'user', content: 'What follows.' };
  const { findings, repaired } = checkHistory([...messages, next]);
  const faults = findings.map(({ message }) => message);
  return {
    repaired: repaired.slice(0, -1),
    notices: faults.length > 0 ? [historyRepairedNotice(faults)] : [],
  };
}

/**
 * The snapshot as this content can follow it: what the API would refuse in its conversation, such as more
 * cache marks than a request may have, is taken out for good. What is wrong in the content itself stays.
 */
export function repairedFor(
  snapshot: SessionSnapshot,
  { content, model }: { readonly content: MessageParam['content']; readonly model: string },
): { readonly snapshot: SessionSnapshot; readonly notices: readonly Notice[] } {
  const { length } = snapshot.messages;
  const asked = [...snapshot.messages, { role: 'user' as const, content }];
  const { findings, kept } = examine(asked, { model, keepsKeys: true });
  const faults = findings.filter(({ path }) => Number(path.split('.')[1]) < length);
  if (faults.length === 0) return { snapshot, notices: [] };
  const ofConversation = kept.filter(({ index }) => index < length);
  // Marks that moved on are no fault of anybody's.
  const told = faults.filter(({ code }) => code !== 'cache-control');
  return {
    snapshot: withMessages(
      snapshot,
      ofConversation.map(({ message }) => message),
      (before) => ofConversation.filter(({ index }) => index < before).length,
    ),
    notices: told.length > 0 ? [historyRepairedNotice(told.map(({ message }) => message))] : [],
  };
}
