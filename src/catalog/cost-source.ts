import type { MessageParam, ToolUnion } from '@anthropic-ai/sdk/resources/messages';
import { InvalidInputError, quoted } from '../errors.ts';
import type { Execution } from '../turn/execution.ts';
import type { Exchange } from '../turn/state.ts';
import type { Checkpoint } from '../turn/turn.ts';
import { type Fields, fieldsOf, listOf, textOf, timeOf } from './foreign.ts';

/** What has exchanges: a `Turn`, a `TurnState`, and a turn of a session's snapshot. */
export interface TurnToPrice {
  readonly exchanges: readonly Exchange[];
  readonly executions?: readonly Pick<Execution, 'id' | 'startedAt' | 'endedAt'>[];
  readonly messages?: readonly MessageParam[];
}

/** A session's snapshot, `session.toJSON()`. */
export interface SessionToPrice {
  readonly turns: readonly TurnToPrice[];
  readonly messages: readonly MessageParam[];
  readonly prefix: { readonly tools: readonly ToolUnion[] } | null;
  readonly unfinished: Checkpoint | null;
}

/** What `estimateCost` takes: a turn, a state, a checkpoint, a snapshot, or many of these. */
export type CostSource =
  | TurnToPrice
  | SessionToPrice
  | Checkpoint
  | Iterable<TurnToPrice | SessionToPrice | Checkpoint>;

/** Whether something held, as far as the source shows; `unseen` where it does not hold what would tell. */
type Answer = 'yes' | 'no' | 'maybe' | 'unseen';

/** An exchange as far as it costs something. */
export interface PricedExchange {
  readonly model: string;
  /** `null` where none was reported. */
  readonly usage: Fields | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly containerId: string | null;
  readonly interrupted: boolean;
}

/** A turn as far as it costs something. */
export interface PricedTurn {
  readonly exchanges: readonly PricedExchange[];
  /** How long each execution took in milliseconds; `null` where no run watched. */
  readonly executions: readonly (number | null)[];
  /** Its responses may be of several rounds of the server's own loop. */
  readonly mayLoop: boolean;
  /** Files were attached to its requests. */
  readonly files: Answer;
  /** A web tool was among its tools with which code costs nothing. */
  readonly webTools: Answer;
  /** Exchanges that an earlier turn of the list has, too: they are counted once. */
  readonly repeated: number;
}

/** The parts of a turn, wherever they were found. */
interface Found {
  readonly exchanges: readonly unknown[];
  readonly executions: readonly unknown[];
  readonly usesServerTools: boolean;
  readonly files: Answer;
  /** `null` where the source does not hold them. */
  readonly tools: readonly unknown[] | null;
}

/**
 * The turns in a source, each exchange and each execution once: a turn that was
 * resumed has those of the turn that it goes on with.
 *
 * @throws {InvalidInputError} for what has no exchanges, with the cure.
 */
export function* turnsIn(source: unknown): Iterable<PricedTurn> {
  const seen = new Set<string>();
  for (const found of foundIn(source)) {
    const isNew = (key: string | null) => key === null || !seen.has(key);
    const exchanges = found.exchanges.filter((one) => isNew(keyOf(one)));
    const executions = found.executions.filter((one) => isNew(textOf(fieldsOf(one)['id'])));
    for (const key of [...exchanges.map(keyOf), ...executions.map((one) => textOf(fieldsOf(one)['id']))]) {
      if (key) seen.add(key);
    }
    const read = exchanges.map(readExchange);
    yield {
      exchanges: read,
      executions: executions.map(durationOf),
      mayLoop: found.executions.length > 0 || found.usesServerTools || read.some(askedWeb),
      files: found.files,
      webTools: webToolsIn(found.tools, read),
      repeated: found.exchanges.length - exchanges.length,
    };
  }
}

function* foundIn(source: unknown): Iterable<Found> {
  const one = oneIn(source);
  if (one) yield* one;
  else if (typeof source === 'object' && source !== null && Symbol.iterator in source) {
    for (const each of source as Iterable<unknown>) {
      const found = oneIn(each);
      if (!found) throw wrong(each);
      yield* found;
    }
  } else throw wrong(source);
}

function oneIn(source: unknown): readonly Found[] | undefined {
  const { exchanges, turns, state } = fieldsOf(source);
  if (Array.isArray(exchanges)) return [inTurn(fieldsOf(source))];
  if (Array.isArray(turns)) return inSnapshot(fieldsOf(source), turns);
  if (Array.isArray(fieldsOf(state)['exchanges'])) return [inCheckpoint(fieldsOf(source))];
  return undefined;
}

function inTurn({ exchanges, executions, serverTools, messages }: Fields): Found {
  return {
    exchanges: listOf(exchanges),
    executions: listOf(executions),
    usesServerTools: listOf(serverTools).length > 0,
    files: Array.isArray(messages) ? filesIn(messages) : 'unseen',
    tools: null,
  };
}

