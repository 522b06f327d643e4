import type { UnnumberedEvent } from '../turn/events.ts';

/** Watches a turn from outside, as a span does. */
export interface TurnObserver {
  /** Runs what the turn sends and calls: what it makes active is active while the work begins. */
  readonly inside: <T>(work: () => Promise<T>) => Promise<T>;
  /** Runs the handler of a call, in the same way. */
  readonly handler: <T>(call: Call, work: () => Promise<T>) => Promise<T>;
  /** Gets each event after it happened. */
  readonly see: (event: UnnumberedEvent) => void;
  /** Nothing happens any more. May be called again. */
  readonly end: () => void;
}

/** A call of one of the caller's own tools. */
interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
}

/** For a run that is not observed. */
export const UNOBSERVED: Pick<TurnObserver, 'inside' | 'handler'> = {
  inside: (work) => work(),
  handler: (_, work) => work(),
};
