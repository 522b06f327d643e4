import { InvalidInputError } from '../../errors.ts';
import type { Step } from './words.ts';

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

/** Words of steps that a tool of the service carries out. */
const COMMANDS = ['python', 'bash', 'view', 'create', 'replace', 'search', 'fails'];

/** @throws {InvalidInputError} for what is no list of steps, naming the one that is none. */
export function checkedSteps(script: unknown): readonly Step[] {
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
    for (const one of step.steps) assertCommand(one, index, 'inParallel', [...COMMANDS, 'callTool']);
    return;
  }
  if (step.word === 'pause') {
    if (step.step !== undefined) assertCommand(step.step, index, 'pause', COMMANDS);
    return;
  }
  if (step.word === 'fails') assertCommand(step.step, index, 'fails', COMMANDS);
  const { word, ...rest } = step;
  const [content] = Object.values(rest);
  const isFunction = word === 'say' && typeof content === 'function';
  // The API leaves the text of thinking out by default, and its signature stands for it.
  const isOmitted = word === 'think' && content === '';
  if (isFunction || isOmitted || (typeof content === 'string' && content !== '')) return;
  throw new InvalidInputError(
    `script[${index}]: ${word}() takes a text that is not empty, got ${String(content)}.`,
  );
}

/** @throws {InvalidInputError} for a step that is no call, inside of one that takes calls. */
function assertCommand(step: Step, index: number, outer: string, allowed: readonly string[]): void {
  assertStep(step, index);
  if (allowed.includes(step.word)) return;
  throw new InvalidInputError(
    `script[${index}]: ${outer}() takes ${allowed.join(', ')}, got ${step.word}().`,
  );
}

/** One line about a step. */
export function summary(step: Step): string {
  const { word, ...rest } = step;
  const [detail = ''] = Object.values(rest);
  const line = described(detail).split('\n', 1)[0] ?? '';
  return `${word.padEnd(7)} ${line.length > 60 ? `${line.slice(0, 60)}…` : line}`.trimEnd();
}

function described(detail: unknown): string {
  if (Array.isArray(detail)) return detail.map(({ word }) => word).join(', ');
  return typeof detail === 'object' && detail !== null ? summary(detail as Step) : String(detail);
}
