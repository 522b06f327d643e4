import type { Message } from '@anthropic-ai/sdk/resources/messages';
import { toolUsesIn } from '../wire/blocks.ts';
import type { ContainerData } from '../wire/container.ts';
import type { Artifact } from './artifact.ts';
import type { Caller, Execution } from './execution.ts';
import { NO_USAGE, type ResponseUsage, type TurnUsage } from './usage.ts';

/** How a turn ended. `stopReason` beside it is what the API said. */
export type Outcome =
  /** `end_turn` or `stop_sequence`. */
  | 'completed'
  /** `max_tokens`, or a full context window. */
  | 'truncated'
  | 'refused'
  /** Client tool calls wait for their results. */
  | 'awaiting-tools'
  /** Ended between two responses; it can go on. */
  | 'paused'
  /** A stop reason that this version does not know. */
  | 'unknown';

/**
 * One part of a turn, in order. Executions, tool calls and server tools are named by id
 * and held in lists. A text or thinking part holds neighbouring blocks of one response.
 */
export type TurnPart = { readonly responseIndex: number } & (
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'execution'; readonly id: string }
  | { readonly type: 'tool-use'; readonly id: string }
  | { readonly type: 'server-tool'; readonly id: string }
  | { readonly type: 'pause' }
  | { readonly type: 'unknown'; readonly raw: unknown }
);

/** A call of one of the caller's own tools. */
export interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  /** `false` when the input was cut, for example by `max_tokens`: do not act on it. */
  readonly inputComplete: boolean;
  /** Claude, or the code of an execution that waits for the result. */
  readonly caller: Caller;
  readonly responseIndex: number;
}

/** A call of another tool that the server runs, such as web search. */
export interface ServerToolUse {
  readonly id: string;
  /** `null` when only the result is known. */
  readonly name: string | null;
  readonly caller: Caller;
  /** Index of the response with the call, or with the result where only that is known. */
  readonly responseIndex: number;
  /** Index of the response with the result; `null` until it comes. */
  readonly resultIndex: number | null;
  /** The call and the result as the API sent them; `null` until they come. */
  readonly call: unknown;
  readonly result: unknown;
}

/** What a turn keeps of a response beside its blocks. */
export interface Exchange {
  readonly responseIndex: number;
  /** `msg_…` */
  readonly id: string;
  readonly model: string;
  /** ISO times, from the request to the end of the response; `null` where no run measured it. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** As the API sent it; `null` until the response ends. */
  readonly stopReason: string | null;
  readonly usage: ResponseUsage;
  /** The container that the response named. */
  readonly container: ContainerData | null;
  /**
   * What the API changed in the request before Claude read
   * it, such as thinking that it dropped, as it says so.
   */
  readonly inputTransformations: readonly unknown[];
  /** The response broke off. It was billed; where it was asked for again, another exchange has its index. */
  readonly interrupted?: true;
}

/** Something the caller should know that is no error. */
export interface Notice {
  readonly code:
    | 'inert-upload'
    | 'container-changed'
    | 'container-lost'
    | 'response-repeated'
    | 'calls-dropped'
    | 'no-calls'
    | 'history-faults'
    | 'history-repaired'
    | 'prefix-changed'
    | 'thinking-dropped'
    | 'files-not-captured'
    | 'answer-not-parsed'
    | 'describe-failed'
    | 'listener-failed'
    | (string & {});
  readonly message: string;
  /** Index of the response that was under way, or that came last. */
  readonly responseIndex: number;
  /** With `response-repeated`: the response that broke off, as far as it came; `null` where nothing did. */
  readonly response?: Message | null;
}

/** Why a turn was interrupted, as data. */
export interface TurnFailure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/**
 * A turn as far as it came: everything a view needs, and plain
 * JSON. Built by folding events with `reduceTurn`; never mutated.
 */
export interface TurnState {
  readonly status: 'running' | 'ended' | 'interrupted';
  /** The turn in order. */
  readonly parts: readonly TurnPart[];
  /** All text parts, joined by a blank line. */
  readonly text: string;
  /** The text after the last execution: what the user asked for. */
  readonly answer: string;
  readonly executions: readonly Execution[];
  readonly artifacts: readonly Artifact[];
  /** The last container that the API named. */
  readonly container: ContainerData | null;
  /** One for each response, in order, and one more for each that broke off. */
  readonly exchanges: readonly Exchange[];
  /** The counters of all exchanges, summed. */
  readonly usage: TurnUsage;
  readonly toolUses: readonly ToolUse[];
  readonly serverTools: readonly ServerToolUse[];
  readonly notices: readonly Notice[];
  /** As the API sent it, also values that this version does not know; `null` until the turn ends. */
  readonly stopReason: string | null;
  /** `null` until the turn ends. */
  readonly outcome: Outcome | null;
  /** Set when the turn was interrupted. */
  readonly error?: TurnFailure;
  /** `seq` of the last event that is folded in; -1 before the first. */
  readonly seq: number;
}

/** Index of the response that is under way, or that came last. */
export const lastResponseIndex = ({ exchanges }: Pick<TurnState, 'exchanges'>): number =>
  exchanges.at(-1)?.responseIndex ?? 0;

/** The state before the first event. */
export function initialTurnState(): TurnState {
  return {
    status: 'running',
    parts: [],
    text: '',
    answer: '',
    executions: [],
    artifacts: [],
    container: null,
    exchanges: [],
    usage: NO_USAGE,
    toolUses: [],
    serverTools: [],
    notices: [],
    stopReason: null,
    outcome: null,
    seq: -1,
  };
}

/** The stop reason of a response; `null` for one that is no text, as its message has it. */
export function stopReasonOf(response: Pick<Message, 'stop_reason'> | null | undefined): string | null {
  return typeof response?.stop_reason === 'string' ? response.stop_reason : null;
}

/** The outcomes of a turn that can go on. */
export type UnfinishedOutcome = 'awaiting-tools' | 'paused';

/** Whether a turn with this outcome can go on. */
export function isUnfinished(outcome: Outcome): outcome is UnfinishedOutcome {
  return outcome === 'awaiting-tools' || outcome === 'paused';
}

/**
 * The outcome of a turn that ends with this response; the stop reason itself stays beside it. The two may
 * disagree: without a call there is nothing to answer, and calls have to be answered before a pause goes on.
 */
export function outcomeOf(response: Pick<Message, 'stop_reason' | 'content'> | undefined): Outcome {
  const waits = toolUsesIn(response?.content ?? []).length > 0;
  switch (response?.stop_reason) {
    case 'end_turn':
    case 'stop_sequence':
      return 'completed';
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'truncated';
    case 'refusal':
      return 'refused';
    case 'tool_use':
      return waits ? 'awaiting-tools' : 'unknown';
    case 'pause_turn':
      return waits ? 'awaiting-tools' : 'paused';
    default:
      return 'unknown';
  }
}
