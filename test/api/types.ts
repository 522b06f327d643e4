/**
 * Compiled by `npm run typecheck`, never run: what users write must compile, and what would fail must not.
 */
import Anthropic from '@anthropic-ai/sdk';
import { betaStandardSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/beta/standard-schema';
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import {
  type Checkpoint,
  type Container,
  codeExecutionTool,
  containerUpload,
  contentBlockFor,
  createSession,
  type Execution,
  executionsOf,
  nextParams,
  type OutputFormat,
  parseStdout,
  resumeTurn,
  runTurn,
  type Session,
  streamTurn,
  type Turn,
  type TurnParams,
  type TurnStream,
  uploadAll,
  uploadFile,
  userMessage,
} from 'code-execution-kit';
import { createEmulator } from 'code-execution-kit/emulator';
import { saveArtifacts, uploadPath, uploadStream } from 'code-execution-kit/node';
import * as z from 'zod';

declare const client: Anthropic;
declare const container: Container;
declare const turn: Turn;
declare const execution: Execution;
const params = { model: 'claude-opus-5-5', max_tokens: 1, messages: [userMessage('x')] };

// The user's own client in all its forms.
runTurn(client, params);
runTurn(client.beta, params);
runTurn(client.withOptions({ timeout: 1 }), params);
new Anthropic({ fetch: createEmulator({ script: [] }).fetch });
uploadPath(client, 'x').then((file) => containerUpload(file));
uploadPath(client.beta, 'x');
saveArtifacts(client, turn.artifacts, 'out');

// What the loop gives goes back into the SDK and into the next turn.
runTurn(client, { ...params, container: turn.container, messages: [...turn.messages, userMessage('y')] });
runTurn(client, { ...params, container });
client.messages.create({ ...params, messages: turn.messages, container: container.toParam() });
client.messages.create(params).then((message) => {
  const next = nextParams(params, message);
  executionsOf(message);
  if (next) return client.messages.create(next);
  return undefined;
});
client.beta.messages.create(params).then((message) => executionsOf(message));
client.messages.create({ ...params, tools: [codeExecutionTool({ version: 'code_execution_20250522' })] });

// A handle in the place of the API's own form would be a 400.
// @ts-expect-error camelCase and always with skills
client.messages.create({ ...params, container });
// @ts-expect-error the data of a handle, too
client.messages.create({ ...params, container: container.toJSON() });

// @ts-expect-error no such version
codeExecutionTool({ version: 'code_execution_20301231' });
// @ts-expect-error a turn is always streamed
runTurn(client, { ...params, stream: true });
// @ts-expect-error a typo in params
runTurn(client, { ...params, max_token: 1 });
// @ts-expect-error a typo in options
streamTurn(client, params, { maxPause: 1 });
// @ts-expect-error no client
runTurn({}, params);
// @ts-expect-error only Python cells have code
execution.code;
if (execution.kind === 'python') execution.code satisfies string | null;
// @ts-expect-error states are not changed
turn.text = '';
// An error code of tomorrow compiles, and known ones complete in an editor.
execution.errorCode satisfies string | null;
// @ts-expect-error a missing name
if (execution.kind === 'javascript') execution;

// `parsed` is typed by the format, and only by it. `same` takes no wider and no narrower type.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A>() => ({ as: <B>(_: Same<A, B> extends true ? B : never) => {} });
type Total = { total: number };
declare const checkpoint: Checkpoint;
const Total = z.object({ total: z.number() });
const format = zodOutputFormat(Total);

runTurn(client, { ...params, output_config: { effort: 'low', format } }).then(({ parsed }) =>
  same<Total | null>().as(parsed),
);
runTurn(client, { ...params, output_config: { format: zodOutputFormat(z.object({ a: z.string() })) } }).then(
  ({ parsed }) => same<{ a: string } | null>().as(parsed),
);
runTurn(client, { ...params, output_config: { format: betaStandardSchemaOutputFormat(Total) } }).then(
  ({ parsed }) => same<Total | null>().as(parsed),
);
const byJsonSchema = jsonSchemaOutputFormat({
  type: 'object',
  properties: { total: { type: 'number' } },
  required: ['total'],
  additionalProperties: false,
});
runTurn(client, { ...params, output_config: { format: byJsonSchema } }).then(
  ({ parsed }) => parsed?.total satisfies number | undefined,
);
streamTurn(client, { ...params, output_config: { format } })
  .turn()
  .then(({ parsed }) => same<Total | null>().as(parsed));
resumeTurn(client, checkpoint, { format, rerun: true })
  .turn()
  .then(({ parsed }) => same<Total | null>().as(parsed));

// Without a format, or with one that reads nothing, there is nothing to read.
runTurn(client, params).then(({ parsed }) => same<null>().as(parsed));
runTurn(client, { ...params, output_config: { effort: 'low' } }).then(({ parsed }) =>
  same<null>().as(parsed),
);
const unread = { type: 'json_schema' as const, schema: {} };
runTurn(client, { ...params, output_config: { format: unread } }).then(({ parsed }) =>
  same<null>().as(parsed),
);
resumeTurn(client, checkpoint)
  .turn()
  .then(({ parsed }) => same<null>().as(parsed));

// Params kept in a variable, of a wide type or of their own.
declare const someParams: TurnParams;
runTurn(client, someParams).then(({ parsed }) => same<unknown>().as(parsed));
const structured = { ...params, output_config: { format } };
runTurn(client, structured).then(({ parsed }) => same<Total | null>().as(parsed));
client.messages.create(structured).then((message) => nextParams(structured, message));
const asParams: TurnParams = structured;
const byHand: OutputFormat<Date> = { ...unread, parse: (text) => new Date(text) };
runTurn(client, { ...asParams, output_config: { format: byHand } }).then(({ parsed }) => parsed?.getTime());

// A name without a parameter takes every turn and every stream.
declare const totalTurn: Turn<Total>;
totalTurn satisfies Turn;
streamTurn(client, structured) satisfies TurnStream;
// @ts-expect-error what was read is known to be a total, not anything else
totalTurn satisfies Turn<{ total: string }>;
// @ts-expect-error it may be null
totalTurn.parsed.total;

// A format does not open the params: typos stay errors on each level.
// @ts-expect-error a typo in params
runTurn(client, { ...params, max_token: 1, output_config: { format } });
// @ts-expect-error a typo in output_config
runTurn(client, { ...params, output_config: { format, efort: 'low' } });
// @ts-expect-error a typo in the name of output_config
streamTurn(client, { ...params, outputConfig: { format } });
// @ts-expect-error a schema is no format
runTurn(client, { ...params, output_config: { format: Total } });
// @ts-expect-error a typo in options
resumeTurn(client, checkpoint, { format, rerunn: true });

parseStdout(execution, Total).then((value) => same<Total>().as(value));
parseStdout(
  execution,
  Total.transform(({ total }) => new Date(total)),
).then((value) => same<Date>().as(value));
const typeless = {
  '~standard': {
    version: 1 as const,
    vendor: 'x',
    validate: async (value: unknown) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'must be a number' }] },
  },
};
parseStdout(execution, typeless).then((value) => same<number>().as(value));
parseStdout(
  execution,
  Object.assign(() => 1, typeless),
).then((value) => same<number>().as(value));
// @ts-expect-error no Standard Schema
parseStdout(execution, { type: 'object' });
// @ts-expect-error a list of executions
parseStdout(turn.executions, Total);

