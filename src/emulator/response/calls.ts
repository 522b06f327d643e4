import type { ScriptedBlock } from '../protocol/answer.ts';
import type { CommandStep } from '../script/words.ts';
import type { StoredContainer } from '../store/store.ts';
import { type Call, resultBlock, type Stage, serverToolUse } from './call.ts';
import { CodeCall } from './code-call.ts';
import { runCommand } from './container.ts';
import { edit } from './text-editor.ts';
import { searchContent } from './web-pages.ts';

type EditorStep = Extract<CommandStep, { word: 'view' | 'create' | 'replace' }>;

/** Announces what a step calls. */
export function callOf(step: CommandStep, stage: Stage): Call {
  if (step.word === 'fails') return failing(callOf(step.step, stage), step);
  const id = stage.store.ids.next('srvtoolu');
  return callWithId(id, step);
}

function callWithId(id: string, step: Exclude<CommandStep, { word: 'fails' }>): Call {
  if (step.word === 'python') return new CodeCall(id, step.code);
  if (step.word === 'bash') {
    return single(serverToolUse(id, 'bash_code_execution', { command: step.command }), (stage) =>
      bashResult(id, step.command, stage),
    );
  }
  if (step.word === 'search') {
    const { query, results } = step;
    return single(serverToolUse(id, 'web_search', { query }), async () => searchContent(results));
  }
  return single(serverToolUse(id, 'text_editor_code_execution', editorInput(step)), async ({ container }) =>
    edit((container as StoredContainer).sandbox, step),
  );
}

/** Whether a call is one of the sandbox. */
export function needsContainer({ block }: Call): boolean {
  return String(block['name']).endsWith('code_execution');
}

/**
 * The call that a block of the history stands for, which was sent without its result: as the
 * API does, it is run at the start of the next response. `undefined` for one that is not known.
 */
export function reopened({ id, name, input }: ScriptedBlock): Call | undefined {
  const { command, code, path, ...rest } = input as Record<string, unknown>;
  const callId = String(id);
  if (name === 'code_execution') return new CodeCall(callId, String(code));
  if (name === 'bash_code_execution') return callWithId(callId, { word: 'bash', command: String(command) });
  if (name === 'web_search')
    return callWithId(callId, { word: 'search', query: String(rest['query']), results: [] });
  if (name !== 'text_editor_code_execution') return undefined;
  const file = String(path);
  const { file_text: text, old_str: before, new_str: after } = rest;
  if (command === 'view') return callWithId(callId, { word: 'view', path: file });
  if (command === 'create') return callWithId(callId, { word: 'create', path: file, text: String(text) });
  return callWithId(callId, { word: 'replace', path: file, before: String(before), after: String(after) });
}

function failing({ block }: Call, { errorCode, message }: Extract<CommandStep, { word: 'fails' }>): Call {
  const hasMessage = block['name'] === 'text_editor_code_execution';
  const type = `${block['name']}_tool_result_error`;
  return single(block, async () => ({
    type,
    error_code: errorCode,
    ...(hasMessage ? { error_message: message } : {}),
  }));
}

/** A call with nothing between it and its result. */
function single(block: ScriptedBlock, content: (stage: Stage) => Promise<unknown>): Call {
  return {
    block,
    async *run(stage) {
      yield resultBlock(block, await content(stage));
      return false;
    },
  };
}

function editorInput(step: EditorStep): Record<string, unknown> {
  switch (step.word) {
    case 'view':
      return { command: 'view', path: step.path };
    case 'create':
      return { command: 'create', path: step.path, file_text: step.text };
    case 'replace':
      return { command: 'str_replace', path: step.path, old_str: step.before, new_str: step.after };
  }
}

async function bashResult(id: string, source: string, stage: Stage): Promise<Record<string, unknown>> {
  const container = stage.container as StoredContainer;
  const outcome = await runCommand(container, { id, language: 'bash', source }, stage);
  if (outcome.tooLarge)
    return { type: 'bash_code_execution_tool_result_error', error_code: 'output_file_too_large' };
  return {
    type: 'bash_code_execution_result',
    stdout: outcome.stdout,
    stderr: outcome.stderr,
    return_code: outcome.returnCode,
    content: outcome.fileIds.map((fileId) => ({ type: 'bash_code_execution_output', file_id: fileId })),
  };
}
