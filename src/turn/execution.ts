import { type CallBlock, type Caller, callerOf, isRecord, type ResultBlock } from '../wire/blocks.ts';
import { type ExecutionOutput, type FileDiff, type FileView, readResult } from '../wire/execution-result.ts';
import { type SourceField, sourceFieldsOf } from '../wire/source-text.ts';

export type { Caller };

/**
 * How far an execution came:
 * - `writing`: Claude is still writing the input
 * - `pending`: it was sent to the sandbox, or the turn ended and no result came
 * - `succeeded`: the program ended with 0, or the editor did what was asked
 * - `failed`: the program ended non-zero; see `returnCode`, `stdout` and `stderr`
 * - `errored`: the tool itself failed; `errorCode` says how
 */
export type ExecutionStatus = 'writing' | 'pending' | 'succeeded' | 'failed' | 'errored';

/** Why a tool failed. Open: the API may send others, and older ones are documented. */
export type ExecutionErrorCode =
  | 'unavailable'
  | 'too_many_requests'
  | 'execution_time_exceeded'
  | 'invalid_tool_input'
  | 'output_file_too_large'
  | 'file_not_found'
  | (string & {});

interface ExecutionBase {
  /** `srvtoolu_…` */
  readonly id: string;
  /** The tool as the API names it, such as `bash_code_execution`; `null` when only the result is known. */
  readonly name: string | null;
  /**
   * What to show of the call, whatever its kind: the code of `python`, the command of `bash`, the path of
   * `view`, the text of the file of `create`, the new text of `replace`; of a tool that this version does
   * not know, its first text under a known name, such as `code`. It grows while it is written (but a path,
   * which comes as a whole). `null` until any of it came, and where only the result is known.
   */
  readonly source: string | null;
  /** `false` while the input is written, and for good when it was cut, for example by `max_tokens`. */
  readonly inputComplete: boolean;
  readonly status: ExecutionStatus;
  readonly stdout: string | null;
  readonly stderr: string | null;
  readonly returnCode: number | null;
  /** Sent in place of `stdout` when the code used web search. Opaque. */
  readonly encryptedStdout: string | null;
  /** As sent; `null` in every recording, and its other values are not documented. */
  readonly abortReason: unknown;
  readonly errorCode: ExecutionErrorCode | null;
  readonly errorMessage: string | null;
  /** Ids of the files that were captured from `$OUTPUT_DIR`, in order. */
  readonly files: readonly string[];
  /** Claude (`direct`), or the code of another execution. */
  readonly caller: Caller;
  /** Index of the response that made the call, or of the result where the call is not known. */
  readonly responseIndex: number;
  /** Index of the response with the result; `null` until it comes. */
  readonly resultIndex: number | null;
  /** ISO time when its input was whole and the sandbox began; `null` until then, or without a clock. */
  readonly startedAt: string | null;
  /** ISO time when its result came. */
  readonly endedAt: string | null;
  /** The call as the API sent it; `null` when only the result is known. */
  readonly call: unknown;
  /** The result as the API sent it; `null` until it comes. */
  readonly result: unknown;
}

/** A Python cell. */
export interface PythonExecution extends ExecutionBase {
  readonly kind: 'python';
  readonly code: string | null;
}

/** A bash command. */
export interface BashExecution extends ExecutionBase {
  readonly kind: 'bash';
  readonly command: string | null;
}

/** The text editor showed a file. */
export interface ViewExecution extends ExecutionBase {
  readonly kind: 'view';
  readonly path: string | null;
  /** What was shown; `null` until the result comes. */
  readonly view: FileView | null;
}

/** The text editor wrote a file. Such files are not captured: a command must copy them to `$OUTPUT_DIR`. */
export interface CreateExecution extends ExecutionBase {
  readonly kind: 'create';
  readonly path: string | null;
  readonly fileText: string | null;
  /** Whether the file existed before; `null` until the result comes. */
  readonly isFileUpdate: boolean | null;
}

