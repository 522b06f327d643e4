import {
  executionsOf,
  initialTurnState,
  reduceTurn,
  type TurnEvent,
  type TurnState,
} from 'code-execution-kit';
import { expect } from 'vitest';
import type { Result, ThrownResult } from './row.ts';
import type { Exchange, SentBlock } from './tap.ts';

/**
 * What a result holds of its turn; nothing for an error of
 * the SDK, which comes only while nothing was received.
 */
export function heldBy(result: Result): Pick<ThrownResult, 'state' | 'responses'> {
  if ('status' in result && result.status === 'ended') return { state: result, responses: result.responses };
  const { turn, state, responses } = result as ThrownResult;
  return turn
    ? { state: turn, responses: turn.responses }
    : { ...(state && { state }), ...(responses && { responses }) };
}

/**
 * Everything that these exchanges sent is on the result: each complete block in the
 * response that it belongs to, each result, text, file, container and token in the state.
 */
export function assertNothingLost(result: Result, exchanges: readonly Exchange[]): void {
  const { state, responses = [] } = heldBy(result);
  const received = exchanges.filter(({ messageId }) => messageId !== undefined);
  if (received.length > 0 && !state) throw new Error(`Received and lost: ${JSON.stringify(received)}`);
  // Responses of an earlier process come first.
  const own = responses.slice(responses.length - received.length);
  expect(own.map(({ id }) => id)).toEqual(received.map(({ messageId }) => messageId));
  for (const [index, { blocks }] of received.entries()) {
    const content = (own[index]?.content ?? []) as unknown as readonly SentBlock[];
    expect(content.slice(0, blocks.length)).toEqual(blocks);
    if (state) assertInState(blocks, state);
  }
  if (!state) return;
  // Whether the input of an open call was whole, a response does not tell.
  const known = (all: TurnState['executions']) =>
    all.map(({ id, kind, status, stdout, stderr, errorCode, files, inputComplete }) => {
      return inputComplete ? { id, kind, status, stdout, stderr, errorCode, files } : { id };
    });
  const read = executionsOf(responses).map((one, index) => ({
    ...one,
    inputComplete: state.executions[index]?.inputComplete ?? true,
  }));
  expect(known(state.executions)).toEqual(known(read as typeof state.executions as never));
  const reported = received.map(({ outputTokens }) => outputTokens);
  const whole = state.exchanges.filter(
    ({ responseIndex }, index, all) =>
      all.findLastIndex((one) => one.responseIndex === responseIndex) === index,
  );
  const counted = whole.slice(responses.length - received.length);
  expect(counted.map(({ usage }) => usage.output_tokens)).toEqual(reported);
  expect(state.usage.output_tokens).toBe(sum(state.exchanges.map(({ usage }) => usage.output_tokens)));
  const container = received.findLast(({ containerId }) => containerId !== undefined)?.containerId;
  if (container !== undefined && state.container) expect(state.container.id).toBe(container);
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

function assertInState(blocks: readonly SentBlock[], state: Omit<TurnState, 'seq'>): void {
  for (const { type, text, id, name, tool_use_id: callId, content } of blocks) {
    if (type === 'text') expect(state.text).toContain(text);
    if (type === 'tool_use') expect(state.toolUses.map((use) => use.id)).toContain(id);
    if (type === 'server_tool_use' && String(name).endsWith('code_execution'))
      expect(state.executions.map((execution) => execution.id)).toContain(id);
    if (!type.endsWith('code_execution_tool_result')) continue;
    const execution = state.executions.find((one) => one.id === callId);
    expect(execution?.status).toMatch(/succeeded|failed|errored/);
    expect(execution?.result).toMatchObject({ content });
    const files = (content as { content?: unknown }).content;
    for (const { file_id: fileId } of Array.isArray(files) ? files : [])
      expect(state.artifacts.map((artifact) => artifact.fileId)).toContain(fileId);
  }
}

/**
 * Each state on the way, and what comes out, is plain JSON; folding the events gives the state of the stream.
 */
export function assertPlain(
  result: Result,
  events: readonly TurnEvent[],
  { from = initialTurnState(), state }: { readonly from?: TurnState | undefined; readonly state: TurnState },
): void {
  let folded = from;
  for (const event of events) {
    assertJson(event);
    folded = reduceTurn(folded, event);
    assertJson(folded);
  }
  expect(folded).toEqual(state);
  const { turn, state: kept, responses, checkpoint } = result as ThrownResult;
  for (const part of [turn, kept, responses, checkpoint]) if (part !== undefined) assertJson(part);
  if (!(result instanceof Error)) assertJson(result);
  if (kept) expect(kept).toEqual(state);
}

/** As `toStrictEqual` would have it, without its price: there are thousands of states. */
function assertJson(value: unknown): void {
  const text = JSON.stringify(value);
  const again = JSON.parse(text);
  if (!isSame(again, value)) expect(again).toStrictEqual(value);
}

function isSame(copy: unknown, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Object.is(copy, value);
  if (typeof copy !== 'object' || copy === null || Array.isArray(copy) !== Array.isArray(value)) return false;
  const keys = Object.keys(value);
  if (Object.keys(copy).length !== keys.length) return false;
  return keys.every((key) => isSame(Reflect.get(copy, key), Reflect.get(value, key)));
}
