import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { assertInput, typed } from '../errors.ts';
import { isThinking } from '../wire/unsendable.ts';
import {
  type Entry,
  entryOf,
  type Find,
  pairEntries,
  withLastMarks,
  withSystemAfter,
} from './history-entries.ts';

/** A kind of fault; later versions may find more. */
export type HistoryFindingCode =
  | 'no-message'
  | 'empty-content'
  | 'no-block'
  | 'blank-text'
  | 'misplaced-block'
  | 'half-character'
  | 'unsigned-thinking'
  | 'foreign-key'
  | 'cache-control'
  | 'repeated-id'
  | 'call-without-result'
  | 'result-without-call'
  | 'system-between'
  | (string & {});

/** One fault of a history. */
export interface HistoryFinding {
  readonly code: HistoryFindingCode;
  /** Where it stands, as the API names places: `messages.2.content.0`. */
  readonly path: string;
  readonly message: string;
  /** What to do; the repaired history has it done. */
  readonly cure: string;
}

/** Options of {@link checkHistory}. */
export interface CheckHistoryOptions {
  /**
   * The model that the history is for. Newer ones bind thinking to what stands before it, so thinking after
   * what is taken out goes, too. It stays for models that are known not to: those before 5.5.
   */
  readonly model?: string | undefined;
}

/** What {@link checkHistory} gives. */
export interface CheckedHistory {
  readonly findings: readonly HistoryFinding[];
  /** The history without what was found. */
  readonly repaired: MessageParam[];
}

/** A message of a repaired history. */
interface KeptMessage {
  readonly index: number;
  readonly message: MessageParam;
}

/** Models that do not bind thinking to what stands before it (wire.md 15.1, Nov 2026). */
const UNBOUND = /^claude-(?:[0-3]|(?:opus|sonnet|haiku)-(?:4|5$|5-20))/;

/**
 * What the API would refuse in a history, such as one that another tool stored, and a history that it takes.
 * A server's call in the last message is no fault: a paused turn ends so. Nothing is mutated.
 *
 * @throws {InvalidInputError} for what is no list, and for options that are none.
 *
 * @example
 * ```ts
 * const { findings, repaired } = checkHistory(stored);
 * for (const { path, message } of findings) console.warn(path, message);
 * await runTurn(client, { ...params, messages: [...repaired, userMessage('Go on.')] });
 * ```
 */
export function checkHistory(
  messages: readonly MessageParam[],
  options: CheckHistoryOptions = {},
): CheckedHistory {
  return typed('checkHistory', () => {
    const { findings, kept } = examine(messages, options);
    return { findings, repaired: kept.map(({ message }) => message) };
  });
}

/**
 * What {@link checkHistory} finds, and the repaired messages with the index that each had. With `keepsKeys`,
 * keys that are not known stay on Claude's blocks: a later API may send them, and want them back.
 */
export function examine(
  messages: readonly MessageParam[],
  options: CheckHistoryOptions & { readonly keepsKeys?: boolean },
): { readonly findings: readonly HistoryFinding[]; readonly kept: readonly KeptMessage[] } {
  assertInput(Array.isArray(messages), 'checkHistory takes a list of messages', messages);
  assertInput(
    Object(options) === options,
    'checkHistory takes its options as an object',
    options,
    "Pass { model: '…' }.",
  );
  const { model, keepsKeys = false } = options;
  const isModel = model === undefined || typeof model === 'string';
  assertInput(
    isModel,
    'checkHistory takes the id of a model as its model',
    model,
    'Leave it out if you know none.',
  );
  const findings: HistoryFinding[] = [];
  const find: Find = (code, path, message, cure) => {
    findings.push({ code, path, message: `${path}: ${message}.`, cure });
  };
  const entries = withSystemAfter(
    messages.flatMap((message, index) => entryOf(message, index, find, keepsKeys)),
    find,
  );
  pairEntries(entries, find);
  withLastMarks(entries, find);
  return { findings, kept: keptOf(entries, model === undefined || !UNBOUND.test(model)) };
}

function keptOf(entries: readonly Entry[], isBound: boolean): KeptMessage[] {
  let isBroken = false;
  return entries.flatMap(({ index, message, places }) => {
    if (!places) return [{ index, message }];
    const kept = places.filter(({ block, isDropped }) => {
      isBroken ||= isDropped;
      return !isDropped && !(isBroken && isBound && isThinking(block));
    });
    if (kept.length === 0) return [];
    const { content } = message;
    const isSame = kept.length === content.length && kept.every(({ block }, at) => block === content[at]);
    const blocks = kept.map(({ block }) => block);
    return [{ index, message: isSame ? message : ({ ...message, content: blocks } as MessageParam) }];
  });
}
