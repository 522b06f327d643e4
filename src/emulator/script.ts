import { EmulatorError, InvalidInputError } from '../errors.ts';

/** What the last command before a step did; empty before the first. */
export interface LastResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly returnCode: number;
}

/** A text, or one made from what the last command printed. */
export type ScriptedText = string | ((last: LastResult) => string);

/** A step that the sandbox carries out. */
export type CommandStep =
  | { readonly word: 'python'; readonly code: string }
  | { readonly word: 'bash'; readonly command: string }
  | { readonly word: 'view'; readonly path: string }
  | { readonly word: 'create'; readonly path: string; readonly text: string }
  | { readonly word: 'replace'; readonly path: string; readonly before: string; readonly after: string }
  | { readonly word: 'fails'; readonly errorCode: string; readonly step: CommandStep };

/** One step of what the emulated Claude does. Made with the words of this module. */
export type Step =
  | CommandStep
  | { readonly word: 'say'; readonly text: ScriptedText }
  | { readonly word: 'think'; readonly text: string }
  | { readonly word: 'inParallel'; readonly steps: readonly CommandStep[] }
  | { readonly word: 'search'; readonly query: string; readonly results: readonly SearchResult[] }
  | { readonly word: 'callTool'; readonly name: string; readonly input: Readonly<Record<string, unknown>> }
  | { readonly word: 'pause' }
  | { readonly word: 'stop'; readonly reason: string };

/** What a script that is a function sees of a request. */
export interface Conversation {
  /** The messages as they were sent. */
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  /** The texts of the last user message, joined by line ends. */
  readonly text: string;
}

/** Steps that depend on the conversation: those of the next response, and of those behind its `pause()`s. */
export type DynamicScript = (conversation: Conversation) => readonly Step[];

/** One hit of a web search. */
export interface SearchResult {
  readonly title: string;
  readonly url: string;
}

/**
 * Claude writes a text; given a function, one about what the last command printed.
 *
 * @example
 * ```ts
 * [python('print(6 * 7)'), say(({ stdout }) => `It is ${stdout.trim()}.`)]
 * ```
 */
export const say = (text: ScriptedText): Step => ({ word: 'say', text });

/** Claude thinks, or notes its progress, in a `thinking` block. */
export const think = (text: string): Step => ({ word: 'think', text });

/** Claude runs a Python cell, which is really executed. */
export const python = (code: string): CommandStep => ({ word: 'python', code });

/** Claude runs a bash command, which is really executed. */
export const bash = (command: string): CommandStep => ({ word: 'bash', command });

/** Claude looks at a file with the text editor. */
export const view = (path: string): CommandStep => ({ word: 'view', path });

/** Claude writes a file with the text editor. Such files are not captured, as with the real one. */
export const create = (path: string, text: string): CommandStep => ({ word: 'create', path, text });

/** Claude replaces a text, which must stand in the file exactly once, with the text editor. */
export const replace = (path: string, before: string, after: string): CommandStep => ({
  word: 'replace',
  path,
  before,
  after,
});

/**
 * Claude makes a call, and the tool fails with this error code, such as `unavailable`, without doing anything.
 *
 * @example
 * ```ts
 * [fails(bash('ls'), 'unavailable'), bash('ls'), say('It worked the second time.')]
 * ```
 */
export const fails = (step: CommandStep, errorCode: string): CommandStep => ({
  word: 'fails',
  errorCode,
  step,
});

/** Claude makes several calls at once: first all calls are sent, then their results in the same order. */
export const inParallel = (...steps: readonly CommandStep[]): Step => ({ word: 'inParallel', steps });

/** Claude searches the web; what it finds is scripted. */
export const search = (query: string, results: readonly SearchResult[] = []): Step => ({
  word: 'search',
  query,
  results,
});

/**
 * Claude calls one of the caller's own tools. The response ends with `tool_use` behind the last of neighbouring calls;
 * the steps behind it answer the request that brings the results.
 */
export const callTool = (name: string, input: Readonly<Record<string, unknown>> = {}): Step => ({
  word: 'callTool',
  name,
  input,
});

/** The response ends with `pause_turn`; the steps behind it answer the continuation. */
export const pause = (): Step => ({ word: 'pause' });

/**
 * The response ends; the steps behind it answer the next turn. The end of the script stops by itself.
 *
 * @param reason the `stop_reason`; default `end_turn`
 */
export const stop = (reason = 'end_turn'): Step => ({ word: 'stop', reason });

/** Claude refuses: the response ends with `refusal`. */
export const refuse = (): Step => stop('refusal');

