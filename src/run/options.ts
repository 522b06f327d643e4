import type Anthropic from '@anthropic-ai/sdk';
import { assertInput, InvalidInputError } from '../errors.ts';
import type { TurnTracing } from '../observe/tracing.ts';
import type { TurnEvent } from '../turn/events.ts';
import { DEFAULT_LIMITS, type TurnLimits } from '../turn/limits.ts';
import type { TurnState } from '../turn/state.ts';
import type { Checkpoint } from '../turn/turn.ts';
import { isRecord } from '../wire/blocks.ts';

/** Options of `runTurn` and `streamTurn`, all optional. */
export interface TurnOptions {
  /** How many `pause_turn`s may be continued before the turn ends with a `TurnLimitError`. Default 10. */
  readonly maxPauses?: number | undefined;
  /**
   * How many rounds of calls of your own tools may be answered
   * before the turn ends with a `TurnLimitError`. Default 25.
   */
  readonly maxToolRounds?: number | undefined;
  /**
   * Once all responses together used this many output tokens, no further
   * request is sent and the turn ends with a `TurnLimitError`. Default none.
   */
  readonly maxOutputTokens?: number | undefined;
  /**
   * After so many milliseconds, over all processes that the turn ran in, no
   * further request is sent and the turn ends with a `TurnLimitError`. A
   * response that is under way is not stopped; `signal` does that. Default none.
   */
  readonly maxDurationMs?: number | undefined;
  /**
   * How often one response may be begun again by `resumeTurn` with `rerun`, in a row, before that ends with a
   * `TurnLimitError`: a response that takes longer than its host may run never ends there. Default 3.
   */
  readonly maxReruns?: number | undefined;
  /** Asked between two responses: `true` ends the turn without an error, as `paused`, with a checkpoint. */
  readonly stopWhen?: ((state: TurnState) => boolean | PromiseLike<boolean>) | undefined;
  /** Longest time of one handler in milliseconds; a late one gives an error result. Default 240 000. */
  readonly toolTimeoutMs?: number | undefined;
  /**
   * When the container that the turn asks for is gone: `'throw'` a `ContainerLostError`, or `'restart'` in a
   * fresh one with the uploads repeated, once, and only while nothing of the turn has run. Default `'throw'`.
   */
  readonly onLostContainer?: 'throw' | 'restart' | undefined;
  /**
   * Longest silence in milliseconds, from the request on; of a
   * stream any byte counts, pings too. Default 290 000.
   */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * Longest time of one response in milliseconds, from its request to its end, however much comes
   * on the way: then a `TurnInterruptedError` of code `response_timeout`. Default 14 400 000, four hours.
   */
  readonly maxResponseMs?: number | undefined;
  /**
   * Tries after the first when it is certain that no code ran (429, 503, 529, never connected). Default 2.
   */
  readonly retries?: number | undefined;
  /**
   * Tries after the first for a response that broke off when its code may have run
   * already: a cut or silent stream, an `error` event that passes, a lost connection,
   * 408, 409, 5xx. Code may run twice; what came first is kept in a notice. Never after
   * its stop reason, when the answer is there. Default 0.
   */
  readonly interruptedRetries?: number | undefined;
  /** Look up names and sizes of artifacts before `turn-end`, where the client has `files`. Default true. */
  readonly describe?: boolean | undefined;
  /** Add the default code execution tool where `tools` has none. Default true. */
  readonly addTool?: boolean | undefined;
  /**
   * What a session does when its `system`, `tools` or skills are not those of its conversation, and the
   * conversation holds thinking, which newer models bind to them: `'error'`, `'keep'` what was sent at
   * first, or `'drop-thinking'` for good. Default `'error'`. A checkpoint is always resumed with its own.
   */
  readonly onPrefixChange?: 'error' | 'keep' | 'drop-thinking' | undefined;
  /** Largest single event of a stream, in characters. Default 64 MiB. */
  readonly maxEventBytes?: number | undefined;
  /** Largest sum of a turn's responses, in bytes. Default 256 MiB. */
  readonly maxTurnBytes?: number | undefined;
  /** Most events of a turn, over all processes that it ran in. Default 1 000 000. */
  readonly maxTurnEvents?: number | undefined;
  /** Ends the turn with a `TurnInterruptedError` of code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Sees every event when it happens; never awaited. What it throws becomes a notice and ends the calls. */
  readonly onEvent?: ((event: TurnEvent) => void) | undefined;
  /**
   * Gets a checkpoint after each pause, and before and after the handlers of a tool round; awaited.
   * What it throws ends the turn with a `TurnInterruptedError` of code `checkpoint_failed`.
   */
  readonly onCheckpoint?: ((checkpoint: Checkpoint) => void | PromiseLike<void>) | undefined;
  /** One OpenTelemetry span for the turn, around those of the SDK: see {@link TurnTracing}. Default none. */
  readonly tracing?: TurnTracing | undefined;
  /** The clock of limits, times and expiry. Default the system's. */
  readonly now?: (() => Date) | undefined;
  /** The SDK's `RequestOptions` for every request of the turn, such as `headers` and `timeout`. */
  readonly request?: Omit<Anthropic.RequestOptions, 'signal' | 'stream'> | undefined;
}

/** What a value must be, in words and as a check. */
type Rule = readonly [mustBe: string, check: (value: unknown) => boolean];

