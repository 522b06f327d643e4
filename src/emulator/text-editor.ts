import type { Sandbox } from './sandbox/sandbox.ts';
import type { CommandStep } from './script.ts';

type EditorStep = Extract<CommandStep, { word: 'view' | 'create' | 'replace' }>;

/** Lines of a diff around what changed, as recorded. */
const CONTEXT = 3;
const PREFIX = 'text_editor_code_execution';

/** The `content` of a text editor result: what was done, or why not. */
export async function edit(sandbox: Sandbox, step: EditorStep): Promise<Record<string, unknown>> {
  const existing = await sandbox.readFile(step.path).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => undefined,
  );
  if (step.word === 'create') {
    await sandbox.makeDirectory(step.path.slice(0, step.path.lastIndexOf('/')) || '/');
    await sandbox.writeFile(step.path, new TextEncoder().encode(step.text));
    return { type: `${PREFIX}_create_result`, is_file_update: existing !== undefined };
  }
  if (existing === undefined) return failure('file_not_found', `The path ${step.path} does not exist.`);
  if (step.word === 'view') return viewed(existing);
  const count = existing.split(step.before).length - 1;
  if (count !== 1) {
    return failure(
      'invalid_tool_input',
      `old_str was found ${count} times in ${step.path}; it must be there once.`,
    );
  }
  const changed = existing.replace(step.before, () => step.after);
  await sandbox.writeFile(step.path, new TextEncoder().encode(changed));
  return { type: `${PREFIX}_str_replace_result`, ...hunkOf(linesOf(existing), linesOf(changed)) };
}

function failure(errorCode: string, message: string) {
  return { type: `${PREFIX}_tool_result_error`, error_code: errorCode, error_message: message };
}

function viewed(content: string) {
  const { length } = linesOf(content);
  return {
    type: `${PREFIX}_view_result`,
    file_type: 'text',
    content,
    num_lines: length,
    start_line: 1,
    total_lines: length,
  };
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  // A line end at the end of the file begins no further line.
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

/** What changed as one piece of a unified diff. */
function hunkOf(before: readonly string[], after: readonly string[]) {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const start = Math.max(head - CONTEXT, 0);
  const removed = before.slice(head, before.length - tail);
  const added = after.slice(head, after.length - tail);
  const leading = before.slice(start, head);
  const trailing = before.slice(before.length - tail, before.length - tail + CONTEXT);
  const context = leading.length + trailing.length;
  const prefixed = (prefix: string, lines: readonly string[]) => lines.map((line) => prefix + line);
  return {
    old_start: start + 1,
    old_lines: removed.length + context,
    new_start: start + 1,
    new_lines: added.length + context,
    lines: [
      ...prefixed(' ', leading),
      ...prefixed('-', removed),
      ...prefixed('+', added),
      ...prefixed(' ', trailing),
    ],
  };
}
