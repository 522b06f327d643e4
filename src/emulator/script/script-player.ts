import { EmulatorError } from '../protocol/emulator-error.ts';
import type { MessagesBody } from '../protocol/request-body.ts';
import { checkedSteps, summary } from './check-script.ts';
import { outlineOf } from './outline.ts';
import type { CommandStep, Conversation, DynamicScript, Step } from './words.ts';

/** A step that leaves blocks in a response. */
export type BlockStep = Exclude<Step, { word: 'pause' | 'stop' }>;

/** The steps of one response, and how it ends. */
export interface ScriptedResponse {
  readonly steps: readonly BlockStep[];
  /** A command whose call ends the response, without its result. */
  readonly open: CommandStep | undefined;
  readonly stopReason: string;
}

/** A script and how far it was played. */
export interface ScriptPlayer {
  readonly length: number;
  /** Takes the steps of the next response, or `undefined` when none is left. */
  next(body: MessagesBody): ScriptedResponse | undefined;
  /** Gives the steps of a response back: its request was refused before anything was played. */
  rewind(response: ScriptedResponse): void;
  /** A response was given in full: `messages` ends with it. */
  ended(response: ScriptedResponse, messages: MessagesBody['messages']): void;
  reset(): void;
  /** @throws {EmulatorError} listing the steps that no request asked for. */
  assertDone(): void;
}

/** @throws {InvalidInputError} for anything that is neither a list of steps nor a function. */
export function playerOf(
  script: readonly Step[] | DynamicScript,
  conversationOf: (body: MessagesBody) => Conversation,
): ScriptPlayer {
  return typeof script === 'function'
    ? new FunctionPlayer(script, conversationOf)
    : new ListPlayer(checkedSteps(script));
}

/** Steps in order over all requests. */
class ListPlayer implements ScriptPlayer {
  readonly #steps: readonly Step[];
  #position = 0;
  #last: { readonly from: number; readonly response: ScriptedResponse } | undefined;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  next(): ScriptedResponse | undefined {
    if (this.#position >= this.#steps.length) return undefined;
    const from = this.#position;
    const { response, length } = firstResponse(this.#steps.slice(from));
    this.#position += length;
    this.#last = { from, response };
    return response;
  }

  rewind(response: ScriptedResponse): void {
    if (this.#last?.response === response) this.#position = this.#last.from;
  }

  ended(): void {
    // The position says it all.
  }

  reset(): void {
    this.#position = 0;
  }

  get length(): number {
    return this.#steps.length;
  }

  assertDone(): void {
    assertNone(this.#steps.slice(this.#position), this.#position, this.#steps.length);
  }
}

/**
 * Steps that a function gives for each conversation; those after a pause wait for that conversation to go on.
 */
class FunctionPlayer implements ScriptPlayer {
  readonly #script: DynamicScript;
  readonly #conversationOf: (body: MessagesBody) => Conversation;
  /** What is left, by the outline of a conversation up to its last response. Equal ones wait in a row. */
  readonly #left = new Map<string, (readonly Step[])[]>();
  /** Of a response that was taken: where its steps came from, and those after it. */
  readonly #taken = new WeakMap<
    ScriptedResponse,
    { readonly outline: string; readonly steps: readonly Step[] | undefined; readonly rest: readonly Step[] }
  >();

  constructor(script: DynamicScript, conversationOf: (body: MessagesBody) => Conversation) {
    this.#script = script;
    this.#conversationOf = conversationOf;
  }

  next(body: MessagesBody): ScriptedResponse | undefined {
    const end = body.messages.findLastIndex(({ role }) => role === 'assistant') + 1;
    const outline = outlineOf(body.messages.slice(0, end));
    const kept = this.#take(outline);
    const steps = kept ?? this.#ask(body);
    if (steps.length === 0) return undefined;
    const { response, length } = firstResponse(steps);
    this.#taken.set(response, { outline, steps: kept, rest: steps.slice(length) });
    return response;
  }

  rewind(response: ScriptedResponse): void {
    const taken = this.#taken.get(response);
    if (taken?.steps) this.#keep(taken.outline, taken.steps);
  }

  ended(response: ScriptedResponse, messages: MessagesBody['messages']): void {
    const { rest = [] } = this.#taken.get(response) ?? {};
    if (rest.length > 0) this.#keep(outlineOf(messages), rest);
  }

  reset(): void {
    this.#left.clear();
  }

  get length(): number {
    return [...this.#left.values()].flat(2).length;
  }

  assertDone(): void {
    const left = [...this.#left.values()].flat(2);
    assertNone(left, 0, left.length);
  }

  /** A fault of the function is its author's: it must not look like one of the network. */
  #ask(body: MessagesBody): readonly Step[] {
    try {
      return checkedSteps(this.#script(this.#conversationOf(body)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new EmulatorError(`the script function failed: ${reason}`, {
        code: 'script_failed',
        cause: error,
      });
    }
  }

  #keep(outline: string, steps: readonly Step[]): void {
    this.#left.set(outline, [...(this.#left.get(outline) ?? []), steps]);
  }

  #take(outline: string): readonly Step[] | undefined {
    const [first, ...more] = this.#left.get(outline) ?? [];
    if (more.length > 0) this.#left.set(outline, more);
    else this.#left.delete(outline);
    return first;
  }
}

/** The steps of the first response, and how many of all they are. */
function firstResponse(all: readonly Step[]): { response: ScriptedResponse; length: number } {
  const steps: BlockStep[] = [];
  for (const [index, step] of all.entries()) {
    const length = index + 1;
    if (step.word === 'pause')
      return { response: { steps, open: step.step, stopReason: 'pause_turn' }, length };
    if (step.word === 'stop')
      return { response: { steps, open: undefined, stopReason: step.reason }, length };
    steps.push(step);
    if (callsTools(step) && all[length]?.word !== 'callTool') {
      return { response: { steps, open: undefined, stopReason: 'tool_use' }, length };
    }
  }
  return { response: { steps, open: undefined, stopReason: 'end_turn' }, length: all.length };
}

function callsTools(step: BlockStep): boolean {
  return (
    step.word === 'callTool' ||
    (step.word === 'inParallel' && step.steps.some(({ word }) => word === 'callTool'))
  );
}

function assertNone(left: readonly Step[], position: number, length: number): void {
  if (left.length === 0) return;
  const rows = left.map((step, index) => `  ${position + index}  ${summary(step)}`);
  throw new EmulatorError(
    `${left.length} of ${length} steps of the script were not played, because no request asked for them:\n${rows.join('\n')}`,
    { code: 'script_left_over' },
  );
}
