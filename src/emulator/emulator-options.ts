import { InvalidInputError } from '../errors.ts';
import type { RateLimit } from './api/rate-limit.ts';
import type { WebPages } from './response/web-pages.ts';
import type { SandboxFactory } from './sandbox/sandbox.ts';
import type { DynamicScript, Step } from './script/words.ts';
import type { AnthropicSkills } from './store/store.ts';
import type { PrefixCheck } from './thinking/check-thinking.ts';

const PREFIX_CHECKS: readonly PrefixCheck[] = ['off', 'silent', 'enforced'];

/** What a batch may make of an item; an error has one of the API's types. */
export type BatchItemFate =
  | 'canceled'
  | 'expired'
  | { readonly type: string; readonly message?: string | undefined };

/** See {@link EmulatorOptions.batchItem}. */
export type BatchItemScript = (
  customId: string,
  params: Readonly<Record<string, unknown>>,
) => BatchItemFate | undefined;

/** Options of {@link createEmulator}. */
export interface EmulatorOptions {
  /**
   * What the emulated Claude does: steps in order over all requests, or a function that gives those
   * of the next response. Default: the fenced Python and bash of the last user message is run.
   */
  readonly script?: readonly Step[] | DynamicScript | undefined;
  /** Where code runs. Default: just-bash, an optional peer. */
  readonly sandbox?: SandboxFactory | undefined;
  /** What web tools find when code calls them. Default: nothing. */
  readonly web?: WebPages | undefined;
  /**
   * Requests to the Files endpoints before they answer 429.
   * Default: any number; the API has about 500 a minute.
   */
  readonly filesRateLimit?: RateLimit | undefined;
  /** The clock. Default: the system's. */
  readonly now?: (() => Date) | undefined;
  /** Pause between two events of a stream, in milliseconds, to watch it live. Default 0. */
  readonly eventDelayMs?: number | undefined;
  /** Longest run of one command, in milliseconds. Default 90 000, as documented for a cell. */
  readonly timeoutMs?: number | undefined;
  /**
   * What becomes of the emulator's own thinking blocks when what stands before them (`system`, `tools`,
   * skills, messages) is no longer what they were made with: a 400 (`enforced`, as for accounts
   * since 31 Aug 2026), dropped (`silent`), or nothing (`off`). A request's own
   * `thinking.block_binding.prefix_mismatch_behavior` goes before it, but for `off`. Default `enforced`.
   *
   * @see https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
   */
  readonly prefixCheck?: PrefixCheck | undefined;
  /**
   * Models that messages may name and the Models endpoint lists; others get a 404. Aliases without a date
   * are known, too. Default: those of November 2026 that are not about to retire. `any` takes every name.
   */
  readonly models?: readonly string[] | 'any' | undefined;
  /**
   * What becomes of an item of a batch, by its `custom_id` and params: `undefined` answers it with the next
   * response of the script, as without this option.
   *
   * @example
   * ```ts
   * createEmulator({ script, batchItem: (customId) => (customId === 'a' ? 'expired' : undefined) });
   * ```
   */
  readonly batchItem?: BatchItemScript | undefined;
  /**
   * What lies in `/skills/<id>/` for the skills of Anthropic's, by id and path:
   * `{ xlsx: { 'SKILL.md': '…' } }`.
   * Default: a `SKILL.md` with its name. Your own skills are uploaded, and lie there with their files.
   */
  readonly skills?: AnthropicSkills | undefined;
  /** How many requests `emulator.requests` keeps; the oldest leave. Default 10,000. */
  readonly maxRequests?: number | undefined;
}

/** @throws {InvalidInputError} for options of which a typo would pass in silence. */
export function checkOptions(options: EmulatorOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidInputError('createEmulator takes { script }, such as { script: [say("Hello.")] }.');
  }
  const { prefixCheck, models, maxRequests, batchItem } = options;
  if (prefixCheck !== undefined && !PREFIX_CHECKS.includes(prefixCheck))
    throw new InvalidInputError(
      `prefixCheck must be ${PREFIX_CHECKS.join(', ')}, got ${JSON.stringify(prefixCheck)}.`,
    );
  const areIds = Array.isArray(models) && models.every((id) => typeof id === 'string' && id !== '');
  if (models !== undefined && models !== 'any' && !areIds)
    throw new InvalidInputError(`models must be a list of ids or 'any', got ${JSON.stringify(models)}.`);
  if (batchItem !== undefined && typeof batchItem !== 'function')
    throw new InvalidInputError(`batchItem must be a function, got ${JSON.stringify(batchItem)}.`);
  if (maxRequests !== undefined && !(Number.isInteger(maxRequests) && maxRequests >= 0))
    throw new InvalidInputError(`maxRequests must be a whole number from 0 on, got ${maxRequests}.`);
}
