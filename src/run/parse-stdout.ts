import type { StandardSchemaV1 } from '@standard-schema/spec';
import { assertInput, CodeExecutionError, guardOf, quoted, typed } from '../errors.ts';
import type { Execution } from '../turn/execution.ts';
import { isRecord } from '../wire/blocks.ts';
import { asShown, inexactNumberIn, jsonAtEnd, lastLine, notANumberIn } from './printed-json.ts';

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
 * came), `no_stdout`, `encrypted_stdout`, `not_json` (also for the `NaN` and `Infinity` of Python's
 * `json.dumps`), `inexact_number` (an integer that JavaScript would round), `schema_mismatch`.
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
  declare readonly code:
    | 'not_succeeded'
    | 'no_stdout'
    | 'encrypted_stdout'
    | 'not_json'
    | 'inexact_number'
    | 'schema_mismatch';
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
 * It is read as a terminal shows it: without colours and a BOM, and of a line of progress, what stands
 * after its last `\r`. What the schema itself throws passes through.
 *
 * @throws {InvalidInputError} for what is no execution, and no Standard Schema.
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
  const value = typed('parseStdout', () => {
    assertArguments(execution, schema);
    return printedBy(execution);
  });
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.map(issueOf);
  const reason = `the JSON that it printed is not what the schema asks for: ${list(issues)}.`;
  throw new StdoutError(execution, 'schema_mismatch', reason, issues);
}

function assertArguments(execution: unknown, schema: unknown): void {
  const isExecution = isRecord(execution) && typeof execution['status'] === 'string' && 'stdout' in execution;
  const cure = isRecord(execution) && typeof execution['then'] === 'function' ? 'Await it first.' : OF_A_TURN;
  assertInput(isExecution, 'parseStdout takes an execution', execution, cure);
  // A schema of arktype is a function.
  const standard: unknown = Object(schema)['~standard'];
  const isSchema = isRecord(standard) && typeof standard['validate'] === 'function';
  assertInput(isSchema, 'parseStdout takes a Standard Schema as its second argument', schema, NO_STANDARD);
}

const OF_A_TURN =
  "Pass one of a turn, such as `turn.executions.findLast(({ kind }) => kind === 'python')`, where there is one.";
const NO_STANDARD =
  'Schemas of zod 3.24, valibot 1 and arktype 2, and of later versions, are: they have `~standard`.';

function printedBy(execution: Execution): unknown {
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
  // JSON may have `\r` between its parts, which a terminal would not show.
  const raw = (stdout ?? '').trim();
  const text = asShown(stdout ?? '');
  if (text === '') throw new StdoutError(execution, 'no_stdout', 'it printed nothing.');
  const found = jsonAtEnd(raw) ?? (text === raw ? undefined : jsonAtEnd(text));
  if (!found) throw new StdoutError(execution, 'not_json', whyNoJson(text));
  const { json, value } = found;
  const inexact = inexactNumberIn(json);
  if (inexact !== undefined) {
    const reason =
      `the JSON that it printed has the number ${shortened(inexact)}, which JavaScript cannot hold exactly. Let the ` +
      'code print it as a text: str(value).';
    throw new StdoutError(execution, 'inexact_number', reason);
  }
  return value;
}

function whyNoJson(text: string): string {
  const word = notANumberIn(text);
  if (word !== undefined) {
    return (
      `the JSON that it printed has ${word}, which Python's json.dumps writes and JSON does not have. Let the code ` +
      'print None in its place; json.dumps(result, allow_nan=False) refuses it.'
    );
  }
  return (
    `its stdout ends with ${quoted(lastLine(text))}, which is no JSON. Let the code print the result last, as one ` +
    'value: print(json.dumps(result)).'
  );
}

function shortened(number: string): string {
  return number.length > 40 ? `${number.slice(0, 40)}…` : number;
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
