import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { asText, type Block, isBlock, isRecord } from '../wire/blocks.ts';
import {
  foreignKeysOf,
  isBlankText,
  isThinking,
  isUnsigned,
  RESPONSE_KEYS,
  wellFormed,
} from '../wire/unsendable.ts';

/** Reports one fault of a history. */
export type Find = (code: string, path: string, message: string, cure: string) => void;

/** A block of a history while it is checked. */
interface Place {
  readonly path: string;
  /** A copy where something in it was put right. */
  block: unknown;
  isDropped: boolean;
}

/** A message of a history while it is checked; `places` is `null` where its content is a text. */
export interface Entry {
  readonly index: number;
  readonly path: string;
  readonly message: MessageParam;
  readonly places: readonly Place[] | null;
}

/** Documented: so many blocks of a request may have a mark. */
const MOST_MARKS = 4;
const TAKE_OUT = 'Take it out.';
const BLANK = 'it is a text without any character but spaces';

/** The faults that a message has by itself; none where nothing of it can stay. */
export function entryOf(given: unknown, index: number, find: Find, keepsKeys: boolean): Entry[] {
  const path = `messages.${index}`;
  const { role, content } = (isRecord(given) ? given : {}) as Partial<MessageParam>;
  // Of any form, and never Claude's: they pass as they are (wire.md 15.2).
  if ((role as string) === 'system') return [{ index, path, message: given as MessageParam, places: null }];
  if (typeof role !== 'string' || !(typeof content === 'string' || Array.isArray(content))) {
    find('no-message', path, 'it has no role, or no content that is a text or a list', TAKE_OUT);
    return [];
  }
  const foreign = Object.keys(given as object).filter((key) => RESPONSE_KEYS.has(key));
  for (const key of foreign) {
    find('foreign-key', `${path}.${key}`, 'a message of a request has no such key', 'Keep role and content.');
  }
  const message = without(given as object, foreign) as unknown as MessageParam;
  if (typeof content === 'string' ? !/\S/.test(content) : content.length === 0) {
    find('empty-content', path, 'its content is empty', TAKE_OUT);
    return [];
  }
  if (typeof content === 'string') {
    const text = whole(content, path, find);
    return [
      { index, path, message: text === content ? message : { ...message, content: text }, places: null },
    ];
  }
  const findsKeys = !(keepsKeys && role === 'assistant');
  const places = content.map((block, at) => {
    return placeOf(block, `${path}.content.${at}`, role, find, findsKeys);
  });
  return [{ index, path, message, places: role === 'user' ? withResultsFirst(places, find) : places }];
}

/** The faults that a block has by itself. */
function placeOf(given: unknown, path: string, role: string, find: Find, findsKeys: boolean): Place {
  const dropped = (code: string, fault: string) => {
    find(code, path, fault, TAKE_OUT);
    return { path, block: given, isDropped: true };
  };
  if (!isBlock(given)) return dropped('no-block', 'it is no content block');
  if (isBlankText(given)) return dropped('blank-text', BLANK);
  if (isUnsigned(given)) return dropped('unsigned-thinking', 'it is thinking without its signature');
  if (isMisplaced(role, given))
    return dropped('misplaced-block', `a ${given.type} block cannot stand in a ${role} message`);
  const foreign = foreignKeysOf(given).filter((key) => findsKeys || key === 'cache_control');
  for (const key of foreign) {
    const isMark = key === 'cache_control';
    const fault = isMark
      ? `a ${given.type} block cannot have a mark`
      : `a ${given.type} block has no such key`;
    find(isMark ? 'cache-control' : 'foreign-key', `${path}.${key}`, fault, 'Take the key out.');
  }
  const block = withSendableContent(whole(without(given, foreign), path, find), path, find);
  return { path, block, isDropped: false };
}

