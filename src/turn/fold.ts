import { GrowingText } from '../wire/growing-text.ts';
import type { TurnEvent } from './events.ts';
import { grownExecution, withoutResult } from './execution.ts';
import { type Exchange, lastResponseIndex, type TurnPart, type TurnState } from './state.ts';
import { NO_USAGE, usageOf } from './usage.ts';

type Draft = { -readonly [Key in keyof TurnState]: TurnState[Key] };
type ListKey = 'parts' | 'executions' | 'artifacts' | 'exchanges' | 'toolUses' | 'serverTools' | 'notices';
type KeyedList = 'executions' | 'artifacts' | 'toolUses' | 'serverTools';
type Item<Key extends ListKey> = TurnState[Key][number];
const NOT_ENDED = {
  endedAt: null,
  stopReason: null,
  usage: NO_USAGE,
  container: null,
  inputTransformations: [],
} as const;

type Delta = Extract<TurnEvent, { type: 'text-delta' | 'thinking-delta' | 'code-delta' }>;
type Repeat = Extract<TurnEvent, { type: 'response-repeat' }>;

/**
 * Folds the events of a turn into its state: `reduceTurn` for one event, a stream for many.
 *
 * A state that was read is never changed. What changes afterwards is copied once, a list at a time, and
 * belongs to the fold until the next read, so that folding n events costs O(n) whatever their types.
 * Neighbouring deltas of the same text wait as one until something else happens or the state is read.
 */
export class TurnFold {
  #state: Draft;
  /** The state was read: it is changed no more. */
  #isShared = true;
  /** Lists that were copied since. */
  readonly #owned = new Set<ListKey>();
  /** Where entries stand in an owned list, by id. */
  readonly #places = new Map<ListKey, Map<string, number>>();
  #pending: { readonly first: Delta; readonly text: GrowingText } | undefined;
  #seq: number;

  constructor(state: TurnState) {
    this.#state = state;
    this.#seq = state.seq;
  }

  /** What came so far. */
  get state(): TurnState {
    this.#endText();
    if (this.#state.seq !== this.#seq) this.#draft().seq = this.#seq;
    this.#isShared = true;
    return this.#state;
  }

  push(event: TurnEvent): void {
    this.#seq = event.seq;
    if (event.type !== 'text-delta' && event.type !== 'code-delta' && event.type !== 'thinking-delta') {
      this.#endText();
      this.#apply(event);
    } else if (this.#pending && continues(this.#pending.first, event)) {
      this.#pending.text.append(event.text);
    } else {
      this.#endText();
      // Events may be one object that changes; the text of this one is kept beside it.
      this.#pending = { first: event, text: new GrowingText(event.text) };
    }
  }

  #apply(event: Exclude<TurnEvent, Delta>): void {
    switch (event.type) {
      case 'response-start': {
        const { type: _, seq: __, ...facts } = event;
        this.#run();
        this.#list('exchanges').push({ ...facts, ...NOT_ENDED });
        break;
      }
      case 'execution-start':
      case 'execution-running':
      case 'execution-end':
        // What follows the last execution is the answer; a result that comes later does not end it again.
        if (this.#putPart('execution', 'executions', event.execution)) this.#draft().answer = '';
        break;
      case 'artifact':
        this.#put('artifacts', event.artifact.fileId, event.artifact);
        break;
      case 'tool-use':
        this.#putPart('tool-use', 'toolUses', event.toolUse);
        break;
      case 'server-tool':
        this.#putPart('server-tool', 'serverTools', event.serverTool);
        break;
      case 'container': {
        const { container } = event;
        this.#draft().container = event.change === 'lost' ? null : container;
        if (event.change !== 'lost') this.#changeExchange({ container });
        break;
      }
      case 'usage':
        this.#changeExchange({ usage: event.usage });
        this.#draft().usage = usageOf(this.#state.exchanges);
        break;
      case 'response-end': {
        const { stopReason, endedAt, inputTransformations } = event;
        this.#changeExchange({ stopReason, endedAt, inputTransformations });
        break;
      }
      case 'pause':
        this.#part({ type: 'pause', responseIndex: event.responseIndex });
        break;
      case 'response-repeat':
        this.#takeBack(event);
        break;
      case 'notice':
        this.#list('notices').push(event.notice);
        break;
      case 'unknown':
        this.#part({ type: 'unknown', responseIndex: event.responseIndex, raw: event.raw });
        break;
      case 'turn-end':
        Object.assign(this.#draft(), {
          status: 'ended',
          outcome: event.outcome,
          stopReason: event.stopReason,
        });
        // A turn that was interrupted after its last response only has its end to come.
        delete this.#draft().error;
        break;
      case 'turn-error': {
        const { code, message, retryable } = event;
        Object.assign(this.#draft(), { status: 'interrupted', error: { code, message, retryable } });
        const last = this.#state.exchanges.at(-1);
        if (last && last.endedAt === null && last.stopReason === null)
          this.#changeExchange({ interrupted: true });
        break;
      }
      default:
        passOver(event);
    }
  }

  /** A turn that ended or failed runs again once it is continued. */
  #run(): void {
    const draft = this.#draft();
    Object.assign(draft, { status: 'running', outcome: null, stopReason: null });
    delete draft.error;
  }

