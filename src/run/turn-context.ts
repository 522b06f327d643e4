import type { AnswerParser } from '../request/output-format.ts';
import type { RequestParams } from '../request/params.ts';
import type { RunnableTool } from '../request/runnable-tools.ts';
import type { MessagesClient } from '../sdk/client.ts';
import type { UnnumberedEvent } from '../turn/events.ts';
import type { Checkpoint, TurnState } from '../turn/state.ts';
import type { Message } from '../wire/blocks.ts';
import type { ReadOptions } from '../wire/read-response.ts';
import type { Spent } from './limits.ts';
import type { KnownContainer } from './lost-container.ts';
import type { ResolvedTurnOptions } from './options.ts';

/** What a turn is run with. */
export interface TurnRun {
  readonly client: MessagesClient;
  readonly options: ResolvedTurnOptions;
  readonly handlers: ReadonlyMap<string, RunnableTool>;
  /** Reads the answer once the turn is completed. */
  readonly parse: AnswerParser | null;
  readonly signal: AbortSignal;
  /** Bytes that the responses of the turn may still have. */
  readonly budget: ReadOptions['budget'];
  /** Takes each event when it happens. */
  readonly emit: (event: UnnumberedEvent) => void;
  /** What the events so far fold to. */
  readonly readState: () => TurnState;
}

/** Where a turn begins or goes on. */
export interface TurnStart {
  readonly params: RequestParams;
  readonly responses: readonly Message[];
  readonly spent: Spent;
  readonly phase: Checkpoint['phase'];
  /** The container that the caller named, with its expiry. */
  readonly container: KnownContainer | null;
}

/** What a turn is run with, on the stage of its stream. */
export function turnRun(
  { signal, emit, readState }: Pick<TurnRun, 'signal' | 'emit' | 'readState'>,
  client: MessagesClient,
  { handlers, parse }: Pick<TurnRun, 'handlers' | 'parse'>,
  options: ResolvedTurnOptions,
): TurnRun {
  const { maxTurnBytes } = options;
  const budget = { bytesLeft: maxTurnBytes, maxBytes: maxTurnBytes };
  return { client, options, handlers, parse, signal, budget, emit, readState };
}