/** A result without what its content may not hold. */
function withSendableContent(block: Block, path: string, find: Find): Block {
  const { content } = block;
  if (block.type !== 'tool_result' || !Array.isArray(content)) return block;
  const kept = content.filter((one, at) => {
    if (isBlankText(one)) find('blank-text', `${path}.content.${at}`, BLANK, TAKE_OUT);
    return !isBlankText(one);
  });
  if (kept.length === content.length) return block;
  return kept.length > 0 ? { ...block, content: kept } : (without(block, ['content']) as Block);
}

/** A `system` message may stand anywhere but between a call and its results. */
export function withSystemAfter(entries: readonly Entry[], find: Find): Entry[] {
  const ordered = [...entries];
  for (let at = 1; at < ordered.length - 1; at++) {
    const [calls, system, results] = ordered.slice(at - 1, at + 2) as [Entry, Entry, Entry];
    if ((system.message.role as string) !== 'system') continue;
    if (!blocksOf(calls).some(isClientCall) || !blocksOf(results).some(isClientResult)) continue;
    find(
      'system-between',
      system.path,
      'a system message stands between a call and its result',
      'Put it after.',
    );
    ordered.splice(at, 2, results, system);
  }
  return ordered;
}

/**
 * Calls and results belong together by their ids: each once, the results of the client's calls in the next
 * message, those of the server's before the next word of the user. Until then these may be open.
 */
export function pairEntries(entries: readonly Entry[], find: Find): void {
  dropRepeated(entries, find);
  const answered = new Set<unknown>();
  for (const [at, entry] of entries.entries()) {
    const next = entries.slice(at + 1);
    const spoken = next.findIndex(isWordOfUser);
    const goingOn = (spoken === -1 ? next : next.slice(0, spoken)).flatMap(heldIn);
    const own = heldIn(entry);
    for (const [index, place] of own.entries()) {
      const call = place.block as Block;
      if (!isCall(call)) continue;
      const results = isClientCall(call)
        ? repliesIn(next).filter(({ block }) => isClientResult(block as Block))
        : [...own.slice(index + 1), ...goingOn].filter(({ block }) => !isClientResult(block as Block));
      if (results.some((result) => idIn(result, 'tool_use_id') === call['id'])) answered.add(call['id']);
      else if (isClientCall(call) || spoken !== -1) {
        drop(
          place,
          'call-without-result',
          `the call ${asText(call['id'])} has no result where it has to stand`,
          find,
        );
      }
    }
  }
  const places = entries.flatMap(heldIn);
  const calls = new Set(places.filter(({ block }) => isCall(block)).map((place) => idIn(place, 'id')));
  for (const place of places) {
    const caller = (place.block as Block)['caller'];
    const source = isRecord(caller) ? caller['tool_id'] : undefined;
    if (!isCall(place.block) || source === undefined || calls.has(source)) continue;
    // With the call of running code go the calls that it made.
    drop(
      place,
      'call-without-result',
      `the code ${asText(source)}, which made this call, is not there`,
      find,
    );
    answered.delete(idIn(place, 'id'));
  }
  for (const place of entries.flatMap(heldIn)) {
    const id = idIn(place, 'tool_use_id');
    if (id === undefined || answered.has(id) || !(place.block as Block).type.endsWith('tool_result'))
      continue;
    drop(place, 'result-without-call', `no call before it has the id ${asText(id)}`, find);
  }
}

function dropRepeated(entries: readonly Entry[], find: Find): void {
  const seen = new Set<string>();
  for (const place of entries.flatMap(heldIn)) {
    const block = place.block as Block;
    const id = isCall(block) ? block['id'] : block['tool_use_id'];
    if (typeof id !== 'string') continue;
    const key = `${isCall(block)} ${id}`;
    if (seen.has(key)) drop(place, 'repeated-id', `${id} stands there a second time`, find);
    seen.add(key);
  }
}

/** Of more marks than a request may have, the last ones count. */
export function withLastMarks(entries: readonly Entry[], find: Find): void {
  const marked = entries.flatMap(heldIn).flatMap(marksIn);
  for (const { path, takeOut } of marked.slice(0, -MOST_MARKS)) {
    find('cache-control', path, `more than ${MOST_MARKS} blocks have a mark`, 'Keep the last marks.');
    takeOut();
  }
}

