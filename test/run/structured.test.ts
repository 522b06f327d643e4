import { betaStandardSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/beta/standard-schema';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import {
  type Checkpoint,
  type Execution,
  executionsOf,
  initialTurnState,
  isInvalidInputError,
  isStdoutError,
  isTurnLimitError,
  type OutputFormat,
  parseStdout,
  reduceTurn,
  resumeTurn,
  runTurn,
  type StandardSchema,
  streamTurn,
  type TurnEvent,
  type TurnParams,
  userMessage,
} from 'code-execution-kit';
import {
  bash,
  callTool,
  cannedSandbox,
  fails,
  pause,
  python,
  type Step,
  say,
  stop,
  think,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { deepFreeze } from '../support/freeze.ts';
import { thrownBy, world } from '../support/world.ts';

const base = deepFreeze({
  model: 'claude-opus-5-5',
  max_tokens: 1000,
  messages: [userMessage('Sum it up.')],
});
const Total = z.object({ total: z.number().min(0) });
const format = zodOutputFormat(Total);
const params = deepFreeze({ ...base, output_config: { format } });

/** A command that prints nothing. */
const SILENT = 'true';
const printsItsSource = cannedSandbox(({ source }) => ({ stdout: source === SILENT ? '' : source }));

const start = (...script: Step[]) => world(script, { sandbox: printsItsSource });

/** Validates in its own time, as a schema that asks a database does. */
const later: StandardSchema<{ id: string }> = {
  '~standard': {
    version: 1,
    vendor: 'later',
    validate: async (value) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const { id } = value as { id: unknown };
      return id === 'a' ? { value: { id } } : { issues: [{ message: 'unknown id', path: [{ key: 'id' }] }] };
    },
  },
};

type Validated = { readonly value: number } | { readonly issues: readonly { readonly message: string }[] };
const isNumber = (value: unknown): Validated =>
  typeof value === 'number' ? { value } : { issues: [{ message: 'must be a number' }] };

/** A schema that is itself a function, with no `types`. */
function asFunction(validate: (value: unknown) => Validated) {
  return Object.assign(validate, { '~standard': { version: 1 as const, vendor: 'function', validate } });
}