/** The text editor replaced a text in a file. */
export interface ReplaceExecution extends ExecutionBase {
  readonly kind: 'replace';
  readonly path: string | null;
  readonly oldText: string | null;
  readonly newText: string | null;
  /** The change as diff lines; `null` until the result comes. */
  readonly diff: FileDiff | null;
}

/** A call of a tool or editor command that this version does not know. */
export interface UnknownExecution extends ExecutionBase {
  readonly kind: 'unknown';
  readonly input: unknown;
}

/**
 * One call of a code execution tool and its result, whichever of the three tools ran it. Plain JSON.
 *
 * @example
 * ```ts
 * for (const execution of turn.executions) {
 *   if (execution.kind === 'python') console.log(execution.code);
 *   if (execution.status === 'failed') console.log(execution.returnCode, execution.stderr);
 * }
 * ```
 */
export type Execution =
  | PythonExecution
  | BashExecution
  | ViewExecution
  | CreateExecution
  | ReplaceExecution
  | UnknownExecution;

export type ExecutionKind = Execution['kind'];

/** What is known of a call before and beside its result. */
export interface CallFacts {
  readonly call: CallBlock;
  /** The input to read, where it is more than the call carries: a cut one keeps what was written. */
  readonly input?: unknown;
  readonly inputComplete?: boolean;
  readonly responseIndex: number;
  readonly startedAt?: string | null;
}

/** A result, and where and when it came. */
export interface ResultFacts {
  readonly result: ResultBlock;
  readonly resultIndex: number;
  readonly endedAt?: string | null;
}

type KnownKind = Exclude<ExecutionKind, 'unknown'>;

/**
 * The fields that the input of a call gives, with their names in
 * it; the last one is its source. The API's schemas are not published; these were always there.
 */
const INPUT_FIELDS: Readonly<Record<KnownKind, Readonly<Record<string, string>>>> = {
  python: { code: 'code' },
  bash: { command: 'command' },
  view: { path: 'path' },
  create: { path: 'path', fileText: 'file_text' },
  replace: { path: 'path', oldText: 'old_str', newText: 'new_str' },
};

/** The fields that only the result of an editor's call gives. */
const NO_EDITOR_OUTPUT: Readonly<Partial<Record<ExecutionKind, object>>> = {
  view: { view: null },
  create: { isFileUpdate: null },
  replace: { diff: null },
};

const NO_OUTPUT: ExecutionOutput = {
  errored: false,
  stdout: null,
  stderr: null,
  returnCode: null,
  encryptedStdout: null,
  abortReason: null,
  errorCode: null,
  errorMessage: null,
  fileIds: [],
  editor: null,
};
const NO_RESULT = { result: null, resultIndex: null, endedAt: null };

/**
 * An execution whose call is written and whose result is not there yet; `writing` when the input still comes.
 */
export function pendingExecution(facts: CallFacts, status: 'writing' | 'pending' = 'pending'): Execution {
  const { call, responseIndex, startedAt = null } = facts;
  const input = facts.input ?? call.input;
  const kind = kindOfCall(call.name, input);
  const base = {
    ...fieldsOf(NO_OUTPUT),
    status,
    id: call.id,
    name: call.name,
    inputComplete: status === 'pending' && (facts.inputComplete ?? isWhole(kind, input)),
    caller: callerOf(call),
    responseIndex,
    startedAt: status === 'pending' ? startedAt : null,
    call,
    ...NO_RESULT,
  };
  return withKind(base, kind, input);
}

/** The same execution with its result. */
export function finishedExecution(execution: Execution, facts: ResultFacts): Execution {
  return withOutput(execution, readResult(facts.result), { endedAt: null, ...facts });
}

/** The same execution as it was before its result came. */
export function withoutResult(execution: Execution): Execution {
  return { ...withOutput(execution, NO_OUTPUT, NO_RESULT), status: 'pending' };
}

