import type Anthropic from '@anthropic-ai/sdk';
import { assertInput, InvalidInputError, isTyped, typedError } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';
import { BatchError } from './errors.ts';
import type { BatchLedger } from './ledger.ts';

/** What all functions of batches take. */
export interface BatchOptions {
  /** Ends the work; what was submitted stays submitted: see `cancelBatch`. */
  readonly signal?: AbortSignal | undefined;
  /** The SDK's `RequestOptions` for every request, such as `headers`. */
  readonly request?: Omit<Anthropic.RequestOptions, 'signal' | 'stream'> | undefined;
}

/** How items are submitted. */
export interface SubmitOptions extends BatchOptions {
  /** Awaited before each POST, with `sending`, and after it, with the batch's id: store the ledger there. */
  readonly onSubmit?: ((ledger: BatchLedger) => unknown) | undefined;
  /** Bytes of one request at most, as UTF-8. Default 32,000,000; the API takes 256,000,000. */
  readonly maxBatchBytes?: number | undefined;
  /** Extra attempts when it is certain that no batch was made: 429, 503, 529, no connection. Default 2. */
  readonly retries?: number | undefined;
  /** The id of the batch whose answer was lost: see `BatchError.candidates`. */
  readonly adopt?: string | undefined;
  /** What was lost is sent again. If it did arrive, it is billed twice. */
  readonly resend?: boolean | undefined;
  /** Adds `codeExecutionTool()` where `tools` has no code execution tool. Default `true`. */
  readonly addTool?: boolean | undefined;
}

/** What a value must be, in words and as a check. */
type Rule = readonly [mustBe: string, check: (value: unknown) => boolean];

const isNumber = (value: unknown, least: number, most = Number.POSITIVE_INFINITY) =>
  typeof value === 'number' && value >= least && value <= most;
const FUNCTION: Rule = ['a function', (value) => typeof value === 'function'];
const LIST: Rule = ['a list', Array.isArray];
const FLAG: Rule = ['true or false', (value) => typeof value === 'boolean'];
const COUNT: Rule = [
  'a whole number of at least 0',
  (value) => isNumber(value, 0) && Number.isInteger(value),
];
const TIME: Rule = ['a number of at least 1', (value) => isNumber(value, 1)];
const RETRIED = ['errored', 'expired', 'canceled'];

const RULES: Readonly<Record<string, Rule>> = {
  signal: ['an AbortSignal', (value) => isRecord(value) && 'aborted' in value],
  request: ['an object', isRecord],
  onSubmit: FUNCTION,
  onProgress: FUNCTION,
  paramsFor: FUNCTION,
  maxBatchBytes: ['a number from 1 to 256000000', (value) => isNumber(value, 1, 256_000_000)],
  retries: COUNT,
  maxRounds: COUNT,
  pollIntervalMs: TIME,
  idleTimeoutMs: TIME,
  toolTimeoutMs: TIME,
  adopt: ['the id of a batch', (value) => typeof value === 'string' && /^[\w-]+$/.test(value)],
  resend: FLAG,
  addTool: FLAG,
  check: FLAG,
  all: FLAG,
  ledger: ['a ledger', isRecord],
  tools: LIST,
  toolResults: [
    'an object of lists by customId',
    (value) => isRecord(value) && Object.values(value).every(Array.isArray),
  ],
  retry: [
    `a list of ${RETRIED.join(', ')}`,
    (value) => Array.isArray(value) && value.every((one) => RETRIED.includes(one)),
  ],
  onLostContainer: ["'error' or 'restart'", (value) => value === 'error' || value === 'restart'],
  store: [
    'a store with load and save',
    (value) => isRecord(value) && ['load', 'save'].every((name) => typeof value[name] === 'function'),
  ],
};

const COMMON = ['signal', 'request'];
const SUBMITTING = [...COMMON, 'onSubmit', 'maxBatchBytes', 'retries', 'adopt', 'resend', 'addTool'];
const READING = [...COMMON, 'idleTimeoutMs', 'retries', 'paramsFor', 'addTool'];
const GOING_ON = [
  ...SUBMITTING,
  'tools',
  'toolTimeoutMs',
  'retry',
  'maxRounds',
  'onLostContainer',
  'idleTimeoutMs',
];

/** Which options each function takes. */
const NAMES = {
  createBatch: [...SUBMITTING, 'ledger', 'check'],
  waitForBatch: [...COMMON, 'pollIntervalMs', 'onProgress'],
  readBatch: [...READING, 'all'],
  continueBatch: [...GOING_ON, 'toolResults'],
  cancelBatch: COMMON,
  deleteBatch: COMMON,
  runBatch: [
    ...GOING_ON.filter((name) => name !== 'onSubmit'),
    ...['store', 'paramsFor', 'check', 'pollIntervalMs', 'onProgress'],
  ],
} as const;

/** @throws {InvalidInputError} naming the option and its value. */
export function assertOptions(caller: keyof typeof NAMES, options: unknown): void {
  assertInput(isRecord(options), `The options of ${caller} must be an object`, options);
  const names: readonly string[] = NAMES[caller];
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) {
      throw new InvalidInputError(`${caller} has no option ${name}. Its options are ${names.join(', ')}.`);
    }
    const [mustBe, check] = RULES[name] as Rule;
    assertInput(value === undefined || check(value), `options.${name} must be ${mustBe}`, value);
  }
  if (options['adopt'] === undefined || options['resend'] !== true) return;
  throw new InvalidInputError('adopt and resend exclude each other: the lost batch is there, or it is not.');
}

/** What escapes from a function of batches: an error of this package or of the SDK. */
export function batchFailure(
  caller: string,
  error: unknown,
  ledger: BatchLedger,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted && (error === signal.reason || !isTyped(error) || isAbort(error))) {
    return new BatchError(
      `${caller} was aborted. What was submitted stays submitted: cancelBatch cancels it.`,
      {
        code: 'aborted',
        ledger,
        cause: error,
      },
    );
  }
  return typedError(caller, error);
}

function isAbort(error: unknown): boolean {
  // The SDK's, which has no status and no code.
  return error instanceof Error && error.constructor.name === 'APIUserAbortError';
}