// A session adds the messages, and its snapshot is plain data.
const session = createSession(client, { model: 'claude-opus-5-5', max_tokens: 1 }, { snapshot: null });
createSession(client, { model: 'x', max_tokens: 1 }, { snapshot: session.toJSON(), maxPauses: 1 });
session.run([containerUpload('file_1')], { files: ['file_2'], maxPauses: 1 });
session.run('x').then(({ parsed }) => same<null>().as(parsed));
const reading = createSession(client, { model: 'x', max_tokens: 1, output_config: { format } });
reading.run('x').then(({ parsed }) => same<Total | null>().as(parsed));
reading
  .fork()
  .resume({ rerun: true })
  .turn()
  .then(({ parsed }) => same<Total | null>().as(parsed));
// A name without a parameter takes every session.
reading satisfies Session;
// @ts-expect-error messages come by run
createSession(client, params);
// @ts-expect-error a typo in options
session.run('x', { file: [] });

// Uploads take bytes, and a name where the source has none.
declare const bytes: Uint8Array;
declare const attachment: File;
uploadFile(client, attachment).then(containerUpload);
uploadFile(client, attachment, { name: 'a.csv', expiresInSeconds: 3600 }).then(contentBlockFor);
uploadFile(client, bytes, { name: 'a.csv' });
uploadFile(client, new Blob([]), { name: 'a.csv' });
uploadFile(client, new Response(), { name: 'a.csv' });
uploadFile(client, new ReadableStream<Uint8Array>(), { name: 'a.csv' });
uploadStream(client, () => new ReadableStream<Uint8Array>(), { name: 'a.csv' });
uploadAll(['a.csv'], (path) => uploadPath(client, path)).then((files) => userMessage('x', { files }));
// @ts-expect-error a path, or a text: which of the two nobody can know
uploadFile(client, 'sales.csv', { name: 'sales.csv' });
// @ts-expect-error bytes have no name
uploadFile(client, bytes);
// @ts-expect-error nor has a blob
uploadFile(client, new Blob([]), {});
// @ts-expect-error fetch does not tell how far it is
uploadFile(client, attachment, { onProgress: () => {} });
// @ts-expect-error a stream has no name
uploadStream(client, new ReadableStream<Uint8Array>(), {});
// @ts-expect-error texts are no bytes
uploadStream(client, new ReadableStream<string>(), { name: 'a.csv' });
// @ts-expect-error an id alone does not say what it is
contentBlockFor('file_1');