const COUNT: Rule = ['a number of at least 0', (value) => typeof value === 'number' && value >= 0];
const AMOUNT: Rule = ['a number of at least 1', (value) => typeof value === 'number' && value >= 1];
const FUNCTION: Rule = ['a function', (value) => typeof value === 'function'];
const CLOCK: Rule = ['a function that gives a Date', FUNCTION[1]];
const SIGNAL: Rule = ['an AbortSignal', (value) => isRecord(value) && 'aborted' in value];
const LOST: Rule = ["'throw' or 'restart'", (value) => value === 'throw' || value === 'restart'];
const PREFIX: Rule = [
  "'error', 'keep' or 'drop-thinking'",
  (value) => ['error', 'keep', 'drop-thinking'].includes(value as string),
];
const TRACING: Rule = [
  '{ tracer, context }, a tracer and the `context` of @opentelemetry/api',
  (value) => isTracing(value),
];
const ANY: Rule = ['anything', () => true];

/** Every option with its rule and, where it has one, its default; docs/options.md holds the same table. */
const OPTIONS = {
  maxPauses: { rule: COUNT },
  maxToolRounds: { rule: COUNT },
  maxOutputTokens: { rule: AMOUNT },
  maxDurationMs: { rule: AMOUNT },
  maxReruns: { rule: COUNT },
  stopWhen: { rule: FUNCTION },
  toolTimeoutMs: { rule: AMOUNT, default: 240_000 },
  onLostContainer: { rule: LOST, default: 'throw' },
  // Under the 300 s after which Node's fetch gives a silent body up by itself.
  idleTimeoutMs: { rule: AMOUNT, default: 290_000 },
  maxResponseMs: { rule: AMOUNT, default: 14_400_000 },
  retries: { rule: COUNT, default: 2 },
  interruptedRetries: { rule: COUNT, default: 0 },
  onPrefixChange: { rule: PREFIX, default: 'error' },
  describe: { rule: ANY, default: true },
  addTool: { rule: ANY, default: true },
  maxEventBytes: { rule: AMOUNT, default: 67_108_864 },
  maxTurnBytes: { rule: AMOUNT, default: 268_435_456 },
  maxTurnEvents: { rule: AMOUNT, default: 1_000_000 },
  signal: { rule: SIGNAL },
  onEvent: { rule: FUNCTION },
  onCheckpoint: { rule: FUNCTION },
  tracing: { rule: TRACING },
  now: { rule: CLOCK, default: () => new Date() },
  request: { rule: ANY, default: {} },
} as const satisfies {
  readonly [Name in keyof TurnOptions]-?: { readonly rule: Rule; readonly default?: TurnOptions[Name] };
};

type Defaulted = {
  [Name in keyof typeof OPTIONS]: 'default' extends keyof (typeof OPTIONS)[Name] ? Name : never;
}[keyof typeof OPTIONS];

/** Options with their defaults filled in; those of limits are in {@link limitsOf}. */
export type ResolvedTurnOptions = Omit<TurnOptions, Defaulted> & {
  readonly [Name in Defaulted]: NonNullable<TurnOptions[Name]>;
};

/** @throws {InvalidInputError} naming the option and its value. */
export function resolveTurnOptions(options: TurnOptions = {}): ResolvedTurnOptions {
  assertInput(isRecord(options), 'options must be an object', options);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTIONS, name));
  if (unknown) {
    const names = Object.keys(OPTIONS).join(', ');
    throw new InvalidInputError(`There is no option ${unknown}. The options are ${names}.`);
  }
  const resolved: Record<string, unknown> = {};
  for (const [name, { rule, ...rest }] of Object.entries(OPTIONS)) {
    const value = options[name as keyof TurnOptions] ?? ('default' in rest ? rest.default : undefined);
    if (value !== undefined) assertOption(name, rule, value);
    resolved[name] = value;
  }
  const all = resolved as unknown as ResolvedTurnOptions;
  // A clock that fails in the middle would cost what has come by then.
  const now = () => {
    const date = all.now();
    assertOption('now', [CLOCK[0], (it) => it instanceof Date && !Number.isNaN(it.getTime())], date);
    return date;
  };
  return { ...all, now };
}

function isTracing(value: unknown): boolean {
  if (!isRecord(value) || !isRecord(value['tracer']) || !isRecord(value['context'])) return false;
  const { tracer, context, cost } = value as unknown as TurnTracing;
  const functions = [tracer.startActiveSpan, context.active, context.with, cost ?? context.with];
  return functions.every((one) => typeof one === 'function');
}

function assertOption(name: string, [mustBe, check]: Rule, value: unknown): void {
  assertInput(check(value), `options.${name} must be ${mustBe}`, value);
}

/** The limits of a turn: those that are given, and else those that it has already. */
export function limitsOf(options: ResolvedTurnOptions, limits: TurnLimits = DEFAULT_LIMITS): TurnLimits {
  // JSON has no Infinity.
  const limit = <L extends number | null>(given: number | undefined, present: L) =>
    given === undefined ? present : Math.min(given, Number.MAX_SAFE_INTEGER);
  return {
    maxPauses: limit(options.maxPauses, limits.maxPauses),
    maxToolRounds: limit(options.maxToolRounds, limits.maxToolRounds),
    maxOutputTokens: limit(options.maxOutputTokens, limits.maxOutputTokens),
    maxDurationMs: limit(options.maxDurationMs, limits.maxDurationMs),
    maxReruns: limit(options.maxReruns, limits.maxReruns),
  };
}
