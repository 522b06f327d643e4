import { type Block, isBlock, isRecord } from './blocks.ts';

/* What the API does not take in a request, although it may have sent it itself, by the form of a block. */

/** "text content blocks must contain non-whitespace text". */
export function isBlankText(block: unknown): boolean {
  return (
    isBlock(block) &&
    block.type === 'text' &&
    (typeof block['text'] !== 'string' || !/\S/.test(block['text']))
  );
}

/**
 * Thinking, of any kind: it is bound to the model, and to what stands before it.
 * By the SDK's types `connector_text` is bound as thinking is.
 */
export function isThinking(block: unknown): boolean {
  return isBlock(block) && ['thinking', 'redacted_thinking', 'connector_text'].includes(block.type);
}

/** Thinking whose signature did not arrive, as behind a gateway that leaves it out. */
export function isUnsigned(block: unknown): boolean {
  if (!isBlock(block)) return false;
  if (block.type === 'thinking') return !block['signature'];
  return block.type === 'redacted_thinking' && !block['data'];
}

/** A half of an emoji: as JSON it is an escape that the API does not read. */
const HALF = /\p{Surrogate}/u;
const HALVES = /\p{Surrogate}/gu;

/** Deeper than this, nothing can be sent or stored: the stack of what writes JSON ends somewhere. */
const DEEPEST = 1000;

/**
 * The value with U+FFFD for each half of a character in its texts and keys, and `null` for what
 * is nested too deeply; the same object where there is neither.
 */
export function wellFormed<T>(value: T, depth = 0): T {
  if (typeof value === 'string') return (HALF.test(value) ? value.replace(HALVES, '\ufffd') : value) as T;
  if (!Array.isArray(value) && !isRecord(value)) return value;
  if (depth > DEEPEST) return null as T;
  let isWhole = true;
  const repaired = <V>(held: V): V => {
    const whole = wellFormed(held, depth + 1);
    isWhole &&= whole === held;
    return whole;
  };
  const copy = Array.isArray(value)
    ? value.map(repaired)
    : Object.fromEntries(Object.entries(value).map(([key, held]) => [repaired(key), repaired(held)]));
  return isWhole ? value : (copy as T);
}

/** What a response has beside its role and content; a message of a request has none of it. */
export const RESPONSE_KEYS: ReadonlySet<string> = new Set(
  'id type model stop_reason stop_sequence stop_details usage container diagnostics input_transformations'.split(
    ' ',
  ),
);

/** The keys of blocks whose form is settled, by the SDK's request types (1.12). Others are refused. */
const KEYS: Readonly<Record<string, string>> = {
  text: 'text citations cache_control',
  thinking: 'thinking signature',
  redacted_thinking: 'data',
  tool_use: 'id name input caller toolset_name cache_control',
  server_tool_use: 'id name input caller cache_control',
  tool_result: 'tool_use_id content is_error toolset_name cache_control',
  image: 'source cache_control transformations',
  document: 'source title context citations cache_control',
  container_upload: 'file_id cache_control',
  search_result: 'source title content citations cache_control',
  web_search_tool_result: 'tool_use_id content caller cache_control',
  web_fetch_tool_result: 'tool_use_id content caller cache_control',
  mcp_tool_use: 'id name input server_name cache_control',
  mcp_tool_result: 'tool_use_id content is_error cache_control',
  ...Object.fromEntries(
    ['', 'bash_', 'text_editor_'].map((tool) => [
      `${tool}code_execution_tool_result`,
      'tool_use_id content cache_control',
    ]),
  ),
};

/** The keys of a block that the API does not take, such as those that other tools store with it. */
export function foreignKeysOf(block: Block): string[] {
  const known = Object.hasOwn(KEYS, block.type) ? `type ${KEYS[block.type]}`.split(' ') : undefined;
  return known ? Object.keys(block).filter((key) => !known.includes(key)) : [];
}
