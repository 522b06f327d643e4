import {
  bash,
  callTool,
  cannedSandbox,
  create,
  fails,
  inParallel,
  python,
  refuse,
  replace,
  say,
  stop,
  view,
} from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { heldBy } from '../kept.ts';
import type { Row, Scene, World } from '../row.ts';
import { double, doubling, sandbox } from '../worlds.ts';

const COMMANDS = {
  code: python('1'),
  bash: bash('ls'),
  editor: view('/tmp/a'),
  create: create('/tmp/a', 'x'),
  replace: replace('/tmp/a', 'x', 'y'),
};
const ALL = Object.values(COMMANDS);

/** Error codes of the tools, as wire.md lists them, with the tools that have them. */
const CODES: readonly (readonly [code: string, commands: readonly (typeof ALL)[number][]])[] = [
  ['unavailable', ALL],
  ['too_many_requests', ALL],
  ['execution_time_exceeded', ALL],
  ['invalid_tool_input', ALL],
  ['output_file_too_large', [COMMANDS.bash]],
  ['file_not_found', [COMMANDS.editor, COMMANDS.replace]],
  ['string_not_found', [COMMANDS.replace]],
  ['container_expired', ALL],
  ['code_execution_exceeded', [COMMANDS.code]],
  ['a_code_of_tomorrow', ALL],
];

const codes = CODES.map(
  ([code, commands]): Row => ({
    fault: `the tool fails with \`${code}\``,
    variants: commands.length,
    posts: 1,
    sdk: 1,
    outcome: 'completed',
    blocks: 3,
    world: (variant) => ({ script: [fails(commands[variant] as never, code), say('Sorry.')], sandbox }),
    also(result) {
      expect(heldBy(result).state?.executions).toMatchObject([{ status: 'errored', errorCode: code }]);
    },
  }),
);

/** What a handler may do, and what Claude is told. */
const HANDLERS: readonly (readonly [fault: string, sdk: number | null, run: () => unknown, told: RegExp])[] =
  [
    ['a handler throws', 3, () => Promise.reject(new Error('no such sale')), /error Error: no such sale/],
    ['a handler throws what is no error', 3, () => Promise.reject('why'), /error Error: why/],
    // The SDK's runner waits for ever.
    [
      'a handler is late',
      null,
      () => new Promise(() => {}),
      /error Error: double did not answer within 20 ms/,
    ],
    [
      'a handler gives an image to code',
      2,
      () => [{ type: 'image', source: {} }],
      /error Error: double gave image/,
    ],
    ['a handler gives what JSON cannot hold', 1, () => ({ big: 1n }), /error Error: /],
    ['a handler gives nothing', 3, () => undefined, /text /],
  ];

const handlers = HANDLERS.map(
  ([fault, sdk, run, told]): Row => ({
    fault,
    posts: 3,
    sdk,
    outcome: 'completed',
    blocks: 6,
    world: () => ({
      script: [python('…'), say(({ stdout }) => stdout)],
      sandbox,
      tools: [doubling(run)],
      options: { toolTimeoutMs: 20 },
    }),
    also(result) {
      expect(heldBy(result).state?.answer).toMatch(told);
    },
  }),
);

const changing = {
  ...{
    name: 'double',
    input_schema: { type: 'object' },
    allowed_callers: ['direct', 'code_execution_20260120'],
  },
  run(input: { n: unknown }, { toolUse }: { toolUse: { input: unknown; name: string } }) {
    input.n = 'changed';
    toolUse.name = 'changed';
    return '2';
  },
} as never;

const calls = [inParallel(callTool('double', { n: 1 }), callTool('other')), say('Done.')];
const other = { name: 'other', input_schema: { type: 'object' as const } };
const waiting = (more: World = {}): World => ({
  script: [python('…'), say(({ stdout }) => stdout)],
  sandbox,
  tools: [double],
  ...more,
});

/** Runs until the code waits for its tools, and aborts there. */
const abortedInHandler = async (scene: Scene) => {
  const tool = doubling(() => {
    scene.stream().abort();
    return new Promise(() => {});
  });
  return scene.run({}, { tools: [tool] });
};