describe('output_config.format', () => {
  it.each([
    ['zodOutputFormat', zodOutputFormat(Total)],
    [
      'jsonSchemaOutputFormat',
      jsonSchemaOutputFormat({ type: 'object', properties: { total: { type: 'number' } } }),
    ],
    ['betaStandardSchemaOutputFormat', betaStandardSchemaOutputFormat(Total)],
  ])('of %s is sent as messages.parse sends it, and reads the answer', async (_name, made) => {
    const { client, bodies } = start(say('{"total":7}'), stop('end_turn'), say('{"total":7}'));
    const config = { effort: 'low' as const, format: made };
    const message = await client.messages.parse({ ...base, output_config: config });
    const turn = await runTurn(client, { ...base, output_config: config });

    expect(turn.parsed).toEqual({ total: 7 });
    expect(turn.parsed).toEqual(message.parsed_output);
    const [parsed, ran] = bodies();
    expect(ran?.['output_config']).toMatchObject({
      effort: 'low',
      format: { type: 'json_schema', schema: { properties: { total: { type: 'number' } } } },
    });
    // To the byte: the order of the keys in a schema is that in the answer.
    expect(JSON.stringify(ran?.['output_config'])).toBe(JSON.stringify(parsed?.['output_config']));
  });

  it('goes out with every request of the turn', async () => {
    const { client, bodies } = start(bash('1'), pause(), python('2'), pause(), say('{"total":3}'));
    const turn = await runTurn(client, params);
    expect(turn.parsed).toEqual({ total: 3 });
    const sent = bodies().map((body) => body['output_config']);
    expect(sent).toEqual(Array(3).fill({ format: { type: 'json_schema', schema: format.schema } }));
  });

  it.each([
    ['texts before the last execution', [say('Let me compute.'), python('1'), say('{"total":1}')]],
    ['JSON before the last execution', [say('{"total":9}'), python('1'), say('{"total":1}')]],
    ['a text that a thought parts from it', [say('So:'), think('Hm.'), say('{"total":1}')]],
    ['a text before a pause', [python('1'), say('More.'), pause(), say('{"total":1}')]],
  ])('reads the last text of the turn, without %s', async (_what, script) => {
    const { client } = start(...script);
    expect((await runTurn(client, params)).parsed).toEqual({ total: 1 });
  });

  it('leaves an answer that cannot be read as it is, with a notice, and everything else of the turn', async () => {
    const { client } = start(python('1'), say('{"total":-1}'));
    const stream = streamTurn(client, params);
    const events: TurnEvent[] = [];
    for await (const event of stream) events.push(event);
    const turn = await stream.turn();

    expect(turn).toMatchObject({ outcome: 'completed', parsed: null, answer: '{"total":-1}' });
    expect(turn.executions).toHaveLength(1);
    expect(turn.notices).toEqual([
      { code: 'answer-not-parsed', message: expect.stringMatching(/total.*turn\.answer/s), responseIndex: 0 },
    ]);
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['notice', 'turn-end']);
    // The events fold to everything but what the format read.
    const { parsed: _, responses: __, messages: ___, ...state } = turn;
    expect(events.reduce(reduceTurn, initialTurnState())).toEqual(state);
  });

  it.each([
    ['no JSON', [say('It is 7.')], /JSON/],
    ['no text after the last execution', [say('{"total":1}'), python('1')], /no text/],
    ['several values', [say('{"total":1}{"total":2}')], /JSON/],
  ])('tells of %s', async (_what, script, message) => {
    const { client } = start(...script);
    const { parsed, notices } = await runTurn(client, params);
    expect(parsed).toBeNull();
    expect(notices).toMatchObject([{ code: 'answer-not-parsed', message: expect.stringMatching(message) }]);
  });

  it.each(['max_tokens', 'refusal'] as const)(
    'reads nothing of a turn that ended with %s',
    async (reason) => {
      const { client } = start(say('{"total":1}'), stop(reason));
      const { parsed, notices } = await runTurn(client, params);
      expect({ parsed, notices }).toEqual({ parsed: null, notices: [] });
    },
  );

  it('reads nothing while the turn can go on', async () => {
    const { client } = start(say('{"total":1}'), pause(), say('{"total":2}'));
    const turn = await runTurn(client, params, { stopWhen: () => true });
    expect(turn).toMatchObject({ outcome: 'paused', parsed: null, notices: [] });
  });

  it('is null without a format, and with one that has no parse', async () => {
    const { client, bodies } = start(say('{"total":1}'), stop('end_turn'), say('{"total":1}'));
    const plain = { type: 'json_schema' as const, schema: format.schema };
    expect(await runTurn(client, base)).toMatchObject({ parsed: null, notices: [] });
    const turn = await runTurn(client, { ...base, output_config: { format: plain } });
    expect(turn).toMatchObject({ parsed: null, notices: [] });
    expect(bodies().map((body) => body['output_config'])).toEqual([undefined, { format: plain }]);
  });

  it('may read what is no JSON; the rest of the turn still is', async () => {
    const day: OutputFormat<Date> = { ...format, parse: (text) => new Date(JSON.parse(text).day) };
    const { client } = start(say('{"day":"2026-08-01"}'));
    const turn = await runTurn(client, { ...base, output_config: { format: day } });
    expect(turn.parsed?.getTime()).toBe(Date.UTC(2026, 7, 1));
    const { parsed: _, ...rest } = turn;
    expect(JSON.parse(JSON.stringify(rest))).toEqual(rest);
  });

  it.each([
    [
      'a zod schema',
      { format: Total },
      /output_config\.format must be a format, and no schema, got a ZodObject\. Make it with zodOutputFormat/,
    ],
    ['a function schema', { format: asFunction(isNumber) }, /and no schema, got a function/],
    ['a word', { format: 'json' }, /format, and no schema, got "json"/],
    ['a list', { format: [] }, /output_config\.format must be a format/],
    ['no object', 'json', /output_config must be an object, got "json"/],
  ])('refuses %s in its place, before any request', async (_what, config, message) => {
    const { client, bodies } = start();
    const error = await thrownBy(
      runTurn(client, { ...base, output_config: config } as unknown as TurnParams),
    );
    expect(isInvalidInputError(error)).toBe(true);
    expect(error.message).toMatch(message);
    expect(bodies()).toEqual([]);
  });
});

