import {
  bash,
  type CommandStep,
  callTool,
  create,
  fails,
  inParallel,
  pause,
  python,
  replace,
  type Step,
  say,
  search,
  stop,
  type ToolStep,
  think,
  view,
} from 'code-execution-kit/emulator';

/** A content block of a recorded response. */
export type Block = { readonly type: string; readonly [key: string]: unknown };

/** A recorded response, whole. */
export interface RecordedMessage {
  readonly content: readonly Block[];
  readonly stop_reason: string;
}

/**
 * The calls and texts of recorded responses as a script, without what came of them: that is the
 * sandbox's to make. Calls that code made are left out, too, since the code makes them again.
 */
export function scriptOf(messages: readonly RecordedMessage[]): Step[] {
  const results = new Map(
    messages.flatMap(({ content }) => content.map((block) => [block['tool_use_id'], block])),
  );
  return messages.flatMap((message) => stepsOf(message, results));
}

function stepsOf(
  { content, stop_reason: reason }: RecordedMessage,
  results: ReadonlyMap<unknown, Block>,
): Step[] {
  const steps: Step[] = [];
  const here = new Set(content.map((block) => block['tool_use_id']));
  /** Neighbouring calls, whose results come after the last of them. */
  let calls: { readonly step: CommandStep | ToolStep; readonly isOpen: boolean }[] = [];
  const flush = () => {
    const open = calls.find(({ isOpen }) => isOpen);
    const [first] = calls;
    if (calls.length > 1) steps.push(inParallel(...calls.map(({ step }) => step)));
    else if (open && reason === 'pause_turn') steps.push(pause(open.step as CommandStep));
    else if (first) steps.push(first.step);
    calls = [];
  };
  for (const block of content) {
    if (isNested(block)) continue;
    if (block.type === 'server_tool_use') {
      calls.push({ step: commandOf(block, results.get(block['id'])), isOpen: !here.has(block['id']) });
      continue;
    }
    flush();
    if (block.type === 'text')
      steps.push(say(String(block['text']) || ' ', { citations: block['citations'] as [] }));
    if (block.type === 'thinking') steps.push(think(String(block['thinking']) || ' '));
    if (block.type === 'tool_use')
      steps.push(callTool(String(block['name']), block['input'] as object as never));
  }
  flush();
  const last = steps.at(-1);
  const waits = content.some((block) => block.type === 'tool_use');
  if (reason === 'pause_turn') return last?.word === 'pause' ? steps : [...steps, pause()];
  return waits ? steps : [...steps, stop(reason)];
}

/** Made by code: a call, or its result. */
function isNested({ caller }: Block): boolean {
  return typeof caller === 'object' && caller !== null && 'tool_id' in caller;
}

function commandOf({ name, input }: Block, result: Block | undefined): CommandStep {
  const {
    command,
    code,
    path,
    file_text: text,
    old_str: before,
    new_str: after,
    query,
  } = input as Record<string, string>;
  const step = ((): CommandStep => {
    if (name === 'code_execution') return python(code ?? '');
    if (name === 'bash_code_execution') return bash(command ?? '');
    if (name === 'web_search') return search(query ?? '', hitsOf(result));
    if (command === 'view') return view(path ?? '');
    return command === 'create'
      ? create(path ?? '', text ?? '')
      : replace(path ?? '', before ?? '', after ?? '');
  })();
  const { error_code: errorCode, error_message: message } = (result?.['content'] ?? {}) as Record<
    string,
    string
  >;
  return errorCode ? fails(step, errorCode, message ?? null) : step;
}

function hitsOf(result: Block | undefined): { title: string; url: string; pageAge: string | undefined }[] {
  const hits = result?.['content'];
  return Array.isArray(hits)
    ? hits.map(({ title, url, page_age: pageAge }) => ({ title, url, pageAge: pageAge ?? undefined }))
    : [];
}

/** Files that the recorded container held and no recorded call made: what was viewed there. */
export function filesOf(messages: readonly RecordedMessage[]): Map<string, string> {
  const blocks = messages.flatMap(({ content }) => content);
  const files = new Map<string, string>();
  for (const { id, name, input } of blocks) {
    if (name !== 'text_editor_code_execution') continue;
    const { command, path } = input as Record<string, string>;
    const result = blocks.find((block) => block['tool_use_id'] === id)?.['content'] as
      | Record<string, string>
      | undefined;
    const isMade = blocks.some((block) => {
      const made = block['input'] as Record<string, string> | undefined;
      return made?.['command'] === 'create' && made['path'] === path;
    });
    if (command === 'view' && path && result?.['content'] && !isMade) files.set(path, result['content']);
  }
  return files;
}
