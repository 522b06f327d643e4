import { typed } from '../errors.ts';
import type { TurnEvent } from './events.ts';
import { TurnFold } from './fold.ts';
import type { TurnState } from './state.ts';

/**
 * Folds one event into a turn's state. Pure: the state given is not changed,
 * what did not change is shared, and events of types that this version does
 * not know are passed over. Fits React's `useReducer` and needs no SDK.
 *
 * @example
 * ```ts
 * let state = initialTurnState();
 * for await (const event of streamTurn(client, params)) state = reduceTurn(state, event);
 * ```
 */
export function reduceTurn(state: TurnState, event: TurnEvent): TurnState {
  return typed('reduceTurn', () => foldEvents(state, [event]));
}

/** Folds many events at once, in time that grows with their number alone. */
export function foldEvents(state: TurnState, events: readonly TurnEvent[]): TurnState {
  const fold = new TurnFold(state);
  for (const event of events) fold.push(event);
  return fold.state;
}