/** An execution of which only the result is at hand: its call stands in a response that was not given. */
export function executionWithoutCall({ result, resultIndex, endedAt = null }: ResultFacts): Execution {
  const output = readResult(result);
  const base = {
    ...fieldsOf(output),
    id: result.tool_use_id,
    name: null,
    inputComplete: false,
    caller: callerOf(result),
    responseIndex: resultIndex,
    startedAt: null,
    call: null,
    ...NO_RESULT,
  };
  const execution = withKind(base, kindOfResult(result.type, output), null);
  return withOutput(execution, output, { result, resultIndex, endedAt });
}

/**
 * The source grows while it is written. Which editor command
 * it is shows in the field, before the input is whole.
 */
export function grownExecution(execution: Execution, field: SourceField, text: string): Execution {
  if (execution.kind === 'unknown') {
    if (execution.name === 'text_editor_code_execution') {
      const { input: _, kind: __, ...base } = execution;
      return withKind(base, field === 'file_text' ? 'create' : 'replace', { [field]: text });
    }
    const written = isRecord(execution.input) ? execution.input : {};
    const input = { ...written, [field]: String(written[field] ?? '') + text };
    return { ...execution, input, source: sourceOf(execution.name, input) };
  }
  const fields = Object.entries(INPUT_FIELDS[execution.kind]);
  const name = fields.find(([, key]) => key === field)?.[0];
  if (name === undefined) return execution;
  const grown = ((execution as unknown as Record<string, string | null>)[name] ?? '') + text;
  return { ...execution, [name]: grown, ...(name === fields.at(-1)?.[0] && { source: grown }) };
}

/** The fields of an execution that its result decides, whatever its kind. */
function fieldsOf(output: ExecutionOutput) {
  const { errored, returnCode, fileIds: files, editor: _, ...fields } = output;
  const status: ExecutionStatus = errored ? 'errored' : returnCode ? 'failed' : 'succeeded';
  return { status, ...fields, returnCode, files };
}

function withOutput(
  execution: Execution,
  output: ExecutionOutput,
  facts: Pick<Execution, 'result' | 'resultIndex' | 'endedAt'>,
): Execution {
  const { kind, ...editor } = output.editor ?? { kind: undefined };
  const own = kind === execution.kind ? editor : NO_EDITOR_OUTPUT[execution.kind];
  return { ...execution, ...fieldsOf(output), ...facts, ...own };
}

/** An execution before its result, with the fields of its kind. */
function withKind(base: Omit<ExecutionBase, 'source'>, kind: ExecutionKind, input: unknown): Execution {
  const given = isRecord(input) ? input : {};
  if (kind === 'unknown') return { ...base, source: sourceOf(base.name, given), kind, input: input ?? null };
  const fields = Object.entries(INPUT_FIELDS[kind]).map(([field, key]) => [field, text(given[key])] as const);
  const source = fields.at(-1)?.[1];
  return { ...base, source, kind, ...Object.fromEntries(fields), ...NO_EDITOR_OUTPUT[kind] } as Execution;
}

/** The source of a call of unknown kind. */
function sourceOf(name: string | null, input: Record<string, unknown>): string | null {
  const key = sourceFieldsOf(name ?? '').find((field) => typeof input[field] === 'string');
  return key === undefined ? null : text(input[key]);
}

function kindOfCall(name: string, input: unknown): ExecutionKind {
  if (name === 'code_execution') return 'python';
  if (name === 'bash_code_execution') return 'bash';
  if (name !== 'text_editor_code_execution' || !isRecord(input)) return 'unknown';
  switch (input['command']) {
    case 'view':
    case 'create':
      return input['command'];
    case 'str_replace':
      return 'replace';
    default:
      return 'unknown';
  }
}

function kindOfResult(type: string, output: ExecutionOutput): ExecutionKind {
  if (type === 'code_execution_tool_result') return 'python';
  if (type === 'bash_code_execution_tool_result') return 'bash';
  return output.editor?.kind ?? 'unknown';
}

/** Whether an input has what its tool needs. */
function isWhole(kind: ExecutionKind, input: unknown): boolean {
  if (!isRecord(input)) return false;
  if (kind === 'unknown') return Object.keys(input).length > 0;
  return Object.values(INPUT_FIELDS[kind]).every((key) => key in input);
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
