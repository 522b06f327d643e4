import type {
  ContainerParams,
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
} from '@anthropic-ai/sdk/resources/messages';
import type { Spent, TurnLimits } from '../run/limits.ts';
import type { ContainerData } from '../wire/container.ts';
import type { Artifact } from './artifact.ts';
import type { Caller, Execution } from './execution.ts';
import { NO_USAGE, type TurnUsage } from './usage.ts';

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

/** One part of a turn, in order. Executions, tool calls and server tools are named by id and held in lists. */
export type TurnPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'execution'; readonly id: string }
  | { readonly type: 'tool-use'; readonly id: string }
  | { readonly type: 'server-tool'; readonly id: string }
  | { readonly type: 'pause' }
  | { readonly type: 'unknown'; readonly raw: unknown };

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
  /** The call and the result as the API sent them; `null` until they come. */
  readonly call: unknown;
  readonly result: unknown;
}

/** Something the caller should know that is no error. */
export interface Notice {
  readonly code:
    | 'inert-upload'
    | 'container-changed'
    | 'container-lost'
    | 'response-repeated'
    | 'calls-dropped'
    | 'files-not-captured'
    | 'answer-not-parsed'
    | 'describe-failed'
    | 'listener-failed'
    | (string & {});
  readonly message: string;
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
 * A turn as far as it came: everything a view needs, and plain JSON. Built by folding events with `reduceTurn`; never
 * mutated.
 */
export interface TurnState {
  readonly status: 'running' | 'ended' | 'interrupted';
  /** The turn in order. Neighbouring texts are one part. */
  readonly parts: readonly TurnPart[];
  /** All text parts, joined by a blank line. */
  readonly text: string;
  /** The text after the last execution: what the user asked for. */
  readonly answer: string;
  readonly executions: readonly Execution[];
  readonly artifacts: readonly Artifact[];
  /** The last container that the API named. */
  readonly container: ContainerData | null;
  readonly usage: TurnUsage;
  readonly toolUses: readonly ToolUse[];
  readonly serverTools: readonly ServerToolUse[];
  readonly notices: readonly Notice[];
  /** Responses that began. */
  readonly responseCount: number;
  /** As the API sent it, also values that this version does not know; `null` until the turn ends. */
  readonly stopReason: string | null;
  /** `null` until the turn ends. */
  readonly outcome: Outcome | null;
  /** Set when the turn was interrupted. */
  readonly error?: TurnFailure;
  /** `seq` of the last event that is folded in; -1 before the first. */
  readonly seq: number;
}

/** An ended turn. `Parsed` is what the `format` of its params reads; a `Turn` without it stands for any. */
export interface Turn<Parsed = unknown> extends TurnState {
  readonly status: 'ended';
  readonly outcome: Outcome;
  /** Every response of the turn verbatim, in order. */
  readonly responses: readonly Message[];
  /**
   * The history to send next: the caller's messages and each response as an assistant message of its own. Append the
   * next user message, or the results of waiting tool calls, and hand `container` on. Typed as the SDK takes it.
   */
  readonly messages: MessageParam[];
  /**
   * What the `parse` of `output_config.format` made of the last text of `answer`. `null` without one, with any outcome but
   * `completed`, and where the text could not be read: a notice `answer-not-parsed` says why. The one field that may be no JSON.
   */
  readonly parsed: Parsed | null;
  /** With outcome `awaiting-tools` or `paused`: what `resumeTurn` takes. */
  readonly checkpoint?: Checkpoint;
}

/**
 * An unfinished turn as plain JSON: what `resumeTurn` needs to go on in another process. It holds the whole conversation and no
 * keys, handlers or schemas. Keep it on the server, or signed: who can change it decides what is sent.
 */
export interface Checkpoint {
  readonly version: 1;
  /** The params of the turn without `messages` and `container`. */
  readonly params: Omit<MessageCreateParamsNonStreaming, 'messages' | 'container' | 'stream'>;
  /** The history so far. While `awaiting-tools` it ends with the response that calls them, else it is what is sent next. */
  readonly messages: readonly MessageParam[];
  /** The responses of this turn, verbatim. */
  readonly responses: readonly Message[];
  /** The container to send, in the API's form. */
  readonly container: string | ContainerParams | null;
  readonly state: TurnState;
  readonly limits: TurnLimits;
  readonly spent: Spent;
  readonly phase: 'ready' | 'awaiting-tools';
  /** Names of the tools that had a handler. */
  readonly runnableTools: readonly string[];
  /** A request was sent behind it whose outcome is not known: code may have run, and may run again. */
  readonly mayRerun: boolean;
}

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
    usage: NO_USAGE,
    toolUses: [],
    serverTools: [],
    notices: [],
    responseCount: 0,
    stopReason: null,
    outcome: null,
    seq: -1,
  };
}

/** The outcome that a stop reason means; the reason itself stays beside it. */
export function outcomeOf(stopReason: string | null): Outcome {
  switch (stopReason) {
    case 'end_turn':
    case 'stop_sequence':
      return 'completed';
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'truncated';
    case 'refusal':
      return 'refused';
    case 'tool_use':
      return 'awaiting-tools';
    case 'pause_turn':
      return 'paused';
    default:
      return 'unknown';
  }
}