export const tools: readonly Row[] = [
  ...codes,
  {
    fault: 'a program fails, with its reason in stderr, in stdout or nowhere',
    variants: 3,
    posts: 1,
    sdk: 1,
    outcome: 'completed',
    blocks: 3,
    world: (variant) => ({
      script: [bash('x'), say('Sorry.')],
      sandbox: cannedSandbox(() => ({
        returnCode: 1,
        ...[{ stderr: 'why' }, { stdout: 'why' }, {}][variant],
      })),
    }),
    also(result) {
      expect(heldBy(result).state?.executions).toMatchObject([{ status: 'failed', returnCode: 1 }]);
    },
  },
  {
    fault: 'one of two calls at once fails',
    posts: 1,
    sdk: 1,
    outcome: 'completed',
    blocks: 5,
    world: () => ({
      script: [inParallel(fails(bash('a'), 'unavailable'), bash('b')), say('Half.')],
      sandbox,
    }),
    also(result) {
      expect(heldBy(result).state?.executions).toMatchObject([
        { status: 'errored' },
        { status: 'succeeded' },
      ]);
    },
  },
  {
    fault: 'Claude refuses in the middle',
    posts: 1,
    sdk: 1,
    outcome: 'refused',
    blocks: 2,
    world: () => ({ script: [bash('a'), refuse()], sandbox }),
  },
  {
    fault: '`max_tokens`, or a full context window',
    variants: 2,
    posts: 1,
    sdk: 1,
    outcome: 'truncated',
    blocks: 2,
    world: (variant) => ({
      script: [bash('a'), stop(['max_tokens', 'model_context_window_exceeded'][variant])],
      sandbox,
    }),
  },
  ...handlers,
  {
    fault: 'Claude calls a tool with input that its schema refuses',
    posts: 2,
    sdk: 2,
    outcome: 'completed',
    blocks: 2,
    world: () => ({ script: [callTool('double', { n: 'one' }), say('Done.')], sandbox, tools: [double] }),
    also(_, { emulator }) {
      const refusal = { content: [{ type: 'tool_result', is_error: true }] };
      expect(emulator.requests.at(-1)?.body).toMatchObject({ messages: [{}, {}, refusal] });
    },
  },
  {
    fault: 'a handler changes the input and the call that it is given',
    posts: 3,
    sdk: 3,
    outcome: 'completed',
    blocks: 6,
    world: () => ({
      script: [python('…'), say(({ stdout }) => stdout)],
      sandbox,
      tools: [changing],
    }),
    also(_, { emulator }) {
      expect(JSON.stringify(emulator.requests.at(-1)?.body)).not.toContain('changed');
    },
  },
  {
    fault: 'one of two tools has no handler',
    posts: 1,
    sdk: null,
    outcome: 'awaiting-tools',
    blocks: 2,
    world: () => {
      const tool = doubling(() => expect.unreachable());
      return { script: calls, sandbox, tools: [tool, other as never] };
    },
  },
  {
    fault: 'one of two tools has no handler, and the turn is resumed with results',
    posts: 2,
    sdk: null,
    outcome: 'completed',
    blocks: 3,
    world: () => ({ script: calls, sandbox, tools: [double, other as never] }),
    async play(scene) {
      const turn = await scene.run();
      const toolResults = (heldBy(turn).state?.toolUses ?? []).map(({ id }) => ({
        ...{ type: 'tool_result' as const, tool_use_id: id, content: 'x' },
      }));
      return scene.resume('checkpoint' in turn ? turn.checkpoint : null, { toolResults, tools: [double] });
    },
  },
  {
    fault: 'a turn is resumed without the handler of its tool',
    posts: 1,
    sdk: null,
    outcome: 'InvalidInputError invalid_input',
    blocks: 3,
    world: () => waiting(),
    async play(scene) {
      const turn = await abortedInHandler(scene);
      return scene.resume('checkpoint' in turn ? turn.checkpoint : null, { rerun: true, tools: [] });
    },
  },
];