  #changeExchange(change: Partial<Exchange>): void {
    const exchanges = this.#list('exchanges');
    const last = exchanges.at(-1);
    if (last) exchanges[exchanges.length - 1] = { ...last, ...change };
  }

  /** Deltas belong to the response that began last. */
  #endText(): void {
    if (!this.#pending) return;
    const { first, text } = this.#pending;
    this.#pending = undefined;
    if (first.type === 'code-delta') {
      const place = this.#find('executions', first.id);
      const execution = this.#state.executions[place];
      if (execution) this.#list('executions')[place] = grownExecution(execution, first.field, String(text));
      return;
    }
    const type = first.type === 'text-delta' ? 'text' : 'thinking';
    const continued = this.#appendText(type, String(text));
    if (type === 'thinking') return;
    const draft = this.#draft();
    const gap = (before: string) => (continued || before === '' ? '' : '\n\n');
    draft.text += gap(draft.text) + String(text);
    draft.answer += gap(draft.answer) + String(text);
  }

  /** Appends to the part that is open, else begins one; returns whether it was open. */
  #appendText(type: 'text' | 'thinking', text: string): boolean {
    const responseIndex = lastResponseIndex(this.#state);
    const parts = this.#list('parts');
    const last = parts.at(-1);
    if (last?.type !== type || last.responseIndex !== responseIndex) {
      parts.push({ type, text, responseIndex });
      return false;
    }
    parts[parts.length - 1] = { type, text: last.text + text, responseIndex };
    return true;
  }

  #part(part: TurnPart): void {
    this.#list('parts').push(part);
  }

  /** As before the response, but for what was billed, and the notices that keep what came. */
  #takeBack({ responseIndex: first, exchangeCount, noticeCount }: Repeat): void {
    const draft = this.#draft();
    const isBefore = (one: { readonly responseIndex: number }) => one.responseIndex < first;
    const isAnsweredBefore = ({ resultIndex }: { readonly resultIndex: number | null }) =>
      resultIndex === null || resultIndex < first;
    const exchanges = draft.exchanges
      .slice(0, exchangeCount)
      .map((one) => (isBefore(one) ? one : { ...one, interrupted: true as const }));
    const parts = draft.parts.filter(isBefore);
    Object.assign(draft, textsOf(parts), {
      parts,
      exchanges,
      usage: usageOf(exchanges),
      container: exchanges.findLast((one) => !one.interrupted && one.container)?.container ?? null,
      artifacts: draft.artifacts.filter(isBefore),
      toolUses: draft.toolUses.filter(isBefore),
      executions: draft.executions
        .filter(isBefore)
        .map((one) => (isAnsweredBefore(one) ? one : withoutResult(one))),
      serverTools: draft.serverTools
        .filter(isBefore)
        .map((one) => (isAnsweredBefore(one) ? one : { ...one, resultIndex: null, result: null })),
      notices: draft.notices
        .slice(0, noticeCount)
        .filter((notice) => isBefore(notice) || notice.code === 'response-repeated'),
    });
    this.#run();
    this.#disown();
  }

  /** The state, to be changed. */
  #draft(): Draft {
    if (this.#isShared) {
      this.#state = { ...this.#state };
      this.#isShared = false;
      this.#disown();
    }
    return this.#state;
  }

  #disown(): void {
    this.#owned.clear();
    this.#places.clear();
  }

  /** A list of the state, to be changed. */
  #list<Key extends ListKey>(key: Key): Item<Key>[] {
    const draft = this.#draft();
    if (!this.#owned.has(key)) {
      Object.assign(draft, { [key]: [...draft[key]] });
      this.#owned.add(key);
    }
    return draft[key] as Item<Key>[];
  }

  /** Replaces the entry of that id where it stands, or appends it; returns whether it is new. */
  #put<Key extends KeyedList>(key: Key, id: string, entry: Item<Key>): boolean {
    const place = this.#find(key, id);
    const list = this.#list(key);
    if (place === -1) this.#places.get(key)?.set(id, list.length);
    list[place === -1 ? list.length : place] = entry;
    return place === -1;
  }

  /** The same for an entry that is a part where it first came. */
  #putPart<Key extends 'executions' | 'toolUses' | 'serverTools'>(
    type: 'execution' | 'tool-use' | 'server-tool',
    key: Key,
    entry: Item<Key>,
  ): boolean {
    const { id, responseIndex } = entry;
    const isNew = this.#put(key, id, entry);
    if (isNew) this.#part({ type, id, responseIndex });
    return isNew;
  }

  /** Looked for from the end, where news are, and by an index in a list that changes again. */
  #find(key: KeyedList, id: string): number {
    const list: readonly Item<KeyedList>[] = this.#state[key];
    if (!this.#owned.has(key)) return list.findLastIndex((entry) => idOf(entry) === id);
    const places = this.#places.get(key) ?? new Map(list.map((entry, place) => [idOf(entry), place]));
    this.#places.set(key, places);
    return places.get(id) ?? -1;
  }
}

/** A type that is missing above does not compile; an event of a later version passes. */
function passOver(_: never): void {}

function idOf(entry: Item<KeyedList>): string {
  return 'fileId' in entry ? entry.fileId : entry.id;
}

/** `text` and `answer` of parts. */
export function textsOf(parts: readonly TurnPart[]): Pick<TurnState, 'text' | 'answer'> {
  const join = (some: readonly TurnPart[]) =>
    some.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n\n');
  const last = parts.findLastIndex(({ type }) => type === 'execution');
  return { text: join(parts), answer: join(parts.slice(last + 1)) };
}

function continues(first: Delta, next: Delta): boolean {
  if (first.type !== next.type) return false;
  return (
    next.type !== 'code-delta' ||
    ((first as typeof next).id === next.id && (first as typeof next).field === next.field)
  );
}
