import type Anthropic from '@anthropic-ai/sdk';
import { InvalidInputError } from '../errors.ts';
import { describe } from '../sdk/client.ts';
import type { TurnEvent } from '../turn/events.ts';
import type { Checkpoint, TurnState } from '../turn/state.ts';

/** Options of `runTurn` and `streamTurn`, all optional. */
export interface TurnOptions {
  /** How many `pause_turn`s may be continued before the turn ends with a `TurnLimitError`. Default 10. */
  readonly maxPauses?: number | undefined;
  /** How many rounds of calls of your own tools may be answered before the turn ends with a `TurnLimitError`. Default 25. */
  readonly maxToolRounds?: number | undefined;
  /** Output tokens of all responses, behind which nothing more is sent: a `TurnLimitError`. Default none. */
  readonly maxOutputTokens?: number | undefined;
  /** Time of the turn in milliseconds, over all processes, behind which nothing more is sent: a `TurnLimitError`. Default none. */
  readonly maxDurationMs?: number | undefined;
  /** Asked between two responses: `true` ends the turn without an error, as `paused`, with a checkpoint. */
  readonly stopWhen?: ((state: TurnState) => boolean) | undefined;
  /** Longest time of one handler in milliseconds; a late one gives an error result. Default 240 000. */
  readonly toolTimeoutMs?: number | undefined;
  /**
   * When the container that the turn asks for is gone: `'throw'` a `ContainerLostError`, or `'restart'` in a fresh one with the
   * uploads repeated, once, and only while nothing of the turn has run. Default `'throw'`.
   */
  readonly onLostContainer?: 'throw' | 'restart' | undefined;
  /** Longest silence of a stream in milliseconds; any byte counts, pings too. Default 290 000. */
  readonly idleTimeoutMs?: number | undefined;
  /** Tries after the first for failures that show that nothing ran (429, 503, 529, never connected). Default 2. */
  readonly retries?: number | undefined;
  /**
   * Tries after the first for a response that broke off when its code may have run already: a cut or silent stream, an `error` event
   * that passes, a lost connection, 408, 409, 5xx. Code may run twice; what came first is kept in a notice. Default 0.
   */
  readonly interruptedRetries?: number | undefined;
  /** Look up names and sizes of artifacts before `turn-end`, where the client has `files`. Default true. */
  readonly describe?: boolean | undefined;
  /** Add the default code execution tool where `tools` has none. Default true. */
  readonly addTool?: boolean | undefined;
  /** Largest single event of a stream, in characters. Default 64 MiB. */
  readonly maxEventBytes?: number | undefined;
  /** Largest sum of a turn's responses, in bytes. Default 256 MiB. */
  readonly maxTurnBytes?: number | undefined;
  /** Ends the turn with a `TurnInterruptedError` of code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Sees every event when it happens; never awaited. What it throws becomes a notice and ends the calls. */
  readonly onEvent?: ((event: TurnEvent) => void) | undefined;
  /**
   * Gets a checkpoint after each pause, and before and after the handlers of a tool round; awaited. What it throws ends the turn with a
   * `TurnInterruptedError` of code `checkpoint_failed`.
   */
  readonly onCheckpoint?: ((checkpoint: Checkpoint) => void | PromiseLike<void>) | undefined;
  /** The clock of limits and expiry. Default the system's. */
  readonly now?: (() => Date) | undefined;
  /** The SDK's `RequestOptions` for every request of the turn, such as `headers` and `timeout`. */
  readonly request?: Omit<Anthropic.RequestOptions, 'signal' | 'stream'> | undefined;
}

