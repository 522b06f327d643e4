import { EmulatorError, InvalidInputError } from '../errors.ts';

/** What the last command before a step did; empty before the first. */
export interface LastResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly returnCode: number;
}

/** A text, or one made from what the last command printed. */
export type ScriptedText = string | ((last: LastResult) => string);

/** One step of what the emulated Claude does. Made with the words of this module. */
export type Step =
  | { readonly word: 'say'; readonly text: ScriptedText }
  | { readonly word: 'python'; readonly code: string }
  | { readonly word: 'bash'; readonly command: string }
  | { readonly word: 'pause' }
  | { readonly word: 'stop'; readonly reason: string };

/**
 * Claude writes a text; given a function, one about what the last command printed.
 *
 * @example
 * ```ts
 * [python('print(6 * 7)'), say(({ stdout }) => `It is ${stdout.trim()}.`)]
 * ```
 */
export const say = (text: ScriptedText): Step => ({ word: 'say', text });

/** Claude runs a Python cell, which is really executed. */
export const python = (code: string): Step => ({ word: 'python', code });

/** Claude runs a bash command, which is really executed. */
export const bash = (command: string): Step => ({ word: 'bash', command });

/** The response ends with `pause_turn`; the steps behind it answer the continuation. */
export const pause = (): Step => ({ word: 'pause' });

/**
 * The response ends; the steps behind it answer the next turn. The end of the script stops by itself.
 *
 * @param reason the `stop_reason`; default `end_turn`
 */
export const stop = (reason = 'end_turn'): Step => ({ word: 'stop', reason });

const WORDS = ['say', 'python', 'bash', 'pause', 'stop'];

/** The steps of one response, and how it ends. */
export interface ScriptedResponse {
  readonly steps: readonly Exclude<Step, { word: 'pause' | 'stop' }>[];
  readonly stopReason: string;
}

/** A script and how far it was played. */
export class ScriptPlayer {
  readonly #steps: readonly Step[];
  #position = 0;
  #last: { readonly from: number; readonly response: ScriptedResponse } | undefined;

  /** @throws {InvalidInputError} for anything that is no list of steps. */
  constructor(script: readonly Step[]) {
    if (!Array.isArray(script)) {
      throw new InvalidInputError(
        'script must be a list of steps, such as [say("…"), python("…"), pause(), say("…")].',
      );
    }
    const wrong = script.findIndex((step) => !WORDS.includes(step?.word));
    if (wrong !== -1) {
      throw new InvalidInputError(
        `script[${wrong}] is no step: ${JSON.stringify(script[wrong])}. Steps are made with ${WORDS.join(', ')}.`,
      );
    }
    script.forEach(assertContent);
    this.#steps = script;
  }

  /** Takes the steps of the next response, or `undefined` when none is left. */
  next(): ScriptedResponse | undefined {
    if (this.#position >= this.#steps.length) return undefined;
    const from = this.#position;
    const response = this.#read();
    this.#last = { from, response };
    return response;
  }

  #read(): ScriptedResponse {
    const steps: ScriptedResponse['steps'][number][] = [];
    while (this.#position < this.#steps.length) {
      const step = this.#steps[this.#position++] as Step;
      if (step.word === 'pause') return { steps, stopReason: 'pause_turn' };
      if (step.word === 'stop') return { steps, stopReason: step.reason };
      steps.push(step);
    }
    return { steps, stopReason: 'end_turn' };
  }

  /** Gives the last response's steps back: its request was refused before anything was played. */
  rewind(response: ScriptedResponse): void {
    if (this.#last?.response === response) this.#position = this.#last.from;
  }

  reset(): void {
    this.#position = 0;
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

/** @throws {InvalidInputError} naming the step whose text, code or command is none. */
function assertContent(step: Step, index: number): void {
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
  const line = String(detail).split('\n', 1)[0] ?? '';
  return `${word.padEnd(7)} ${line.length > 60 ? `${line.slice(0, 60)}…` : line}`.trimEnd();
}
