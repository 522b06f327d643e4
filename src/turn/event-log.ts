import { GrowingText } from '../wire/growing-text.ts';
import type { TurnEvent } from './events.ts';
import { reduceTurn } from './reduce.ts';
import type { TurnState } from './state.ts';

type Delta = Extract<TurnEvent, { type: 'text-delta' | 'thinking-delta' | 'code-delta' }>;

/** Neighbouring deltas of one text. */
interface Run {
  readonly first: Delta;
  readonly text: GrowingText;
  lastSeq: number;
}

/**
 * The state of a turn, folded only when somebody reads it. Until then events wait in a log in which neighbouring
 * deltas of the same text are one entry, so that a long response of small deltas costs neither time nor memory beside
 * its text.
 */
export class EventLog {
  #state: TurnState;
  #log: TurnEvent[] = [];
  /** The deltas behind the log's last event. */
  #run: Run | undefined;

  constructor(state: TurnState) {
    this.#state = state;
  }

  push(event: TurnEvent): void {
    const run = this.#run;
    if (event.type !== 'text-delta' && event.type !== 'code-delta' && event.type !== 'thinking-delta') {
      if (run) this.#endRun(run);
      this.#log.push(event);
    } else if (run && continues(run.first, event)) {
      run.text.append(event.text);
      run.lastSeq = event.seq;
    } else {
      if (run) this.#endRun(run);
      this.#run = { first: event, text: new GrowingText(event.text), lastSeq: event.seq };
    }
  }

  get state(): TurnState {
    if (this.#run) this.#endRun(this.#run);
    for (const event of this.#log) this.#state = reduceTurn(this.#state, event);
    this.#log = [];
    return this.#state;
  }

  #endRun({ first, text, lastSeq }: Run): void {
    this.#log.push({ ...first, text: String(text), seq: lastSeq });
    this.#run = undefined;
  }
}

function continues(first: Delta, next: Delta): boolean {
  if (first.type !== next.type) return false;
  return (
    next.type !== 'code-delta' ||
    ((first as typeof next).id === next.id && (first as typeof next).field === next.field)
  );
}
