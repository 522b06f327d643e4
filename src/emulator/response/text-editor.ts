import type { Sandbox } from '../sandbox/sandbox.ts';
import type { CommandStep } from '../script/words.ts';

type EditorStep = Extract<CommandStep, { word: 'view' | 'create' | 'replace' }>;

/** Lines of a diff around what changed, as recorded. */
const CONTEXT = 3;
/** Pairs of lines that are compared at most; beyond, all lines count as changed. */
const MOST_PAIRS = 1_000_000;
const PREFIX = 'text_editor_code_execution';

/** The `content` of a text editor result: what was done, or why not. */
export async function edit(sandbox: Sandbox, step: EditorStep): Promise<Record<string, unknown>> {
  const existing = await sandbox.readFile(step.path).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => undefined,
  );
  if (step.word === 'create') {
    const refused = await written(sandbox, step.path, step.text);
    if (refused) return refused;
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
  const refused = await written(sandbox, step.path, changed);
  if (refused) return refused;
  return { type: `${PREFIX}_str_replace_result`, ...hunkOf(linesOf(existing), linesOf(changed)) };
}

/** Writes a file, or says why it cannot be written: a folder stands there, or a place that is read-only. */
async function written(sandbox: Sandbox, path: string, text: string) {
  try {
    await sandbox.makeDirectory(path.slice(0, path.lastIndexOf('/')) || '/');
    await sandbox.writeFile(path, new TextEncoder().encode(text));
    return undefined;
  } catch (error) {
    return failure('invalid_tool_input', `The path ${path} cannot be written: ${(error as Error).message}`);
  }
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
  const unchanged = (lines: readonly string[]) => lines.map((line) => ` ${line}`);
  const lines = [
    ...unchanged(before.slice(start, head)),
    ...changesOf(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...unchanged(before.slice(before.length - tail, before.length - tail + CONTEXT)),
  ];
  return {
    old_start: start + 1,
    old_lines: lines.filter((line) => !line.startsWith('+')).length,
    new_start: start + 1,
    new_lines: lines.filter((line) => !line.startsWith('-')).length,
    lines,
  };
}

/** The shortest list of removed, added and kept lines, by their longest common subsequence. */
function changesOf(before: readonly string[], after: readonly string[]): string[] {
  if (before.length * after.length > MOST_PAIRS)
    return [...before.map((line) => `-${line}`), ...after.map((line) => `+${line}`)];
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  const common = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const same = before[i] === after[j];
      (lengths[i] as Uint32Array)[j] = same
        ? common(i + 1, j + 1) + 1
        : Math.max(common(i + 1, j), common(i, j + 1));
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push(` ${before[i++]}`);
      j++;
    } else if (i < before.length && common(i + 1, j) >= common(i, j + 1)) lines.push(`-${before[i++]}`);
    else lines.push(`+${after[j++]}`);
  }
  return lines;
}