/** The marks of a block, first those of what a result holds. */
function marksIn(place: Place): { readonly path: string; readonly takeOut: () => void }[] {
  const isMarked = (block: unknown) => isRecord(block) && Boolean(block['cache_control']);
  const { type, content } = place.block as Block;
  const held = type === 'tool_result' && Array.isArray(content) ? content : [];
  const inner = held.flatMap((one: unknown, at) => {
    const takeOut = () => {
      const rest = [...((place.block as Block)['content'] as object[])];
      rest[at] = without(rest[at] as object, ['cache_control']);
      place.block = { ...(place.block as Block), content: rest };
    };
    return isMarked(one) ? [{ path: `${place.path}.content.${at}`, takeOut }] : [];
  });
  const takeOut = () => {
    place.block = without(place.block as Block, ['cache_control']);
  };
  return isMarked(place.block) ? [...inner, { path: place.path, takeOut }] : inner;
}

/** In the message that answers calls, results come before anything else (documented). */
function withResultsFirst(places: readonly Place[], find: Find): readonly Place[] {
  const isResult = ({ block }: Place) => isBlock(block) && isClientResult(block);
  const firstOther = places.findIndex((place) => !isResult(place));
  const late = firstOther === -1 ? [] : places.slice(firstOther).filter(isResult);
  for (const { path } of late) {
    find('result-not-first', path, 'a tool_result stands after other content', 'Put results first.');
  }
  if (late.length === 0) return places;
  return [...places.filter(isResult), ...places.filter((place) => !isResult(place))];
}

function drop(place: Place, code: string, fault: string, find: Find): void {
  find(code, place.path, fault, TAKE_OUT);
  place.isDropped = true;
}

function whole<T>(value: T, path: string, find: Find): T {
  const repaired = wellFormed(value);
  const cure = 'Cut texts between characters; U+FFFD stands for a half.';
  const fault = 'a text holds half of a character, or something is nested too deeply to be sent';
  if (repaired !== value) find('half-character', path, fault, cure);
  return repaired;
}

/** The object without these keys; the same one where it has none of them. */
function without<T extends object>(given: T, keys: readonly string[]): T {
  if (keys.length === 0) return given;
  return Object.fromEntries(Object.entries(given).filter(([key]) => !keys.includes(key))) as T;
}

/** The places of a message whose blocks are kept. */
const heldIn = (entry: Entry | undefined): Place[] =>
  (entry?.places ?? []).filter(({ isDropped }) => !isDropped);
const blocksOf = (entry: Entry): Block[] => heldIn(entry).map(({ block }) => block as Block);
const idIn = ({ block }: Place, key: 'id' | 'tool_use_id') => (block as Block)[key];
const isCall = (block: unknown) =>
  ['tool_use', 'server_tool_use', 'mcp_tool_use'].includes((block as Block).type);
const isClientCall = (block: Block) => block.type === 'tool_use';
const isClientResult = (block: Block) => block.type === 'tool_result';

/** The places of the messages that answer one of Claude's: neighbouring ones of the user's count as one. */
function repliesIn(next: readonly Entry[]): Place[] {
  const spoken = next.findIndex(isWordOfUser);
  const end = next.findIndex(({ message }) => message.role !== 'user');
  const isMixed = spoken !== -1 && (end === -1 || spoken < end);
  // What is said beside results ends them.
  return next.slice(0, isMixed ? spoken + 1 : end === -1 ? undefined : end).flatMap(heldIn);
}

/** A message that neither is Claude's nor only answers calls: work of the server does not go on after it. */
function isWordOfUser(entry: Entry): boolean {
  if (entry.message.role === 'assistant') return false;
  return !entry.places || blocksOf(entry).length === 0 || !blocksOf(entry).every(isClientResult);
}

/** Whether a block may not stand in a message of this role. */
function isMisplaced(role: string, block: Block): boolean {
  const isClaudes = isCall(block) || isThinking(block) || block.type.endsWith('_tool_result');
  return role === 'assistant' ? isClientResult(block) : isClaudes;
}
