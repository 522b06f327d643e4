import type { ScriptedBlock } from '../protocol/answer.ts';
import { invalidRequest } from '../protocol/http.ts';
import { blocksOf } from '../protocol/prompt.ts';
import type { MessagesBody } from '../protocol/request-body.ts';

type Message = MessagesBody['messages'][number];

const RESULT = ['type', 'tool_use_id', 'content', 'cache_control'];
const NESTED_RESULT = [...RESULT, 'caller'];

/**
 * Keys of blocks, by the SDK's types of what is sent (1.12). Others are
 * refused; blocks of types that are not here pass with whatever they have.
 */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  text: ['type', 'text', 'citations', 'cache_control'],
  thinking: ['type', 'thinking', 'signature'],
  redacted_thinking: ['type', 'data'],
  image: ['type', 'source', 'transformations', 'cache_control'],
  document: ['type', 'source', 'title', 'context', 'citations', 'cache_control'],
  search_result: ['type', 'source', 'title', 'content', 'citations', 'cache_control'],
  container_upload: ['type', 'file_id', 'cache_control'],
  tool_use: ['type', 'id', 'name', 'input', 'caller', 'toolset_name', 'cache_control'],
  tool_result: [...RESULT, 'is_error', 'toolset_name'],
  server_tool_use: ['type', 'id', 'name', 'input', 'caller', 'cache_control'],
  web_search_tool_result: NESTED_RESULT,
  web_fetch_tool_result: NESTED_RESULT,
  code_execution_tool_result: RESULT,
  bash_code_execution_tool_result: RESULT,
  text_editor_code_execution_tool_result: RESULT,
};

/**
 * Refuses blocks that the API does not take, each for itself.
 *
 * @throws {ApiFailure} 400 naming the block.
 */
export function checkBlocks(body: MessagesBody): void {
  for (const block of blocksOf(body['system'])) checkText(block, 'system');
  for (const [index, message] of body.messages.entries()) {
    checkContent(message, index, body.messages);
    for (const [place, block] of blocksOf(message.content).entries()) {
      const at = `messages.${index}.content.${place}`;
      checkKeys(block, at);
      checkMark(block, at);
      checkText(block, 'messages');
      checkSignature(block, at);
    }
  }
}

/**
 * Reported; a message of the system may change settings only (documented). Neighbouring messages
 * of the assistant count as one: that an empty pause may be followed by more is a guess.
 */
function checkContent({ role, content }: Message, index: number, messages: readonly Message[]): void {
  if (content.length > 0 || role === 'system') return;
  const next = messages.slice(index + 1).find((one) => one.role !== 'assistant' || one.content.length > 0);
  if (role === 'assistant' && (next === undefined || next.role === 'assistant')) return;
  throw invalidRequest(
    `messages.${index}: all messages must have non-empty content except for the optional final assistant message`,
  );
}

/** Reported, for example for `citations` and `parsed_output`. */
function checkKeys(block: ScriptedBlock, at: string): void {
  const keys = KEYS[block.type];
  const extra = keys && Object.keys(block).find((key) => !keys.includes(key));
  if (extra) throw invalidRequest(`${at}.${block.type}.${extra}: Extra inputs are not permitted`);
}

/** Reported. */
function checkMark({ type, text, cache_control: mark }: ScriptedBlock, at: string): void {
  if (mark == null || type !== 'text' || text !== '') return;
  throw invalidRequest(`${at}.text: cache_control cannot be set for empty text blocks`);
}

/** Both reported. The last assistant message may be empty only as a whole. */
function checkText({ type, text }: ScriptedBlock, where: string): void {
  if (type !== 'text') return;
  if (text === '') throw invalidRequest(`${where}: text content blocks must be non-empty`);
  if (typeof text === 'string' && text.trim() === '')
    throw invalidRequest(`${where}: text content blocks must contain non-whitespace text`);
}

/** The first was reported, the second is documented for a signature that does not verify. */
function checkSignature({ type, signature }: ScriptedBlock, at: string): void {
  if (type !== 'thinking') return;
  if (signature == null) throw invalidRequest(`${at}.thinking.signature: Field required`);
  if (signature === '') throw invalidRequest(`${at}: Invalid \`signature\` in \`thinking\` block`);
}
