import { EmulatorError } from '../errors.ts';
import type { ScriptedBlock } from './answer.ts';
import { runCommand } from './container.ts';
import type { BlockStep, CommandStep, LastResult } from './script.ts';
import type { Store, StoredContainer } from './store.ts';
import { edit } from './text-editor.ts';

/** Where steps are played. */
export interface Stage {
  /** There for every response that runs commands. */
  readonly container: StoredContainer | undefined;
  readonly store: Store;
  readonly signal: AbortSignal;
}

/** A call that was announced, and what comes of it. */
interface Call {
  readonly block: ScriptedBlock;
  readonly result: () => Promise<ScriptedBlock>;
}

/** Whether a step needs the sandbox. */
export function isCommand(step: BlockStep): boolean {
  return step.word in TOOLS || step.word === 'fails' || step.word === 'inParallel';
}

/** Whether a step is beyond the first version of the tool, which has neither bash nor the text editor. */
export function needsMoreThanPython(step: BlockStep): boolean {
  return step.word === 'inParallel'
    ? step.steps.some(needsMoreThanPython)
    : isCommand(step) && step.word !== 'python';
}

/** The blocks that steps leave, one after the other, while the sandbox works. */
export async function* play(steps: readonly BlockStep[], stage: Stage): AsyncGenerator<ScriptedBlock> {
  const { store } = stage;
  for (const step of steps) {
    switch (step.word) {
      case 'say':
        yield {
          type: 'text',
          text: typeof step.text === 'function' ? textOf(step.text, store.last) : step.text,
        };
        break;
      case 'think':
        yield { type: 'thinking', thinking: step.text, signature: 'emulated' };
        break;
      case 'callTool': {
        const { name, input } = step;
        yield { type: 'tool_use', id: store.ids.next('toolu'), name, input, caller: { type: 'direct' } };
        break;
      }
      case 'search':
        yield* searchBlocks(step, store);
        break;
      case 'inParallel': {
        const calls = step.steps.map((one) => callOf(one, stage));
        for (const { block } of calls) yield block;
        for (const { result } of calls) yield await result();
        break;
      }
      default: {
        const { block, result } = callOf(step, stage);
        yield block;
        yield await result();
      }
    }
  }
}

/** A step that does what it says. */
type WorkingStep = Exclude<CommandStep, { word: 'fails' }>;

function callOf(step: CommandStep, stage: Stage): Call {
  if (step.word === 'fails') {
    const { block } = callOf(step.step, stage);
    return { block, result: async () => failedResult(block, step.errorCode) };
  }
  const id = stage.store.ids.next('srvtoolu');
  const name = TOOLS[step.word];
  const result = async () => ({
    type: `${name}_tool_result`,
    tool_use_id: id,
    content: await resultOf(step, stage),
  });
  return {
    block: { type: 'server_tool_use', id, name, input: inputOf(step), caller: { type: 'direct' } },
    result,
  };
}

function failedResult({ id, name }: ScriptedBlock, errorCode: string): ScriptedBlock {
  const message = name === 'text_editor_code_execution' ? { error_message: null } : {};
  const content = { type: `${name}_tool_result_error`, error_code: errorCode, ...message };
  return { type: `${name}_tool_result`, tool_use_id: id, content };
}

const TOOLS = {
  python: 'code_execution',
  bash: 'bash_code_execution',
  view: 'text_editor_code_execution',
  create: 'text_editor_code_execution',
  replace: 'text_editor_code_execution',
} as const;

function inputOf(step: WorkingStep): Record<string, unknown> {
  switch (step.word) {
    case 'python':
      return { code: step.code };
    case 'bash':
      return { command: step.command };
    case 'view':
      return { command: 'view', path: step.path };
    case 'create':
      return { command: 'create', path: step.path, file_text: step.text };
    case 'replace':
      return { command: 'str_replace', path: step.path, old_str: step.before, new_str: step.after };
  }
}

async function resultOf(
  step: WorkingStep,
  { container, store, signal }: Stage,
): Promise<Record<string, unknown>> {
  // A container was opened for every response that runs commands.
  const opened = container as StoredContainer;
  if (step.word !== 'python' && step.word !== 'bash') return edit(opened.sandbox, step);
  const source = step.word === 'python' ? step.code : step.command;
  const outcome = await runCommand(opened, { language: step.word, source }, store, signal);
  store.last = outcome;
  const name = TOOLS[step.word];
  return {
    type: `${name}_result`,
    stdout: outcome.stdout,
    stderr: outcome.stderr,
    return_code: outcome.returnCode,
    content: outcome.fileIds.map((fileId) => ({ type: `${name}_output`, file_id: fileId })),
    // Sent for Python cells only, and null in every recording.
    ...(step.word === 'python' ? { abort_reason: null } : {}),
  };
}

function* searchBlocks(step: Extract<BlockStep, { word: 'search' }>, store: Store): Generator<ScriptedBlock> {
  const id = store.ids.next('srvtoolu');
  const caller = { type: 'direct' };
  yield { type: 'server_tool_use', id, name: 'web_search', input: { query: step.query }, caller };
  const content = step.results.map(({ title, url }) => ({
    type: 'web_search_result',
    title,
    url,
    encrypted_content: 'emulated',
    page_age: null,
  }));
  yield { type: 'web_search_tool_result', tool_use_id: id, content, caller };
}

/** A fault in a script is its author's: it must not look like one of the network. */
function textOf(say: (last: LastResult) => string, last: LastResult): string {
  try {
    return String(say(last));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EmulatorError(`emulator: the function given to say() threw: ${reason}`, {
      code: 'script_failed',
      cause: error,
    });
  }
}