function inCheckpoint({ state, params, messages }: Fields): Found {
  const { exchanges, times } = fieldsOf(state);
  const tools = fieldsOf(params)['tools'];
  return {
    ...inTurn({ exchanges, executions: times, messages }),
    tools: Array.isArray(tools) ? tools : null,
  };
}

function inSnapshot({ messages, prefix, unfinished }: Fields, turns: readonly unknown[]): readonly Found[] {
  const all = listOf(messages);
  const { tools } = fieldsOf(prefix);
  const ended = turns.map((turn) => {
    const { exchanges, firstMessage } = fieldsOf(turn);
    if (!Array.isArray(exchanges)) throw wrong(turn);
    const opening = typeof firstMessage === 'number' ? all.slice(firstMessage, firstMessage + 1) : all;
    const files = filesIn(opening);
    return {
      ...inTurn(fieldsOf(turn)),
      // The messages of a turn that is not kept are not known.
      files: files === 'yes' && opening === all ? ('maybe' as const) : files,
      tools: Array.isArray(tools) ? tools : null,
    };
  });
  const open = fieldsOf(unfinished);
  return Array.isArray(fieldsOf(open['state'])['exchanges']) ? [...ended, inCheckpoint(open)] : ended;
}

/** Two exchanges with one key are the same; without an id nothing can be said. */
function keyOf(exchange: unknown): string | null {
  const { id, startedAt, endedAt, usage } = fieldsOf(exchange);
  return id ? JSON.stringify([id, startedAt, endedAt, usage]) : null;
}

function readExchange(exchange: unknown): PricedExchange {
  const { model, usage, startedAt, endedAt, container, interrupted } = fieldsOf(exchange);
  return {
    model: textOf(model) ?? '',
    usage: typeof usage === 'object' && usage !== null ? (usage as Fields) : null,
    startedAt: timeOf(startedAt),
    endedAt: timeOf(endedAt),
    containerId: textOf(fieldsOf(container)['id']),
    interrupted: interrupted === true,
  };
}

function durationOf(execution: unknown): number | null {
  const { startedAt, endedAt } = fieldsOf(execution);
  return between(timeOf(startedAt), timeOf(endedAt));
}

/** Milliseconds from one time to another; `null` where one of them is not known. */
export function between(start: number | null, end: number | null): number | null {
  return start === null || end === null ? null : Math.max(0, end - start);
}

const askedWeb = ({ usage }: PricedExchange) => {
  const { web_search_requests: searches, web_fetch_requests: fetches } = fieldsOf(usage?.['server_tool_use']);
  return Number(searches) > 0 || Number(fetches) > 0;
};

/** The first date of the web tools with which code costs nothing (documented, 2026). */
const FREE_SINCE = 20260209;

function webToolsIn(tools: readonly unknown[] | null, exchanges: readonly PricedExchange[]): Answer {
  if (!tools) return exchanges.some(askedWeb) ? 'maybe' : 'unseen';
  const isFree = (tool: unknown) => {
    const [, date] = /^web_(?:search|fetch)_(\d{8})$/.exec(String(fieldsOf(tool)['type'])) ?? [];
    return Number(date) >= FREE_SINCE;
  };
  return tools.some(isFree) ? 'yes' : 'no';
}

/** Files count for sure in the message that opens the turn; older ones are inert, or not. */
function filesIn(messages: readonly unknown[]): Answer {
  const blocksOf = (message: unknown) => listOf(fieldsOf(message)['content']);
  const has = (message: unknown, type: string) =>
    blocksOf(message).some((block) => fieldsOf(block)['type'] === type);
  if (!messages.some((message) => has(message, 'container_upload'))) return 'no';
  const isUsers = (message: unknown) => fieldsOf(message)['role'] === 'user' && !has(message, 'tool_result');
  return has(messages.findLast(isUsers), 'container_upload') ? 'yes' : 'maybe';
}

function wrong(source: unknown): InvalidInputError {
  return new InvalidInputError(
    `estimateCost takes a turn, a TurnState, a checkpoint, a session's snapshot, or a list of these; got ${quoted(source)}. ${cureFor(source)}`,
  );
}

function cureFor(source: unknown): string {
  const { then, turn, toJSON, usage, content } = fieldsOf(source);
  if (typeof source === 'string') return 'Parse the JSON first.';
  if (typeof then === 'function') return 'It is a promise: await it first.';
  if (typeof turn === 'function')
    return 'It is a running turn: pass its `state`, or what `await stream.turn()` gives.';
  if (typeof toJSON === 'function') return 'Of a session pass `session.toJSON()`.';
  if (usage && content) return 'Of a message pass `turnFrom(params, [message])`.';
  if (Symbol.asyncIterator in Object(source)) return 'Read it to its end first, and pass the list.';
  return 'Pass what `await runTurn(…)` gives.';
}