describe('a format and resumeTurn', () => {
  const paused = async () => {
    const { client, bodies } = start(python('1'), pause(), say('{"total":2}'));
    const kept: Checkpoint[] = [];
    const onCheckpoint = (checkpoint: Checkpoint) => void kept.push(checkpoint);
    const error = await thrownBy(runTurn(client, params, { maxPauses: 0, onCheckpoint }));
    expect(isTurnLimitError(error)).toBe(true);
    expect(error.turn.parsed).toBeNull();
    return { client, bodies, checkpoint: error.checkpoint as Checkpoint };
  };

  it('keeps no function in the checkpoint, and reads the answer in the other process', async () => {
    const { client, bodies, checkpoint } = await paused();
    const stored = JSON.parse(JSON.stringify(checkpoint)) as Checkpoint;
    expect(stored).toEqual(checkpoint);
    expect(checkpoint.params.output_config).toStrictEqual({
      format: { type: 'json_schema', schema: format.schema },
    });

    const turn = await resumeTurn(client, stored, { format }).turn();
    expect(turn).toMatchObject({ outcome: 'completed', parsed: { total: 2 }, notices: [] });
    expect(bodies()[1]?.['output_config']).toEqual(bodies()[0]?.['output_config']);
  });

  it('gives each checkpoint as JSON', async () => {
    const { client } = start(python('1'), pause(), say('{"total":2}'));
    const kept: Checkpoint[] = [];
    await runTurn(client, params, { onCheckpoint: (checkpoint) => void kept.push(checkpoint) });
    expect(kept).toHaveLength(1);
    expect(structuredClone(kept)).toEqual(kept);
  });

  it('reads nothing without the format', async () => {
    const { client, checkpoint } = await paused();
    const turn = await resumeTurn(client, checkpoint).turn();
    expect(turn).toMatchObject({ outcome: 'completed', answer: '{"total":2}', parsed: null, notices: [] });
  });

  it('refuses a format of which Claude was not told, and what is none', async () => {
    const { client, bodies, checkpoint } = await paused();
    const { output_config: _, ...rest } = checkpoint.params;
    const error = await thrownBy(resumeTurn(client, { ...checkpoint, params: rest }, { format }).turn());
    expect(error.message).toMatch(/begun without output_config\.format/);
    const other = await thrownBy(resumeTurn(client, checkpoint, { format: Total as never }).turn());
    expect(other.message).toMatch(/options\.format must be a format, and no schema, got a ZodObject/);
    expect(bodies()).toHaveLength(1);
  });

  it('reads the answer after the result of a tool that was resumed', async () => {
    const run = () => '7';
    const tool = betaZodTool({ name: 'ask', description: 'Asks.', inputSchema: z.object({}), run });
    const { client } = start(say('I ask.'), callTool('ask'), say('{"total":7}'));
    const { run: _, parse: __, ...definition } = tool;
    const waiting = await runTurn(client, { ...params, tools: [definition] as never });
    expect(waiting).toMatchObject({ outcome: 'awaiting-tools', parsed: null, notices: [] });
    const turn = await resumeTurn(client, waiting.checkpoint as Checkpoint, { format, tools: [tool] }).turn();
    expect(turn.answer).toBe('I ask.\n\n{"total":7}');
    expect(turn.parsed).toEqual({ total: 7 });
  });
});

