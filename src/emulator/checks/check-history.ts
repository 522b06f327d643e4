import type { ScriptedBlock } from '../protocol/answer.ts';
import { invalidRequest } from '../protocol/http.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import type { ToolReply } from '../sandbox/sandbox.ts';
import { outlineOf } from '../script/outline.ts';
import type { Store } from '../store/store.ts';

type Messages = MessagesBody['messages'];
type Message = Messages[number];

/** Keys of the blocks of server tools; more are refused (reported for `citations`). */
const KEYS = new Set([
  'type',
  'id',
  'name',
  'input',
  'tool_use_id',
  'content',
  'caller',
  'cache_control',
  'is_error',
]);

/**
 * Refuses a conversation in which calls and results do not
 * go together, in the API's words where they are known.
 *
 * @throws {ApiFailure} 400 naming the message and the ids.
 */
export function checkHistory(body: MessagesBody, store: Store): void {
  const { messages } = body;
  messages.forEach((message, index) => {
    checkKeys(message, index);
    if (message.role === 'user') checkToolResults(message, answeredBy(messages, index), index);
    else checkToolUses(message, repliesTo(messages, index), index);
  });
  checkServerResults(messages);
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
  const hasServerTools = blocksOf(last).some(
    ({ type }) => type === 'server_tool_use' || type.endsWith('_tool_result'),
  );
  if (hasServerTools || store.paused.has(outlineOf(messages))) return;
  throw invalidRequest(
    'This model does not support assistant message prefill. The conversation must end with a user message.',
  );
}

/** The messages after one of the assistant: neighbouring messages of one role count as one. */
function repliesTo(messages: Messages, index: number): Messages {
  const end = messages.findIndex(({ role }, place) => place > index && role === 'assistant');
  return messages.slice(index + 1, end < 0 ? messages.length : end);
}

/** The message of the assistant before one of the user. */
function answeredBy(messages: Messages, index: number): Message | undefined {
  return messages.slice(0, index).findLast(({ role }) => role === 'assistant');
}

/** Calls of server tools without a result, oldest first. */
export function openCallsOf(messages: Messages): ScriptedBlock[] {
  const blocks = messages.flatMap(blocksOf);
  const done = new Set(blocks.flatMap(({ type, tool_use_id: id }) => (type === 'tool_result' ? [] : [id])));
  return blocks.filter(({ type, id }) => type === 'server_tool_use' && !done.has(id));
}

/** The results after the last response, as code gets them, by the ids of their calls. */
export function toolResultsOf(messages: Messages): Map<string, ToolReply> {
  const results = newest(messages)
    .flatMap(blocksOf)
    .filter(({ type }) => type === 'tool_result');
  return new Map(
    results.map(({ tool_use_id: id, content, is_error: isError }) => [
      String(id),
      { kind: isError ? 'error' : 'text', text: textOf(content) },
    ]),
  );
}

/** What was said since the last response. */
function newest(messages: Messages): Messages {
  return repliesTo(
    messages,
    messages.findLastIndex(({ role }) => role === 'assistant'),
  );
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return String(content ?? '');
  return content.map(({ text }) => String(text ?? '')).join('');
}

function blocksOf({ content }: Message): readonly ScriptedBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

const idsOf = (blocks: readonly ScriptedBlock[], type: string, key: 'id' | 'tool_use_id') =>
  blocks.flatMap((block) => (block.type === type ? [String(block[key])] : []));

function checkKeys(message: Message, index: number): void {
  for (const [place, block] of blocksOf(message).entries()) {
    if (!block.type.startsWith('server_tool_use') && !block.type.endsWith('code_execution_tool_result'))
      continue;
    const extra = Object.keys(block).find((key) => !KEYS.has(key));
    if (!extra) continue;
    throw invalidRequest(
      `messages.${index}.content.${place}.${block.type}.${extra}: Extra inputs are not permitted`,
    );
  }
}

function checkToolUses(message: Message, replies: Messages, index: number): void {
  const answered = new Set(idsOf(replies.flatMap(blocksOf), 'tool_result', 'tool_use_id'));
  const missing = idsOf(blocksOf(message), 'tool_use', 'id').filter((id) => !answered.has(id));
  if (missing.length === 0) return;
  throw invalidRequest(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. ` +
      'Each `tool_use` block must have a corresponding `tool_result` block in the next message.',
  );
}

function checkToolResults(message: Message, previous: Message | undefined, index: number): void {
  const asked = new Set(previous ? idsOf(blocksOf(previous), 'tool_use', 'id') : []);
  for (const [place, { type, tool_use_id: id }] of blocksOf(message).entries()) {
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
    for (const [place, { type, id, tool_use_id: callId }] of blocksOf(message).entries()) {
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

/** Rules for a request that goes on while calls of server tools are open. */
function checkOpen(open: readonly ScriptedBlock[], body: MessagesBody): void {
  const replies = newest(body.messages);
  const asked = body.messages.flatMap(blocksOf).filter(({ type, caller }) => {
    return (
      type === 'tool_use' &&
      open.some(({ id }) => (caller as { tool_id?: unknown } | undefined)?.tool_id === id)
    );
  });
  const other = replies.flatMap(blocksOf).find(({ type }) => type !== 'tool_result');
  if (other && asked.length > 0) {
    throw invalidRequest(
      `messages.${body.messages.length - 1}: while code waits for its tools, nothing but \`tool_result\` blocks of the user may follow, found \`${other.type}\`.`,
    );
  }
  if (other) throw withoutResult(open, body.messages);
  if (asked.length > 0) {
    if (containerId(body) === undefined) {
      throw invalidRequest(
        'container_id is required when there are pending tool uses generated by code execution with tools.',
      );
    }
    for (const reply of replies) checkTextResults(reply, body.messages.indexOf(reply));
  }
  for (const { name, id } of open) {
    const tool = String(name).endsWith('code_execution') ? 'code_execution' : String(name);
    const isThere = (body.tools ?? []).some(({ type }) => type?.startsWith(tool) || brings(tool, type ?? ''));
    if (!isThere) {
      throw invalidRequest(
        `messages: \`${name}\` tool use with id \`${id}\` is waiting for its result, but no \`${tool}\` tool was provided`,
      );
    }
  }
}

/** Later web tools bring code execution. */
function brings(tool: string, type: string): boolean {
  const version = /^web_(?:search|fetch)_(\d+)$/.exec(type)?.[1];
  return tool === 'code_execution' && Number(version) >= 20260209;
}

function withoutResult(open: readonly ScriptedBlock[], messages: Messages): Error {
  const [{ name, id } = {} as ScriptedBlock] = open;
  const index = messages.findIndex((message) =>
    idsOf(blocksOf(message), 'server_tool_use', 'id').includes(String(id)),
  );
  return invalidRequest(
    `messages.${index}: \`${name}\` tool use with id \`${id}\` was found without a corresponding \`${name}_tool_result\` block`,
  );
}

function containerId({ container }: MessagesBody): string | undefined {
  return (typeof container === 'string' ? container : container?.id) ?? undefined;
}

/** Code gets texts only (documented). */
function checkTextResults(message: Message, index: number): void {
  for (const [place, { type, content }] of blocksOf(message).entries()) {
    const other = Array.isArray(content) ? content.find((block) => block?.type !== 'text') : undefined;
    if (type !== 'tool_result' || !other) continue;
    throw invalidRequest(
      `messages.${index}.content.${place}: results of calls from code must be text, found \`${other?.type}\``,
    );
  }
}
