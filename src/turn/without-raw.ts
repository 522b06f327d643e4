import { typed } from '../errors.ts';
import type { TurnEvent } from './events.ts';
import type { Execution } from './execution.ts';
import { initialTurnState, type Notice, type ServerToolUse, type TurnPart, type TurnState } from './state.ts';

/**
 * An event or a state without blocks as the API sent them, for eyes that may not see them: `call`
 * and `result` of executions and server tools, and `raw` of unknown parts, are `null`, and notices
 * keep no response. Folding such events gives such a state. Of a `Turn` only the state is left.
 *
 * @example
 * ```ts
 * for await (const event of stream) socket.send(JSON.stringify(withoutRaw(event)));
 * ```
 */
export function withoutRaw<Value extends TurnEvent | TurnState>(value: Value): Value;
export function withoutRaw(value: TurnEvent | TurnState): TurnEvent | TurnState {
  return typed('withoutRaw', () => ('type' in value ? bareEvent(value) : bareState(value)));
}

function bareEvent(event: TurnEvent): TurnEvent {
  switch (event.type) {
    case 'execution-start':
    case 'execution-running':
    case 'execution-end':
      return { ...event, execution: bareCall(event.execution) };
    case 'server-tool':
      return { ...event, serverTool: bareCall(event.serverTool) };
    case 'notice':
      return { ...event, notice: bareNotice(event.notice) };
    case 'unknown':
      return { ...event, raw: null };
    default:
      return event;
  }
}

function bareState(value: TurnState): TurnState {
  const keys = [...Object.keys(initialTurnState()), 'error'];
  const state = Object.fromEntries(
    Object.entries(value).filter(([key]) => keys.includes(key)),
  ) as unknown as TurnState;
  return {
    ...state,
    parts: state.parts.map(barePart),
    executions: state.executions.map((one) => bareCall(one)),
    serverTools: state.serverTools.map((one) => bareCall(one)),
    notices: state.notices.map(bareNotice),
  };
}

function bareCall<Call extends Execution | ServerToolUse>(call: Call): Call {
  return { ...call, call: null, result: null };
}

function bareNotice({ response: _, ...notice }: Notice): Notice {
  return notice;
}

function barePart(part: TurnPart): TurnPart {
  return part.type === 'unknown' ? { ...part, raw: null } : part;
}