/** Options with their defaults filled in. */
export interface ResolvedTurnOptions {
  readonly maxPauses: number;
  readonly maxToolRounds: number;
  readonly maxOutputTokens?: number;
  readonly maxDurationMs?: number;
  readonly stopWhen?: (state: TurnState) => boolean;
  readonly toolTimeoutMs: number;
  readonly onLostContainer: 'throw' | 'restart';
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void | PromiseLike<void>;
  readonly now: () => Date;
  readonly idleTimeoutMs: number;
  readonly retries: number;
  readonly interruptedRetries: number;
  readonly describe: boolean;
  readonly addTool: boolean;
  readonly maxEventBytes: number;
  readonly maxTurnBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: ((event: TurnEvent) => void) | undefined;
  readonly request: Readonly<Record<string, unknown>>;
}

/** The defaults of all options that have one; docs/options.md holds the same table. */
export const TURN_DEFAULTS = {
  maxPauses: 10,
  maxToolRounds: 25,
  toolTimeoutMs: 240_000,
  onLostContainer: 'throw',
  // Under the 300 s after which Node's fetch gives a silent body up by itself.
  idleTimeoutMs: 290_000,
  retries: 2,
  interruptedRetries: 0,
  describe: true,
  addTool: true,
  maxEventBytes: 64 * 1024 * 1024,
  maxTurnBytes: 256 * 1024 * 1024,
} as const;

const NAMES: readonly string[] = [
  ...Object.keys(TURN_DEFAULTS),
  'maxOutputTokens',
  'maxDurationMs',
  'stopWhen',
  'signal',
  'onEvent',
  'onCheckpoint',
  'now',
  'request',
];
const COUNTS = ['maxPauses', 'maxToolRounds', 'retries', 'interruptedRetries'] as const;
const AMOUNTS = ['idleTimeoutMs', 'toolTimeoutMs', 'maxEventBytes', 'maxTurnBytes'] as const;
const OPTIONAL_AMOUNTS = ['maxOutputTokens', 'maxDurationMs'] as const;
const FUNCTIONS = ['onEvent', 'onCheckpoint', 'stopWhen', 'now'] as const;

/** @throws {InvalidInputError} naming the option and its value. */
export function resolveTurnOptions(options: TurnOptions = {}): ResolvedTurnOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidInputError(`options must be an object, got ${describe(options)}.`);
  }
  const unknown = Object.keys(options).find((name) => !NAMES.includes(name));
  if (unknown)
    throw new InvalidInputError(`There is no option ${unknown}. The options are ${NAMES.join(', ')}.`);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const now = () => new Date();
  const resolved: ResolvedTurnOptions = {
    signal: undefined,
    onEvent: undefined,
    request: {},
    now,
    ...TURN_DEFAULTS,
    ...given,
  };
  for (const name of COUNTS) assertNumber(name, resolved[name], 0);
  for (const name of AMOUNTS) assertNumber(name, resolved[name], 1);
  for (const name of OPTIONAL_AMOUNTS)
    if (resolved[name] !== undefined) assertNumber(name, resolved[name], 1);
  if (resolved.signal !== undefined && !((resolved.signal as unknown) instanceof AbortSignal)) {
    throw new InvalidInputError(`options.signal must be an AbortSignal, got ${describe(resolved.signal)}.`);
  }
  const clock = typeof resolved.now === 'function' ? resolved.now() : undefined;
  if (!(clock instanceof Date) || Number.isNaN(clock.getTime())) {
    throw new InvalidInputError(
      `options.now must be a function that gives a Date, got ${describe(resolved.now)}.`,
    );
  }
  for (const name of FUNCTIONS) {
    if (resolved[name] === undefined || typeof resolved[name] === 'function') continue;
    throw new InvalidInputError(`options.${name} must be a function, got ${describe(resolved[name])}.`);
  }
  if (resolved.onLostContainer !== 'throw' && resolved.onLostContainer !== 'restart') {
    throw new InvalidInputError(
      `options.onLostContainer must be 'throw' or 'restart', got ${describe(resolved.onLostContainer)}.`,
    );
  }
  return resolved;
}

function assertNumber(name: string, value: unknown, least: number): void {
  if (typeof value === 'number' && value >= least) return;
  throw new InvalidInputError(
    `options.${name} must be a number of at least ${least}, got ${describe(value)}.`,
  );
}
