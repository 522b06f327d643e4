import type { ScriptedBlock } from '../protocol/answer.ts';
import { EmulatorError } from '../protocol/emulator-error.ts';
import type { BlockStep } from '../script/script-player.ts';
import type { CommandStep, LastResult } from '../script/words.ts';
import type { Call, Stage } from './call.ts';
import { callOf } from './calls.ts';

/** What steps left undone. */
export interface Undone {
  /**
   * Calls without their results, such as those beside a call
   * of the caller's tools; they open the next response.
   */
  readonly calls: readonly Call[];
  /**
   * Only where code waits for the caller's tools: the response ends here, and these steps follow the results.
   */
  readonly rest: readonly BlockStep[] | undefined;
}

const NOTHING: Undone = { calls: [], rest: undefined };

/** Whether a step needs the sandbox. */
export function isCommand(step: BlockStep): boolean {
  if (step.word === 'inParallel') return step.steps.some(isCommand);
  if (step.word === 'fails') return isCommand(step.step);
  return ['python', 'bash', 'view', 'create', 'replace'].includes(step.word);
}

/** Whether a step is beyond the first version of the tool, which has neither bash nor the text editor. */
export function needsMoreThanPython(step: BlockStep): boolean {
  if (step.word === 'inParallel') return step.steps.some(needsMoreThanPython);
  if (step.word === 'fails') return needsMoreThanPython(step.step);
  return isCommand(step) && step.word !== 'python';
}

/** The blocks that steps leave, one after the other, while the sandbox works. */
export async function* play(
  steps: readonly BlockStep[],
  stage: Stage,
): AsyncGenerator<ScriptedBlock, Undone> {
  const beside: Call[] = [];
  for (const [index, step] of steps.entries()) {
    const { calls, rest } = yield* playStep(step, stage);
    if (rest) return { calls, rest: steps.slice(index + 1) };
    beside.push(...calls);
  }
  return { calls: beside, rest: undefined };
}

async function* playStep(step: BlockStep, stage: Stage): AsyncGenerator<ScriptedBlock, Undone> {
  const { container, before } = stage;
  switch (step.word) {
    case 'say': {
      const last = container?.last ?? before;
      const text = typeof step.text === 'function' ? textOf(step.text, last) : step.text;
      yield { type: 'text', text, ...(step.citations ? { citations: step.citations } : {}) };
      return NOTHING;
    }
    case 'think':
      yield { type: 'thinking', thinking: step.text, signature: stage.sign(step.text) };
      return NOTHING;
    case 'callTool':
      yield toolUse(step, stage);
      return NOTHING;
    case 'inParallel': {
      const calls: Call[] = [];
      for (const one of step.steps) {
        if (one.word === 'callTool') yield toolUse(one, stage);
        else yield* announce(one, stage, calls);
      }
      if (calls.length < step.steps.length) return { calls, rest: undefined };
      return yield* runAll(calls, stage);
    }
    default: {
      const calls: Call[] = [];
      yield* announce(step, stage, calls);
      return yield* runAll(calls, stage);
    }
  }
}

/** The blocks of calls up to the first that waits for the caller's tools, and what is left then. */
export async function* runAll(calls: readonly Call[], stage: Stage): AsyncGenerator<ScriptedBlock, Undone> {
  for (const [index, call] of calls.entries()) {
    if (yield* call.run(stage)) return { calls: calls.slice(index), rest: [] };
  }
  return NOTHING;
}

function* announce(step: CommandStep, stage: Stage, calls: Call[]): Generator<ScriptedBlock> {
  const call = callOf(step, stage);
  calls.push(call);
  yield call.block;
}

function toolUse(
  { name, input }: { readonly name: string; readonly input: object },
  { store }: Stage,
): ScriptedBlock {
  return { type: 'tool_use', id: store.ids.next('toolu'), name, input, caller: { type: 'direct' } };
}

/** A fault in a script is its author's: it must not look like one of the network. */
function textOf(say: (last: LastResult) => string, last: LastResult): string {
  try {
    return String(say(last));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EmulatorError(`the function given to say() threw: ${reason}`, {
      code: 'script_failed',
      cause: error,
    });
  }
}
