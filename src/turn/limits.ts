/** The limits of a turn, as data; `null` is none. */
export interface TurnLimits {
  readonly maxPauses: number;
  readonly maxToolRounds: number;
  readonly maxOutputTokens: number | null;
  readonly maxDurationMs: number | null;
}

/** What counts against the limits, over all processes that a turn ran in. */
export interface Spent {
  readonly pauses: number;
  readonly toolRounds: number;
  readonly outputTokens: number;
  readonly durationMs: number;
}

export const DEFAULT_LIMITS: TurnLimits = {
  maxPauses: 10,
  maxToolRounds: 25,
  maxOutputTokens: null,
  maxDurationMs: null,
};

export const NOTHING_SPENT: Spent = { pauses: 0, toolRounds: 0, outputTokens: 0, durationMs: 0 };
