import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput } from '../errors.ts';
import { checkHistory } from '../request/check-history.ts';
import { historyRepairedNotice } from '../turn/notices.ts';
import type { Notice } from '../turn/state.ts';

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
