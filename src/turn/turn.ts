import type {
  ContainerParams,
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
} from '@anthropic-ai/sdk/resources/messages';
import type { Execution } from './execution.ts';
import type { Spent, TurnLimits } from './limits.ts';
import type { Outcome, TurnState, UnfinishedOutcome } from './state.ts';

/**
 * An ended turn. `Parsed` is what the `format` of its params reads; a `Turn` without it stands for any.
 * With outcome `awaiting-tools` or `paused` it can go on, and has a `checkpoint`.
 */
export type Turn<Parsed = unknown> = FinishedTurn<Parsed> | UnfinishedTurn<Parsed>;

/** A turn after which another user message can follow. */
export interface FinishedTurn<Parsed = unknown> extends EndedTurn<Parsed> {
  readonly outcome: Exclude<Outcome, UnfinishedOutcome>;
  readonly checkpoint?: undefined;
}

/** A turn that can go on. No user message can follow its `messages`, but results of waiting calls can. */
export interface UnfinishedTurn<Parsed = unknown> extends EndedTurn<Parsed> {
  readonly outcome: UnfinishedOutcome;
  /** What `resumeTurn` takes. */
  readonly checkpoint: Checkpoint;
}

/** What all ended turns have. */
interface EndedTurn<Parsed> extends TurnState {
  readonly status: 'ended';
  /** Every response of the turn verbatim, in order. */
  readonly responses: readonly Message[];
  /**
   * The history to send next: the caller's messages and each response as an assistant message of its own,
   * without what the API does not take back: blank texts and, in a turn that is finished, calls without a
   * result. Append the next user message and hand `container` on. Typed as the SDK takes it.
   */
  readonly messages: MessageParam[];
  /**
   * What the `parse` of `output_config.format` made of the last text of `answer`.
   * `null` without one, with any outcome but `completed`, and where the text could not
   * be read: a notice `answer-not-parsed` says why. The one field that may be no JSON.
   */
  readonly parsed: Parsed | null;
}

/** Params as they are sent, apart from `stream`. */
export type RequestParams = Omit<MessageCreateParamsNonStreaming, 'stream'>;

/**
 * A message of a history in a checkpoint; a response of the turn stands there by its index in `responses`.
 */
export type StoredMessage = MessageParam | { readonly response: number };

/**
 * An unfinished turn as plain JSON: what `resumeTurn` needs to go on in another
 * process. It holds the whole conversation and no keys, handlers or schemas.
 * Keep it on the server, or signed: who can change it decides what is sent.
 */
export interface Checkpoint {
  readonly version: 1;
  /** The params of the turn without `messages` and `container`. */
  readonly params: Omit<RequestParams, 'messages' | 'container'>;
  /**
   * The history so far. While `awaiting-tools` it ends with the
   * response that calls them, else it is what is sent next.
   */
  readonly messages: readonly StoredMessage[];
  /** The responses of this turn, verbatim. */
  readonly responses: readonly Message[];
  /** The container to send, in the API's form. */
  readonly container: string | ContainerParams | null;
  /** What of the turn's state its responses do not say. */
  readonly state: StoredState;
  readonly limits: TurnLimits;
  readonly spent: Spent;
  readonly phase: 'ready' | 'awaiting-tools';
  /** Names of the tools that had a handler. */
  readonly runnableTools: readonly string[];
  /** Names of the MCP servers whose `authorization_token` was sent: `params` holds them without it. */
  readonly mcpServers?: readonly string[] | undefined;
  /** A request was sent after it whose outcome is not known: code may have run, and may run again. */
  readonly mayRerun: boolean;
}

/** The part of a state that cannot be folded from its responses. */
export interface StoredState extends Pick<TurnState, 'seq' | 'exchanges' | 'notices' | 'container'> {
  /** When executions began and ended. */
  readonly times: readonly Pick<Execution, 'id' | 'startedAt' | 'endedAt'>[];
  /** Executions and calls of the caller's tools whose input was cut: responses hold less of it. */
  readonly executions: TurnState['executions'];
  readonly toolUses: TurnState['toolUses'];
  /** Artifacts that were looked up. */
  readonly artifacts: TurnState['artifacts'];
  /** All parts where one of them is unknown, since it may be an event, which no response holds; else none. */
  readonly parts: TurnState['parts'];
}

/** Where a turn stands between two responses. */
export interface Boundary {
  readonly params: RequestParams;
  readonly phase: Checkpoint['phase'];
  readonly responses: readonly Message[];
  readonly spent: Spent;
  readonly state: TurnState;
}
