import type { StandardSchemaV1 } from '@standard-schema/spec';
import { CodeExecutionError, guardOf, quoted } from '../errors.ts';
import type { Execution } from '../turn/execution.ts';

/**
 * What a schema of zod, valibot, arktype and others has:
 * version 1 of [Standard Schema](https://standardschema.dev).
 */
export type StandardSchema<Output = unknown> = StandardSchemaV1<unknown, Output>;

/** One thing that a schema refused. */
export interface StdoutIssue {
  readonly message: string;
  /** Keys and indices from the value to the place; empty for the value itself. */
  readonly path: readonly PropertyKey[];
}

/**
 * What an execution printed is not the value that `parseStdout` was asked
 * for. `.code`: `not_succeeded` (the program or the tool failed, or no result
 * came), `no_stdout`, `encrypted_stdout`, `not_json`, `schema_mismatch`.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (isStdoutError(error)) console.error(error.code, error.stdout, error.issues);
 * }
 * ```
 */
export class StdoutError extends CodeExecutionError {
  override readonly name = 'StdoutError';
  declare readonly code: 'not_succeeded' | 'no_stdout' | 'encrypted_stdout' | 'not_json' | 'schema_mismatch';
  readonly executionId: string;
  /** What was printed, whole; `null` where there is none. */
  readonly stdout: string | null;
  /** What the schema refused, with `schema_mismatch`; else empty. */
  readonly issues: readonly StdoutIssue[];

  constructor(
    { id, stdout }: Pick<Execution, 'id' | 'stdout'>,
    code: StdoutError['code'],
    reason: string,
    issues: readonly StdoutIssue[] = [],
  ) {
    super(`Execution ${id}: ${reason}`, { code });
    this.executionId = id;
    this.stdout = stdout;
    this.issues = issues;
  }
}

/** True for a {@link StdoutError}, also of another copy of this package. */
export const isStdoutError = /* @__PURE__ */ guardOf<StdoutError>('StdoutError');

/**
 * What an execution printed, as JSON that a schema has checked, also one that checks asynchronously.
 *
 * The JSON may follow a log: it is the whole stdout, else its last line, else the indented block at its end
 * (`json.dumps(…, indent=2)`). Nothing else is searched, so that no number in a log passes for a result.
 * What the schema itself throws passes through.
 *
 * @throws {StdoutError} when the execution did not succeed, and when its stdout is empty,
 * encrypted, no JSON, or not what the schema asks for; it has the stdout and the issues.
 *
 * @example
 * ```ts
 * const execution = turn.executions.findLast(({ kind }) => kind === 'python');
 * if (execution) console.log((await parseStdout(execution, z.object({ total: z.number() }))).total);
 * ```
 */
export async function parseStdout<Output>(
  execution: Execution,
  schema: StandardSchema<Output>,
): Promise<Output> {
  const { status, stdout, encryptedStdout } = execution;
  if (status !== 'succeeded') {
    throw new StdoutError(execution, 'not_succeeded', `${endOf(execution)}, so its stdout is no result.`);
  }
  if (encryptedStdout !== null) {
    const reason =
      'its stdout is encrypted, since the code used web search; only Claude can read it. Ask for the data in the ' +
      'answer, with output_config.format.';
    throw new StdoutError(execution, 'encrypted_stdout', reason);
  }
  const text = (stdout ?? '').trimEnd();
  if (text === '') throw new StdoutError(execution, 'no_stdout', 'it printed nothing.');
  const value = jsonAtEnd(text);
  if (value === undefined) {
    const reason =
      `its stdout ends with ${quoted(lastLine(text))}, which is no JSON. Let the code print the result last, as one ` +
      'value: print(json.dumps(result)).';
    throw new StdoutError(execution, 'not_json', reason);
  }
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.map(issueOf);
  const reason = `the JSON that it printed is not what the schema asks for: ${list(issues)}.`;
  throw new StdoutError(execution, 'schema_mismatch', reason, issues);
}

function endOf({ status, returnCode, stderr, errorCode }: Execution): string {
  switch (status) {
    case 'failed': {
      const said = lastLine((stderr ?? '').trimEnd());
      return `it failed with return code ${returnCode}${said && ` (${quoted(said)})`}`;
    }
    case 'errored':
      return `the tool failed with ${errorCode}`;
    default:
      return `it is ${status} and has no result`;
  }
}

/** `undefined` stands for none, since no JSON parses to it. */
function jsonAtEnd(text: string): unknown {
  const line = lastLine(text);
  for (const candidate of [text, line, indentedBlock(text, line)]) {
    try {
      if (candidate !== undefined) return JSON.parse(candidate);
    } catch {
      // The next candidate is shorter.
    }
  }
  return undefined;
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1);
}

/**
 * From the last line that is only the bracket which the
 * last line closes: one search, however long the log is.
 */
function indentedBlock(text: string, line: string): string | undefined {
  const opening = { '}': '\n{\n', ']': '\n[\n' }[line];
  const start = opening === undefined ? -1 : text.lastIndexOf(opening);
  return start === -1 ? undefined : text.slice(start + 1);
}

function issueOf({ message, path = [] }: StandardSchemaV1.Issue): StdoutIssue {
  return { message, path: path.map((part) => (typeof part === 'object' ? part.key : part)) };
}

const MAX_LISTED = 5;

function list(issues: readonly StdoutIssue[]): string {
  const listed = issues
    .slice(0, MAX_LISTED)
    .map(({ path, message }) => (path.length > 0 ? `${path.map(String).join('.')}: ${message}` : message));
  const more = issues.length - listed.length;
  return [...listed, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