const WORDS: readonly string[] = [
  'say',
  'think',
  'python',
  'bash',
  'view',
  'create',
  'replace',
  'fails',
  'inParallel',
  'search',
  'callTool',
  'pause',
  'stop',
] satisfies readonly Step['word'][];

/** A step that leaves blocks in a response. */
export type BlockStep = Exclude<Step, { word: 'pause' | 'stop' }>;

/** The steps of one response, and how it ends. */
export interface ScriptedResponse {
  readonly steps: readonly BlockStep[];
  readonly stopReason: string;
}

/** A script and how far it was played. */
export class ScriptPlayer {
  readonly #script: readonly Step[] | DynamicScript;
  /** The steps at hand: all of a list, or those that the function gave last. */
  #steps: readonly Step[] = [];
  #position = 0;
  #last: { readonly from: number; readonly response: ScriptedResponse } | undefined;

  /** @throws {InvalidInputError} for anything that is neither a list of steps nor a function that gives one. */
  constructor(script: readonly Step[] | DynamicScript) {
    this.#script = script;
    if (typeof script !== 'function') this.#steps = checked(script);
  }

  /** Takes the steps of the next response, or `undefined` when none is left. */
  next(conversation: () => Conversation): ScriptedResponse | undefined {
    if (this.#position >= this.#steps.length && typeof this.#script === 'function') {
      this.#steps = checked(this.#script(conversation()));
      this.#position = 0;
    }
    if (this.#position >= this.#steps.length) return undefined;
    const from = this.#position;
    const response = this.#read();
    this.#last = { from, response };
    return response;
  }

  #read(): ScriptedResponse {
    const steps: BlockStep[] = [];
    while (this.#position < this.#steps.length) {
      const step = this.#steps[this.#position++] as Step;
      if (step.word === 'pause') return { steps, stopReason: 'pause_turn' };
      if (step.word === 'stop') return { steps, stopReason: step.reason };
      steps.push(step);
      const isLastCall = step.word === 'callTool' && this.#steps[this.#position]?.word !== 'callTool';
      if (isLastCall) return { steps, stopReason: 'tool_use' };
    }
    return { steps, stopReason: 'end_turn' };
  }

  /** Gives the last response's steps back: its request was refused before anything was played. */
  rewind(response: ScriptedResponse): void {
    if (this.#last?.response === response) this.#position = this.#last.from;
  }

  reset(): void {
    this.#position = 0;
    if (typeof this.#script === 'function') this.#steps = [];
  }

  get length(): number {
    return this.#steps.length;
  }

  /** @throws {EmulatorError} listing the steps that no request asked for. */
  assertDone(): void {
    const left = this.#steps.slice(this.#position);
    if (left.length === 0) return;
    const rows = left.map((step, index) => `  ${this.#position + index}  ${summary(step)}`);
    throw new EmulatorError(
      `${left.length} of ${this.#steps.length} steps of the script were not played, because no request asked for them:\n${rows.join('\n')}`,
      { code: 'script_left_over' },
    );
  }
}

function checked(script: unknown): readonly Step[] {
  if (!Array.isArray(script)) {
    throw new InvalidInputError(
      'script must be a list of steps, such as [say("…"), python("…"), pause(), say("…")], or a function that gives one.',
    );
  }
  script.forEach(assertStep);
  return script;
}

/** @throws {InvalidInputError} naming the step that is none, or whose first text is none. */
function assertStep(step: Step, index: number): void {
  if (!WORDS.includes(step?.word)) {
    throw new InvalidInputError(
      `script[${index}] is no step: ${JSON.stringify(step)}. Steps are made with ${WORDS.join(', ')} and refuse.`,
    );
  }
  if (step.word === 'inParallel') {
    for (const one of step.steps) assertStep(one, index);
    return;
  }
  if (step.word === 'fails') assertStep(step.step, index);
  const { word, ...rest } = step;
  if (Object.keys(rest).length === 0) return;
  const [content] = Object.values(rest);
  const isFunction = word === 'say' && typeof content === 'function';
  if (isFunction || (typeof content === 'string' && content !== '')) return;
  throw new InvalidInputError(
    `script[${index}]: ${word}() takes a text that is not empty, got ${String(content)}.`,
  );
}

function summary(step: Step): string {
  const { word, ...rest } = step;
  const [detail = ''] = Object.values(rest);
  const text = Array.isArray(detail) ? detail.map(({ word: name }) => name).join(', ') : String(detail);
  const line = text.split('\n', 1)[0] ?? '';
  return `${word.padEnd(7)} ${line.length > 60 ? `${line.slice(0, 60)}…` : line}`.trimEnd();
}
