import { isRecord } from '../wire/blocks.ts';
import type { SourceField, TurnEvent } from './events.ts';
import type { Execution } from './execution.ts';
import type { TurnPart, TurnState } from './state.ts';
import { withResponseUsage } from './usage.ts';

/**
 * Folds one event into a turn's state. Pure: the state given is not changed, what did not change is shared, and
 * events of types that this version does not know are passed over. Fits React's `useReducer` and needs no SDK.
 *
 * @example
 * ```ts
 * let state = initialTurnState();
 * for await (const event of streamTurn(client, params)) state = reduceTurn(state, event);
 * ```
 */
export function reduceTurn(state: TurnState, event: TurnEvent): TurnState {
  return { ...fold(state, event), seq: event.seq };
}

function fold(state: TurnState, event: TurnEvent): TurnState {
  switch (event.type) {
    case 'response-start':
      return withResponse(state, event.responseIndex);
    case 'text-delta':
      return withText(state, event.text);
    case 'thinking-delta':
      return { ...state, parts: appendText(state.parts, 'thinking', event.text) };
    case 'execution-start':
    case 'execution-running':
    case 'execution-end':
      return withExecution(state, event.execution);
    case 'code-delta':
      return withSource(state, event.id, event.field, event.text);
    case 'artifact': {
      const artifacts = upsert(
        state.artifacts,
        event.artifact,
        (one) => one.fileId === event.artifact.fileId,
      );
      return { ...state, artifacts };
    }
    case 'tool-use': {
      const { toolUse } = event;
      const parts = withPart(state.parts, { type: 'tool-use', id: toolUse.id });
      return { ...state, parts, toolUses: upsert(state.toolUses, toolUse, (one) => one.id === toolUse.id) };
    }
    case 'server-tool': {
      const { serverTool } = event;
      const parts = withPart(state.parts, { type: 'server-tool', id: serverTool.id });
      return {
        ...state,
        parts,
        serverTools: upsert(state.serverTools, serverTool, (one) => one.id === serverTool.id),
      };
    }
    case 'container':
      return { ...state, container: event.change === 'lost' ? null : event.container };
    case 'usage':
      return { ...state, usage: withResponseUsage(state.usage, event.responseIndex, event.usage) };
    case 'pause':
      return { ...state, parts: [...state.parts, { type: 'pause' }] };
    case 'response-repeat':
      return event.state;
    case 'notice':
      return { ...state, notices: [...state.notices, event.notice] };
    case 'unknown':
      return { ...state, parts: [...state.parts, { type: 'unknown', raw: event.raw }] };
    case 'turn-end':
      return { ...state, status: 'ended', outcome: event.outcome, stopReason: event.stopReason };
    case 'turn-error': {
      const { code, message, retryable } = event;
      return { ...state, status: 'interrupted', error: { code, message, retryable } };
    }
    default:
      return unknownEvent(event, state);
  }
}

/** A type that is missing above does not compile; an event of a later version passes. */
function unknownEvent(_: never, state: TurnState): TurnState {
  return state;
}

/** A turn that ended or failed runs again once it is continued. */
function withResponse({ error: _, ...state }: TurnState, responseIndex: number): TurnState {
  const responseCount = Math.max(state.responseCount, responseIndex + 1);
  return { ...state, status: 'running', outcome: null, stopReason: null, responseCount };
}

/** Appends to the text part that is open, else begins one; `text` and `answer` grow along, so that folding is linear. */
function withText(state: TurnState, text: string): TurnState {
  const continues = state.parts.at(-1)?.type === 'text';
  const gap = (before: string) => (continues || before === '' ? '' : '\n\n');
  return {
    ...state,
    parts: appendText(state.parts, 'text', text),
    text: state.text + gap(state.text) + text,
    answer: state.answer + gap(state.answer) + text,
  };
}

function appendText(
  parts: readonly TurnPart[],
  type: 'text' | 'thinking',
  text: string,
): readonly TurnPart[] {
  const last = parts.at(-1);
  return last?.type === type
    ? [...parts.slice(0, -1), { type, text: last.text + text }]
    : [...parts, { type, text }];
}

function withPart(parts: readonly TurnPart[], part: Extract<TurnPart, { id: string }>): readonly TurnPart[] {
  const isSame = (one: TurnPart) => one.type === part.type && one.id === part.id;
  return parts.findLastIndex(isSame) === -1 ? [...parts, part] : parts;
}

function withExecution(state: TurnState, execution: Execution): TurnState {
  const { id } = execution;
  const isNew = state.executions.findLastIndex((one) => one.id === id) === -1;
  return {
    ...state,
    // What follows the last execution is the answer; a result that comes later does not end it again.
    ...(isNew ? { answer: '', parts: [...state.parts, { type: 'execution', id }] } : {}),
    executions: upsert(state.executions, execution, (one) => one.id === id),
  };
}

/** The source grows while it is written. Which editor command it is shows in the field, before the input is whole. */
function withSource(state: TurnState, id: string, field: SourceField, text: string): TurnState {
  const execution = state.executions.findLast((one) => one.id === id);
  if (!execution) return state;
  return {
    ...state,
    executions: upsert(state.executions, grown(execution, field, text), (one) => one.id === id),
  };
}

function grown(execution: Execution, field: SourceField, text: string): Execution {
  switch (execution.kind) {
    case 'python':
      return field === 'code' ? { ...execution, code: (execution.code ?? '') + text } : execution;
    case 'bash':
      return field === 'command' ? { ...execution, command: (execution.command ?? '') + text } : execution;
    case 'create':
      return field === 'file_text'
        ? { ...execution, fileText: (execution.fileText ?? '') + text }
        : execution;
    case 'replace':
      if (field === 'old_str') return { ...execution, oldText: (execution.oldText ?? '') + text };
      return field === 'new_str' ? { ...execution, newText: (execution.newText ?? '') + text } : execution;
    case 'unknown':
      return grownUnknown(execution, field, text);
    default:
      return execution;
  }
}

function grownUnknown(
  execution: Extract<Execution, { kind: 'unknown' }>,
  field: SourceField,
  text: string,
): Execution {
  const { input, ...base } = execution;
  if (execution.name === 'text_editor_code_execution') {
    if (field === 'file_text')
      return { ...base, kind: 'create', path: null, fileText: text, isFileUpdate: null };
    const texts = { oldText: field === 'old_str' ? text : null, newText: field === 'new_str' ? text : null };
    return { ...base, kind: 'replace', path: null, ...texts, diff: null };
  }
  const written = isRecord(input) ? input : {};
  return { ...execution, input: { ...written, [field]: String(written[field] ?? '') + text } };
}

/** The list with one entry replaced where it stands, or appended. Looked for from the end, where news are. */
function upsert<T>(list: readonly T[], entry: T, isSame: (one: T) => boolean): readonly T[] {
  const index = list.findLastIndex(isSame);
  return index === -1 ? [...list, entry] : [...list.slice(0, index), entry, ...list.slice(index + 1)];
}
