import { InvalidInputError, StdoutError, type StdoutIssue } from '../errors.ts';
import { describe } from '../sdk/client.ts';
import type { Execution } from '../turn/execution.ts';
import { isRecord } from '../wire/blocks.ts';

/** What a schema of zod, valibot, arktype and others has: version 1 of [Standard Schema](https://standardschema.dev). */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => ValidationResult<Output> | PromiseLike<ValidationResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type ValidationResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidationIssue[] };

interface ValidationIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * What an execution printed, as JSON that a schema has checked, also one that checks asynchronously.
 *
 * The JSON may follow a log: it is the whole stdout, else its last line, else the indented block at its end
 * (`json.dumps(…, indent=2)`). Nothing else is searched, so that no number in a log passes for a result.
 * What the schema itself throws passes through.
 *
 * @throws {StdoutError} when the execution did not succeed, and when its stdout is empty, encrypted, no JSON, or not what the
 * schema asks for; it has the stdout and the issues.
 * @throws {InvalidInputError} for what is no execution or no schema.
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
  assertExecution(execution);
  assertSchema(schema);
  const value = jsonAtEnd(stdoutOf(execution));
  if (value === undefined) throw notJson(execution);
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.map(issueOf);
  throw failure(
    execution,
    'schema_mismatch',
    `the JSON that it printed is not what the schema asks for: ${list(issues)}.`,
    issues,
  );
}

/** @throws {StdoutError} where there is none to read. */
function stdoutOf(execution: Execution): string {
  const { status, stdout, encryptedStdout } = execution;
  if (status !== 'succeeded') {
    throw failure(execution, 'not_succeeded', `${endOf(execution)}, so its stdout is no result.`);
  }
  if (encryptedStdout !== null) {
    throw failure(
      execution,
      'encrypted_stdout',
      'its stdout is encrypted, since the code used web search; only Claude can read it. Ask for the data in the answer, with output_config.format.',
    );
  }
  if (stdout === null || stdout.trim() === '') {
    throw failure(execution, 'no_stdout', 'it printed nothing.');
  }
  return stdout;
}

function endOf({ status, returnCode, stderr, errorCode }: Execution): string {
  switch (status) {
    case 'failed': {
      const said = lastLine((stderr ?? '').trimEnd());
      return `it failed with return code ${returnCode}${said && ` (${describe(said)})`}`;
    }
    case 'errored':
      return `the tool failed with ${errorCode}`;
    default:
      return `it is ${status} and has no result`;
  }
}

/** `undefined` stands for none, since no JSON parses to it. */
function jsonAtEnd(stdout: string): unknown {
  const text = stdout.trimEnd();
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

/** From the last line that is only the bracket which the last line closes: one search, however long the log is. */
function indentedBlock(text: string, line: string): string | undefined {
  const opening = { '}': '\n{\n', ']': '\n[\n' }[line];
  const start = opening === undefined ? -1 : text.lastIndexOf(opening);
  return start === -1 ? undefined : text.slice(start + 1);
}

function notJson(execution: Execution): StdoutError {
  const line = describe(lastLine((execution.stdout ?? '').trimEnd()));
  return failure(
    execution,
    'not_json',
    `its stdout ends with ${line}, which is no JSON. Let the code print the result last, as one value: print(json.dumps(result)).`,
  );
}

function failure(
  { id, stdout }: Execution,
  code: StdoutError['code'],
  reason: string,
  issues: readonly StdoutIssue[] = [],
): StdoutError {
  return new StdoutError(`Execution ${id}: ${reason}`, { code, executionId: id, stdout, issues });
}

function issueOf({ message, path = [] }: ValidationIssue): StdoutIssue {
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

function assertExecution(execution: unknown): void {
  if (isRecord(execution) && typeof execution['id'] === 'string' && 'stdout' in execution) return;
  throw new InvalidInputError(
    `parseStdout takes an execution, such as one of turn.executions, got ${describe(execution)}.`,
  );
}

function assertSchema(schema: unknown): void {
  const standard = (schema as Partial<StandardSchema> | null | undefined)?.['~standard'];
  if (typeof standard?.validate === 'function') return;
  throw new InvalidInputError(
    `parseStdout takes a Standard Schema, such as one of zod, valibot or arktype, got ${describe(schema)}.`,
  );
}
