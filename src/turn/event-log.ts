import type { TurnEvent } from './events.ts';
import { reduceTurn } from './reduce.ts';
import type { TurnState } from './state.ts';

/**
 * The state of a turn, folded only when somebody reads it. Until then events wait in a log in which deltas of the
 * same text are one entry, so that a long response of small deltas costs neither time nor memory beside its text.
 */
export class EventLog {
  #state: TurnState;
  #log: TurnEvent[] = [];

  constructor(state: TurnState) {
    this.#state = state;
  }

  push(event: TurnEvent): void {
    const last = this.#log.length - 1;
    const joined = joinDeltas(this.#log[last], event);
    if (joined) this.#log[last] = joined;
    else this.#log.push(event);
  }

  get state(): TurnState {
    for (const event of this.#log) this.#state = reduceTurn(this.#state, event);
    this.#log = [];
    return this.#state;
  }
}

function joinDeltas(last: TurnEvent | undefined, next: TurnEvent): TurnEvent | undefined {
  if (last === undefined || last.type !== next.type) return undefined;
  if (next.type === 'text-delta' || next.type === 'thinking-delta') {
    return { ...next, text: (last as typeof next).text + next.text };
  }
  if (next.type !== 'code-delta') return undefined;
  const before = last as typeof next;
  return before.id === next.id && before.field === next.field
    ? { ...next, text: before.text + next.text }
    : undefined;
}
