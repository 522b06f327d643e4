import { invalidRequest } from '../protocol/http.ts';
import { messageBlocks } from '../protocol/prompt.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { outlineOf } from '../script/outline.ts';
import type { Store } from '../store/store.ts';
import { checkOpen } from './check-open-calls.ts';
import { answeredBy, idsOf, openCallsOf, repliesTo } from './history.ts';

type Messages = MessagesBody['messages'];
type Message = Messages[number];

/**
 * Refuses a conversation in which calls and results do not
 * go together, in the API's words where they are known.
 *
 * @throws {ApiFailure} 400 naming the message and the ids.
 */
export function checkHistory(body: MessagesBody, store: Store): void {
  const { messages } = body;
  messages.forEach((message, index) => {
    checkRoles(message, index);
    if (message.role === 'user') checkToolResults(message, answeredBy(messages, index), index);
    else checkToolUses(message, repliesTo(messages, index), index);
  });
  checkIds(messages);
  checkSystemMessages(messages);
  checkServerResults(messages);
  checkCallers(messages);
  const open = openCallsOf(messages);
  if (open.length > 0) checkOpen(open, body);
  checkPrefill(body, store);
}

/** Models that go on from a text put into their mouth; later ones refuse it. */
const TAKES_PREFILL = /^claude-(?:3|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:-\d{8})?$)/;

/** A conversation may end with a response only when it goes on from a pause. */
function checkPrefill({ messages, model }: MessagesBody, store: Store): void {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || TAKES_PREFILL.test(model)) return;
  const hasServerTools = messageBlocks(last).some(
    ({ type }) => type === 'server_tool_use' || type.endsWith('_tool_result'),
  );
  if (hasServerTools || store.paused.has(outlineOf(messages))) return;
  throw invalidRequest(
    'This model does not support assistant message prefill. The conversation must end with a user message.',
  );
}

/** Reported for the client's tools; the same is taken to hold for those of the service. */
function checkRoles(message: Message, index: number): void {
  for (const { type } of messageBlocks(message)) {
    const owner =
      type === 'tool_result'
        ? 'user'
        : type.endsWith('tool_use') || type.endsWith('_tool_result')
          ? 'assistant'
          : message.role;
    if (owner === message.role) continue;
    throw invalidRequest(`messages.${index}: \`${type}\` blocks can only be in \`${owner}\` messages`);
  }
}

/** Reported for the client's tools; the same is taken to hold for those of the service. */
function checkIds(messages: Messages): void {
  const [calls, results] = [new Set<string>(), new Set<string>()];
  for (const [index, message] of messages.entries()) {
    for (const [place, { type, id, tool_use_id: callId }] of messageBlocks(message).entries()) {
      const at = `messages.${index}.content.${place}`;
      if (type.endsWith('tool_use')) {
        if (calls.has(String(id))) throw invalidRequest(`${at}: \`${type}\` ids must be unique`);
        calls.add(String(id));
      }
      if (!type.endsWith('tool_result')) continue;
      if (results.has(String(callId))) {
        throw invalidRequest(
          `${at}: each tool_use must have a single result. Found multiple \`${type}\` blocks with id: ${callId}`,
        );
      }
      results.add(String(callId));
    }
  }
}

/** A system message never stands between a call and its result (documented; the words are a guess). */
function checkSystemMessages(messages: Messages): void {
  const open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system' && open.size > 0) {
      throw invalidRequest(
        `messages.${index}: \`system\` messages cannot stand between a tool call and its result: ${[...open].join(', ')}`,
      );
    }
    for (const { type, id, tool_use_id: callId } of messageBlocks(message)) {
      if (type.endsWith('tool_use')) open.add(String(id));
      else if (type.endsWith('tool_result')) open.delete(String(callId));
    }
  }
}

/** Calls that code made need the call of that code (recorded). */
function checkCallers(messages: Messages): void {
  const sources = new Set<string>();
  for (const { type, id, caller } of messages.flatMap(messageBlocks)) {
    if (type === 'server_tool_use') sources.add(String(id));
    const source = (caller as { readonly tool_id?: unknown } | null | undefined)?.tool_id;
    if (!type.endsWith('tool_use') || source === undefined || sources.has(String(source))) continue;
    throw invalidRequest(`source tool \`${source}\` not found for tool use block \`${id}\``);
  }
}

function checkToolUses(message: Message, replies: Messages, index: number): void {
  // Results come before anything else that the user says (documented).
  const blocks = replies.filter(({ role }) => role === 'user').flatMap(messageBlocks);
  const end = blocks.findIndex(({ type }) => type !== 'tool_result');
  const first = end === -1 ? blocks : blocks.slice(0, end);
  const answered = new Set(idsOf(first, 'tool_result', 'tool_use_id'));
  const missing = idsOf(messageBlocks(message), 'tool_use', 'id').filter((id) => !answered.has(id));
  if (missing.length === 0) return;
  throw invalidRequest(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. ` +
      'Each `tool_use` block must have a corresponding `tool_result` block in the next message.',
  );
}

function checkToolResults(message: Message, previous: Message | undefined, index: number): void {
  const asked = new Set(previous ? idsOf(messageBlocks(previous), 'tool_use', 'id') : []);
  for (const [place, { type, tool_use_id: id }] of messageBlocks(message).entries()) {
    if (type !== 'tool_result' || asked.has(String(id))) continue;
    throw invalidRequest(
      `messages.${index}.content.${place}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. ` +
        'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.',
    );
  }
}

/** The result of a server tool stands after its call, in the same assistant message or a later one. */
function checkServerResults(messages: Messages): void {
  const called = new Set<string>();
  for (const [index, message] of messages.entries()) {
    for (const [place, { type, id, tool_use_id: callId }] of messageBlocks(message).entries()) {
      if (type === 'server_tool_use') called.add(String(id));
      if (!type.endsWith('_tool_result') || type === 'mcp_tool_result' || called.has(String(callId)))
        continue;
      throw invalidRequest(
        `messages.${index}.content.${place}: unexpected \`tool_use_id\` found in \`${type}\` blocks: ${callId}. ` +
          `Each \`${type}\` block must have a corresponding \`server_tool_use\` block before it.`,
      );
    }
  }
}
