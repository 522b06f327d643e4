import type { ContainerData } from '../wire/container.ts';
import type { SourceField } from '../wire/source-text.ts';
import type { Artifact } from './artifact.ts';
import type { Execution } from './execution.ts';
import type { Notice, Outcome, ServerToolUse, ToolUse, TurnFailure } from './state.ts';
import type { ResponseUsage } from './usage.ts';

export type { SourceField };

/** How the container of a response relates to the one that was asked for. */
export type ContainerChange =
  /** A fresh one; none was asked for. */
  | 'created'
  /** The one that was asked for. */
  | 'reused'
  /** Another one than was asked for: its files are not there. */
  | 'changed'
  /** The one that was asked for is gone. `expiresAt` is when it expired, or now where that is not known. */
  | 'lost'
  /** What was asked for is not known, because the exchange was made without this package. */
  | 'unknown';

/**
 * What happens in a turn, while it happens. Plain JSON; `seq` counts the events of a turn from 0.
 *
 * | type | when |
 * |---|---|
 * | `response-start` | a response begins: the first, and one after each pause and each round of tool calls |
 * | `text-delta`, `thinking-delta` | Claude writes; models of autumn 2026 write progress notes as thinking |
 * | `execution-start` | a call begins; its input is not there yet |
 * | `code-delta` | the source as text while Claude writes it; joined, it equals the final field exactly |
 * | `execution-running` | the input is whole and the sandbox runs it; nothing is sent until it ends |
 * | `execution-end` | the result, whole |
 * | `artifact` | a file was captured; again with name and size once looked up |
 * | `tool-use` | a call of one of the caller's own tools |
 * | `server-tool` | a call or a result of another server tool, such as web search |
 * | `container` | the container of the response; the API names it at the end of a response |
 * | `usage` | counters of the response so far; they replace earlier ones of the same response |
 * | `response-end` | the response is whole |
 * | `pause` | it ended with `pause_turn`; the next request follows |
 * | `response-repeat` | a response is asked for again: it, and all after it, is taken back |
 * | `notice` | something the caller should know that is no error |
 * | `unknown` | a block, delta or event that this version does not know, as it came |
 * | `turn-end` | the turn ended; the last event |
 * | `turn-error` | the turn failed; the last event, after which the iterator throws |
 */
export type TurnEvent = { readonly seq: number } & (
  | {
      readonly type: 'response-start';
      readonly responseIndex: number;
      /** `msg_…` */
      readonly id: string;
      readonly model: string;
      /** ISO time when its request was sent; `null` where no run measured it. */
      readonly startedAt: string | null;
    }
  | { readonly type: 'text-delta'; readonly text: string }
  | { readonly type: 'thinking-delta'; readonly text: string }
  | { readonly type: 'execution-start'; readonly execution: Execution }
  | { readonly type: 'code-delta'; readonly id: string; readonly field: SourceField; readonly text: string }
  | { readonly type: 'execution-running'; readonly execution: Execution }
  | { readonly type: 'execution-end'; readonly execution: Execution }
  | { readonly type: 'artifact'; readonly artifact: Artifact }
  | { readonly type: 'tool-use'; readonly toolUse: ToolUse }
  | { readonly type: 'server-tool'; readonly serverTool: ServerToolUse }
  | { readonly type: 'container'; readonly change: ContainerChange; readonly container: ContainerData }
  | { readonly type: 'usage'; readonly responseIndex: number; readonly usage: ResponseUsage }
  | {
      readonly type: 'response-end';
      readonly responseIndex: number;
      readonly stopReason: string | null;
      /** ISO time; `null` where no run measured it. */
      readonly endedAt: string | null;
      /** What the API changed in the request before Claude read it, as it says so. */
      readonly inputTransformations: readonly unknown[];
    }
  | { readonly type: 'pause'; readonly responseIndex: number }
  | {
      readonly type: 'response-repeat';
      readonly responseIndex: number;
      /**
       * How many exchanges and notices, from the first, the process that goes on knows of; all where absent.
       */
      readonly exchangeCount?: number;
      readonly noticeCount?: number;
    }
  | { readonly type: 'notice'; readonly notice: Notice }
  | { readonly type: 'unknown'; readonly responseIndex: number; readonly raw: unknown }
  | { readonly type: 'turn-end'; readonly outcome: Outcome; readonly stopReason: string | null }
  | ({ readonly type: 'turn-error' } & TurnFailure)
);

/**
 * A `TurnEvent` before it has its number. Those that come
 * by the thousand bring a place for it, which is faster.
 */
export type UnnumberedEvent = TurnEvent extends infer E
  ? E extends TurnEvent
    ? Omit<E, 'seq'> & { seq?: number }
    : never
  : never;
