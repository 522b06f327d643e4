import type { TurnObserver } from '../observe/observer.ts';
import type { RunnableTool } from '../request/runnable-tools.ts';
import type { MessagesClient } from '../sdk/client.ts';
import type { UnnumberedEvent } from '../turn/events.ts';
import type { TurnLimits } from '../turn/limits.ts';
import type { AnswerParser } from '../turn/parse-answer.ts';
import type { TurnState } from '../turn/state.ts';
import type { Turn } from '../turn/turn.ts';
import type { ResolvedTurnOptions } from './options.ts';

/** What a stream gives to the steps of its turn. */
export interface Stage {
  readonly signal: AbortSignal;
  /** Takes each event when it happens. */
  readonly emit: (event: UnnumberedEvent) => void;
  /** Folds the events so far. */
  readonly readState: () => TurnState;
}

/** A turn that can be run: what a stream needs to know of it, and its steps. */
export interface TurnPlan {
  /** Its logger gets the notices. */
  readonly client: MessagesClient;
  readonly options: Pick<ResolvedTurnOptions, 'signal' | 'onEvent'>;
  /** The state that events go on from. */
  readonly state: TurnState;
  readonly steps: (stage: Stage) => AsyncGenerator<void, Turn>;
}

/** What a turn is run with, from its first step to its last. */
export interface Run extends Stage {
  readonly client: MessagesClient;
  readonly options: ResolvedTurnOptions;
  readonly limits: TurnLimits;
  readonly handlers: ReadonlyMap<string, RunnableTool>;
  /** Reads the answer once the turn is completed. */
  readonly parse: AnswerParser | null;
  readonly observer: Pick<TurnObserver, 'inside' | 'handler'>;
}
