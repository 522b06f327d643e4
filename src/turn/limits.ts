/** The limits of a turn, as data; `null` is none. */
export interface TurnLimits {
  readonly maxPauses: number;
  readonly maxToolRounds: number;
  readonly maxOutputTokens: number | null;
  readonly maxDurationMs: number | null;
  readonly maxReruns: number;
}

/** What counts against the limits, over all processes that a turn ran in. */
export interface Spent {
  readonly pauses: number;
  readonly toolRounds: number;
  readonly outputTokens: number;
  readonly durationMs: number;
  /** How often the response that is asked for was begun again in another process, in a row. */
  readonly reruns: number;
}

export const DEFAULT_LIMITS: TurnLimits = {
  maxPauses: 10,
  maxToolRounds: 25,
  maxOutputTokens: null,
  maxDurationMs: null,
  maxReruns: 3,
};

export const NOTHING_SPENT: Spent = { pauses: 0, toolRounds: 0, outputTokens: 0, durationMs: 0, reruns: 0 };
