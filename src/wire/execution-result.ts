import { isRecord, type ResultBlock } from './blocks.ts';

/** What a code execution tool answered, in one form for all result types. Absent fields are `null`. */
export interface ExecutionOutput {
  /**
   * The tool failed (`errorCode`), in contrast to a program that ended non-zero; or the result says neither.
   */
  readonly errored: boolean;
  readonly stdout: string | null;
  readonly stderr: string | null;
  readonly returnCode: number | null;
  /** Sent in place of stdout when the code used web search. Opaque; send it back as it is. */
  readonly encryptedStdout: string | null;
  /** Always `null` in recordings and in no SDK type; anything else is passed on raw. */
  readonly abortReason: unknown;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly fileIds: readonly string[];
  readonly editor: EditorOutput | null;
}

/** What the text editor answered, under the name that an execution has for it. */
type EditorOutput =
  | { readonly kind: 'view'; readonly view: FileView }
  | { readonly kind: 'create'; readonly isFileUpdate: boolean | null }
  | { readonly kind: 'replace'; readonly diff: FileDiff };

/** A file that was shown. Numbers are lines, counted from 1; `null` where the API sent none. */
export interface FileView {
  readonly fileType: string;
  readonly content: string;
  readonly numLines: number | null;
  readonly startLine: number | null;
  readonly totalLines: number | null;
}

/** A change of a file. Numbers are lines, counted from 1; `null` where the API sent none. */
export interface FileDiff {
  readonly oldStart: number | null;
  readonly oldLines: number | null;
  readonly newStart: number | null;
  readonly newLines: number | null;
  /** Diff lines, each with its prefix `' '`, `'-'` or `'+'`. */
  readonly lines: readonly string[] | null;
}

/** The one error code that is not the API's: its result has no form that is known. */
const UNREADABLE = 'unreadable_result';

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/**
 * Reads a `*_code_execution_tool_result` block. Its `content` is one object, not a list, and its `type`
 * ends in `_result` or `_result_error`; both endings are matched so that a new tool is still read.
 */
export function readResult(block: ResultBlock): ExecutionOutput {
  const content = isRecord(block.content) ? block.content : {};
  const type = text(content['type']) ?? '';
  const returnCode = number(content['return_code']);
  const editor = readEditorOutput(type, content);
  const isError = content['error_code'] != null || type.endsWith('_error');
  // A result of tomorrow that has neither a return code nor an error must not pass as a success.
  const isReadable = isError || returnCode !== null || editor !== null;
  const errorCode = text(content['error_code']) ?? (isReadable ? null : UNREADABLE);
  return {
    errored: isError || !isReadable,
    stdout: text(content['stdout']),
    stderr: text(content['stderr']),
    returnCode,
    encryptedStdout: text(content['encrypted_stdout']),
    abortReason: content['abort_reason'] ?? null,
    errorCode,
    errorMessage: text(content['error_message']),
    fileIds: fileIdsIn(content['content']),
    editor,
  };
}

/** Output entries are `{type: "*_output", file_id}`; name, type and size are only in the Files API. */
function fileIdsIn(outputs: unknown): string[] {
  if (!Array.isArray(outputs)) return [];
  const ids = outputs.map((output) => (isRecord(output) ? text(output['file_id']) : null));
  return ids.filter((id) => id !== null);
}

function readEditorOutput(type: string, content: Record<string, unknown>): EditorOutput | null {
  if (type.endsWith('_view_result')) {
    const view = {
      fileType: text(content['file_type']) ?? 'text',
      content: text(content['content']) ?? '',
      numLines: number(content['num_lines']),
      startLine: number(content['start_line']),
      totalLines: number(content['total_lines']),
    };
    return { kind: 'view', view };
  }
  if (type.endsWith('_create_result')) {
    const isFileUpdate = content['is_file_update'];
    return { kind: 'create', isFileUpdate: typeof isFileUpdate === 'boolean' ? isFileUpdate : null };
  }
  if (type.endsWith('_str_replace_result')) {
    const lines = content['lines'];
    const diff = {
      oldStart: number(content['old_start']),
      oldLines: number(content['old_lines']),
      newStart: number(content['new_start']),
      newLines: number(content['new_lines']),
      lines: Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : null,
    };
    return { kind: 'replace', diff };
  }
  return null;
}
