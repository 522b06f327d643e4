import type { Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';

/**
 * The blocks of a message, as loosely as the API may send them. The SDK's
 * unions are closed and nothing validates at run time, so everything read
 * here is checked by shape and everything else passes through as it came.
 */
export type { Message };

/** One decoded SSE event. Known ones are the SDK's; any other `type` may come and passes through. */
export type WireEvent = RawMessageStreamEvent | { readonly type: 'ping' } | WireErrorEvent;

/** `event: error` in the middle of a stream that began with HTTP 200. */
interface WireErrorEvent {
  readonly type: 'error';
  readonly error?: { readonly type?: string; readonly message?: string };
  readonly request_id?: string;
}

/** Any block: only `type` is certain. */
export interface Block {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Who called a tool: Claude itself, or the code of another execution (`toolId`). */
export interface Caller {
  /** `'direct'`, or the version of the code execution tool whose code made the call. */
  readonly type: string;
  /** Id of the execution whose code made the call; `null` for direct calls. */
  readonly toolId: string | null;
}

/** A call of a tool, by Claude or by code. */
export interface CallBlock extends Block {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

/** The answer to a call that the server made. */
export interface ResultBlock extends Block {
  readonly tool_use_id: string;
  readonly content: unknown;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text of the API's where anything may come: a number as its digits, and nothing for what has no text. */
export function asText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export function isBlock(value: unknown): value is Block {
  return isRecord(value) && typeof value['type'] === 'string';
}

function isCall(block: Block): block is CallBlock {
  return typeof block['id'] === 'string' && typeof block['name'] === 'string';
}

/**
 * A call of one of the three code execution tools. Names seen: `code_execution`, `bash_code_execution`,
 * `text_editor_code_execution`; a future one is known by its ending.
 */
export function isExecutionCall(block: Block): block is CallBlock {
  return (
    block.type === 'server_tool_use' &&
    isCall(block) &&
    (block.name === 'code_execution' || block.name.endsWith('_code_execution'))
  );
}

/** The result of one of the code execution tools, known by its ending for the same reason. */
export function isExecutionResult(block: Block): block is ResultBlock {
  return block.type.endsWith('code_execution_tool_result') && typeof block['tool_use_id'] === 'string';
}

/** A call of any other tool that the server runs itself, such as web search. */
export function isServerToolCall(block: Block): block is CallBlock {
  return (block.type === 'server_tool_use' || block.type === 'mcp_tool_use') && isCall(block);
}

/** The result of any other tool that the server runs itself. */
export function isServerToolResult(block: Block): block is ResultBlock {
  return block.type.endsWith('_tool_result') && typeof block['tool_use_id'] === 'string';
}

/** A call of one of the caller's own tools, which waits for a `tool_result`. */
export function isToolUse(block: Block): block is CallBlock {
  return block.type === 'tool_use' && isCall(block);
}

/** Blocks whose `input` is written as JSON fragments. */
export function carriesInput(block: Block): block is CallBlock {
  return isCall(block) && ('input' in block || isToolUse(block) || isServerToolCall(block));
}

/**
 * Who made a call. The key is usually absent for code execution
 * (204 of 214 recorded calls), which means a direct call.
 */
export function callerOf(block: Block): Caller {
  const caller = block['caller'];
  if (!isRecord(caller) || typeof caller['type'] !== 'string') return { type: 'direct', toolId: null };
  return { type: caller['type'], toolId: typeof caller['tool_id'] === 'string' ? caller['tool_id'] : null };
}

/** The client tool calls among these blocks; one that a gateway repeats is the first of that id. */
export function toolUsesIn(blocks: readonly unknown[]): CallBlock[] {
  const seen = new Set<unknown>();
  return blocks.filter((block): block is CallBlock => {
    if (!isBlock(block) || !isToolUse(block) || seen.has(block.id)) return false;
    seen.add(block.id);
    return true;
  });
}