describe('parseStdout', () => {
  /** The execution of a command that prints this. */
  async function printing(stdout: string): Promise<Execution> {
    const { client } = start(bash(stdout || SILENT));
    return (await runTurn(client, base)).executions[0] as Execution;
  }

  const Rows = z.array(z.object({ month: z.string(), total: z.number() }));
  const rows = [{ month: 'May', total: 1 }];
  const json = JSON.stringify(rows);
  const indented = JSON.stringify(rows, null, 2);

  it.each([
    ['all of it', json],
    ['all of it, over several lines', `${indented}\n\n`],
    ['its last line', `Reading…\n{"rows": 3}\n[1]\n${json}\n`],
    ['the indented block at its end', `Reading…\n[\n  1\n]\n${indented}\n`],
    ['an indented block with another indent', `Reading…\n${JSON.stringify(rows, null, '\t')}`],
  ])('reads the JSON that is %s', async (_what, stdout) => {
    expect(await parseStdout(await printing(stdout), Rows)).toEqual(rows);
  });

  it.each([
    [
      'zod with a transform',
      'log\n{"total":7}',
      Total.transform(({ total }) => new Date(total)),
      new Date(7),
    ],
    ['a function without types', 'log\n7', asFunction(isNumber), 7],
    ['a schema that checks asynchronously', '{"id":"a"}', later, { id: 'a' }],
    ['a schema that takes null', 'null', z.null(), null],
  ])('takes %s', async (_what, stdout, schema: StandardSchema, value) => {
    expect(await parseStdout(await printing(stdout), schema)).toEqual(value);
  });

  const Deep = z.object({ rows: Rows });
  const many = JSON.stringify(Array(7).fill('x'));

  it.each([
    ['not_json', 'no JSON', "{'a': 1}\n", Rows, /ends with "\{'a': 1\}", which is no JSON.*json\.dumps/],
    ['not_json', 'JSON in the middle', `${json}\nDone.`, Rows, /ends with "Done\."/],
    ['not_json', 'an open end', 'log\n}', Rows, /ends with "}"/],
    ['no_stdout', 'nothing', '', Rows, /printed nothing/],
    ['no_stdout', 'empty lines', ' \n', Rows, /printed nothing/],
    ['schema_mismatch', 'another value', '{"rows":[{"month":"May"}]}', Deep, /asks for: rows\.0\.total: /],
    [
      'schema_mismatch',
      'a value of another kind',
      '"7"',
      asFunction(isNumber),
      /asks for: must be a number\./,
    ],
    ['schema_mismatch', 'what is refused later', '{"id":"b"}', later, /asks for: id: unknown id/],
    ['schema_mismatch', 'many faults', many, z.array(z.number()), /4: .*; and 2 more\.$/],
  ])('throws %s for %s, with the stdout', async (code, _what, stdout, schema: StandardSchema, message) => {
    const execution = await printing(stdout);
    const error = await thrownBy(parseStdout(execution, schema));
    expect(isStdoutError(error)).toBe(true);
    expect(error).toMatchObject({ code, executionId: execution.id, stdout, retryable: false });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(execution.id);
    expect(error.issues.length > 0).toBe(code === 'schema_mismatch');
  });

  const RED = '\u001b[1;31m';
  const PLAIN = '\u001b[0m';
  it.each([
    ['colours', `${RED}Reading…${PLAIN}\n${RED}${json}${PLAIN}`],
    ['colours in an indented block', `log\n${RED}[${PLAIN}\n${indented.slice(2, -1)}${RED}]${PLAIN}\n`],
    [
      'a title and a cursor',
      `\u001b]0;title\u0007\u001b]8;;http://x\u001b\\\u001b[?25l${json}\u001b[K\u001b[?25h`,
    ],
    ['a BOM', `\ufeff${json}`],
    ['a BOM after a log', `log\r\n\ufeff${json}\r\n`],
    ['the line ends of Windows', `log\r\n${indented.replaceAll('\n', '\r\n')}\r\n`],
    ['line ends of old', indented.replaceAll('\n', '\r')],
    ['a line of progress', `\r 10%\r 55%\r100%\r${json}`],
    ['progress with colours on more lines', `a 1%\ra 2%\r\n${RED}b 1%\r${PLAIN}${json}\r\r\n`],
  ])('reads JSON with %s, as a terminal shows it', async (_what, stdout) => {
    expect(await parseStdout({ ...(await printing('x')), stdout }, Rows)).toEqual(rows);
  });

  const Anything = z.unknown();
  it.each([
    ['9007199254740993', '9007199254740993'],
    ['{"id": -9007199254740993}', '-9007199254740993'],
    ['log\n{"a": "\\\\", "b": [1, 12345678901234567890]}', '12345678901234567890'],
    ['{"a": "x\\"9007199254740993", "b": 1e999}', '1e999'],
    [`[${'9'.repeat(400)}]`, `${'9'.repeat(40)}…`],
  ])('names a number that JavaScript cannot hold: %s', async (stdout, number) => {
    const error = await thrownBy(parseStdout(await printing(stdout), Anything));
    expect(error).toMatchObject({ name: 'StdoutError', code: 'inexact_number', issues: [] });
    expect(error.message).toContain(`the number ${number}, which`);
    expect(error.message).toContain('str(value)');
  });

  it.each([
    '9007199254740991',
    '100000000000000000000',
    '{"id": "9007199254740993", "t": "\\"9007199254740993"}',
    '0.1234567890123456789',
    '1e300',
  ])('holds %s', async (stdout) => {
    expect(await parseStdout(await printing(stdout), Anything)).toEqual(JSON.parse(stdout));
  });

  it.each([
    ['{"mean": NaN, "note": "Infinity"}', 'NaN'],
    ['log\n[-Infinity]', '-Infinity'],
    ['{\n  "a": 1,\n  "b": Infinity\n}', 'Infinity'],
    ['log\n{\n  "b": NaN\n}', 'NaN'],
  ])('names what Python writes for no number: %s', async (stdout, word) => {
    const error = await thrownBy(parseStdout(await printing(stdout), Anything));
    expect(error.code).toBe('not_json');
    expect(error.message).toContain(`has ${word}, which Python's json.dumps writes`);
    expect(error.message).toContain('allow_nan=False');
  });

  it.each(['NaN is no {', '{"a": "NaN"', '{"a": Nan}'])('does not take %s for such', async (stdout) => {
    const error = await thrownBy(parseStdout(await printing(stdout), Anything));
    expect(error.message).toMatch(/which is no JSON/);
  });

  it('has the issues with their paths as keys', async () => {
    const wrong = await printing('{"rows":[{"month":"May","total":"1"}]}');
    expect((await thrownBy(parseStdout(wrong, Deep))).issues).toEqual([
      { path: ['rows', 0, 'total'], message: expect.stringMatching(/number/) },
    ]);
    const unknown = await printing('{"id":"b"}');
    expect((await thrownBy(parseStdout(unknown, later))).issues).toEqual([
      { path: ['id'], message: 'unknown id' },
    ]);
  });

  it.each([
    [
      'a program that failed',
      { return_code: 1, stdout: '7', stderr: 'Traceback\nValueError: x\n' },
      /return code 1 \("ValueError: x"\)/,
    ],
    [
      'a program that failed without a word',
      { return_code: 2, stdout: '7', stderr: '' },
      /return code 2, so/,
    ],
  ])('reads nothing of %s, though it printed JSON', async (_what, output, message) => {
    const content = { type: 'bash_code_execution_result', content: [], ...output };
    const error = await thrownBy(parseStdout(executionWith('bash_code_execution', content), z.number()));
    expect(error).toMatchObject({ code: 'not_succeeded', executionId: 'srvtoolu_1', stdout: '7' });
    expect(error.message).toMatch(message);
  });

  it('reads nothing of a tool that failed, nor of a call without a result', async () => {
    const { client } = start(fails(bash('7'), 'execution_time_exceeded'));
    const [failed] = (await runTurn(client, base)).executions;
    const error = await thrownBy(parseStdout(failed as Execution, z.number()));
    expect(error).toMatchObject({ code: 'not_succeeded', stdout: null });
    expect(error.message).toMatch(/the tool failed with execution_time_exceeded/);
    const pending = await thrownBy(parseStdout(executionWith('bash_code_execution'), z.number()));
    expect(pending).toMatchObject({ code: 'not_succeeded' });
    expect(pending.message).toMatch(/it is pending and has no result/);
  });

  it('says that a stdout is encrypted', async () => {
    const content = {
      type: 'encrypted_code_execution_result',
      content: [],
      return_code: 0,
      stderr: '',
      encrypted_stdout: 'x',
    };
    const error = await thrownBy(parseStdout(executionWith('code_execution', content), z.number()));
    expect(error).toMatchObject({ code: 'encrypted_stdout', stdout: null });
    expect(error.message).toMatch(/srvtoolu_1: its stdout is encrypted.*output_config\.format/);
  });
});

/** A call of this tool, with its result if there is one. */
function executionWith(name: string, content?: object): Execution {
  const call = { type: 'server_tool_use', id: 'srvtoolu_1', name, input: { command: 'x', code: 'x' } };
  const result = { type: `${name}_tool_result`, tool_use_id: 'srvtoolu_1', content };
  return executionsOf({ content: content ? [call, result] : [call] } as never)[0] as Execution;
}
