import type { TurnUsage } from '../turn/usage.ts';

/** The limits of a turn, as data; `null` is none. */
export interface TurnLimits {
  readonly maxPauses: number;
  readonly maxToolRounds: number;
  readonly maxOutputTokens: number | null;
  readonly maxDurationMs: number | null;
}

/** The options that limit a turn. */
interface LimitOptions {
  readonly maxPauses: number;
  readonly maxToolRounds: number;
  readonly maxOutputTokens?: number;
  readonly maxDurationMs?: number;
}

/** The part of a turn's state that is counted. */
interface Counted {
  readonly usage: TurnUsage;
}

/** What counts against the limits, over all processes that a turn ran in. Output tokens are counted in its usage. */
export interface Spent {
  readonly pauses: number;
  readonly toolRounds: number;
  readonly outputTokens: number;
  readonly durationMs: number;
}

export const NOTHING_SPENT: Spent = { pauses: 0, toolRounds: 0, outputTokens: 0, durationMs: 0 };

export function limitsOf(options: LimitOptions): TurnLimits {
  const { maxPauses, maxToolRounds, maxOutputTokens, maxDurationMs } = options;
  return {
    maxPauses: inJson(maxPauses),
    maxToolRounds: inJson(maxToolRounds),
    maxOutputTokens: maxOutputTokens === undefined ? null : inJson(maxOutputTokens),
    maxDurationMs: maxDurationMs === undefined ? null : inJson(maxDurationMs),
  };
}

/** JSON has no Infinity. */
const inJson = (limit: number) => Math.min(limit, Number.MAX_SAFE_INTEGER);

/** Counts from where a turn began or went on. */
export class Meter {
  readonly #limits: TurnLimits;
  readonly #now: () => Date;
  readonly #before: Spent;
  readonly #tokensBefore: number;
  #elapsedMs = 0;
  #readAt: number;
  #pauses = 0;
  #toolRounds = 0;

  constructor(limits: TurnLimits, now: () => Date, { usage }: Counted, before: Spent) {
    this.#limits = limits;
    this.#now = now;
    this.#before = before;
    this.#tokensBefore = usage.output_tokens;
    this.#readAt = now().getTime();
  }

  pause(): void {
    this.#pauses++;
  }

  toolRound(): void {
    this.#toolRounds++;
  }

  spent({ usage }: Counted): Spent {
    return {
      pauses: this.#before.pauses + this.#pauses,
      toolRounds: this.#before.toolRounds + this.#toolRounds,
      outputTokens: this.#before.outputTokens + usage.output_tokens - this.#tokensBefore,
      durationMs: this.#before.durationMs + this.#elapsed(),
    };
  }

  /** A clock that was set back takes nothing away. */
  #elapsed(): number {
    const now = this.#now().getTime();
    if (now > this.#readAt) this.#elapsedMs += now - this.#readAt;
    this.#readAt = now;
    return this.#elapsedMs;
  }

  /** The limit that forbids to send anything more, if any; `asks` is what the last response wants. */
  reached(state: Counted, asks?: 'pause' | 'tools'): keyof TurnLimits | undefined {
    const { pauses, toolRounds, outputTokens, durationMs } = this.spent(state);
    const { maxPauses, maxToolRounds, maxOutputTokens, maxDurationMs } = this.#limits;
    if (asks === 'pause' && pauses >= maxPauses) return 'maxPauses';
    if (asks === 'tools' && toolRounds >= maxToolRounds) return 'maxToolRounds';
    if (maxOutputTokens !== null && outputTokens >= maxOutputTokens) return 'maxOutputTokens';
    if (maxDurationMs !== null && durationMs >= maxDurationMs) return 'maxDurationMs';
    return undefined;
  }
}

const COUNTERS: Readonly<Record<keyof TurnLimits, keyof Spent>> = {
  maxPauses: 'pauses',
  maxToolRounds: 'toolRounds',
  maxOutputTokens: 'outputTokens',
  maxDurationMs: 'durationMs',
};

/** What is carried on behind a limit: its own counter begins again, with the continuation that follows. */
export function spentBehind(limit: keyof TurnLimits, spent: Spent): Spent {
  return { ...spent, [COUNTERS[limit]]: limit === 'maxPauses' || limit === 'maxToolRounds' ? 1 : 0 };
}
