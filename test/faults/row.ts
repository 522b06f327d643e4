import type Anthropic from '@anthropic-ai/sdk';
import type { Message } from '@anthropic-ai/sdk/resources/messages';
import type {
  Checkpoint,
  ResumeOptions,
  RunnableTool,
  Turn,
  TurnOptions,
  TurnParams,
  TurnStream,
} from 'code-execution-kit';
import type { Emulator, EmulatorOptions, Fault } from 'code-execution-kit/emulator';
import type { Fetch, Tap } from './tap.ts';

/** One number, or the least and the most over the variants of a row. */
export type Range = number | readonly [least: number, most: number];

/** How a fault is made. */
export interface World extends EmulatorOptions {
  /** Injected into the emulator, one for each request. */
  readonly faults?: readonly Fault[];
  /** Sent by msw instead of the emulator, one for each request, the last one for all that follow. */
  readonly answers?: readonly (() => Response)[];
  /** What lies between the client and the API. */
  readonly between?: (fetch: Fetch) => Fetch;
  readonly tools?: readonly RunnableTool[];
  readonly params?: Partial<TurnParams>;
  readonly options?: TurnOptions;
  /** Done before the turn; gives more params. */
  readonly before?: (scene: {
    readonly emulator: Emulator;
    /** One that no fault meets and nobody counts. */
    readonly client: Anthropic;
    readonly params: TurnParams;
  }) => Promise<Partial<TurnParams>>;
}

/** What a turn came to: the turn, or what was thrown. */
export type Result = Turn | ThrownResult;

/** What an error may carry. */
export interface ThrownResult extends Error {
  readonly code?: string;
  readonly status?: number;
  readonly limit?: string;
  readonly turn?: Turn;
  readonly state?: Omit<Turn, 'responses' | 'messages'>;
  readonly responses?: readonly Message[];
  readonly checkpoint?: Checkpoint | null;
}

/** A world with a client in it. Whatever is run in it is checked for losses. */
export interface Scene {
  readonly emulator: Emulator;
  readonly tap: Tap;
  /** Frozen, all the way down. */
  readonly params: TurnParams;
  readonly tools: readonly RunnableTool[];
  /** A turn from its start. */
  run(options?: TurnOptions, params?: Partial<TurnParams>): Promise<Result>;
  resume(checkpoint: Checkpoint | null | undefined, options?: ResumeOptions): Promise<Result>;
  /** A turn of which only so many events are taken. */
  leaveAfter(events: number): Promise<Result>;
  /** The stream of the turn that is run now, or ran last. */
  stream(): TurnStream;
}

/** A row of the fault table: what goes wrong, and what comes of it. */
export interface Row {
  readonly fault: string;
  /** Times that it is done, each a little different. Default 1. */
  readonly variants?: number;
  /** POSTs that were sent. */
  readonly posts: Range;
  /**
   * POSTs that the SDK's own loop sends, a tool runner of a
   * client with its defaults; `null` where it has no counterpart.
   */
  readonly sdk: Range | null;
  /** As `outcomeOf` tells it; several where variants differ. */
  readonly outcome: string | readonly string[];
  /** Complete blocks that the server sent: none of them is lost. */
  readonly blocks: Range;
  readonly world: (variant: number) => World | Promise<World>;
  /** Default: one turn is run. */
  readonly play?: (scene: Scene, variant: number) => Promise<Result>;
  /** What else is so. */
  readonly also?: (result: Result, scene: Scene, variant: number) => void | Promise<void>;
}

/** A row that needs more than one process. */
export interface ProcessRow extends Omit<Row, 'world' | 'play' | 'also'> {
  readonly measure: () => Promise<Measured>;
}

/** What came of a row. */
export interface Measured {
  readonly posts: Range;
  readonly sdk: Range | null;
  readonly outcome: string | readonly string[];
  readonly blocks: Range;
}
