import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import {
  type Checkpoint,
  createSession,
  isCodeExecutionError,
  readCheckpoint,
  resumeTurn,
  runTurn,
  type TurnOptions,
} from 'code-execution-kit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clientAnswering, response, sseOf } from '../support/sse.ts';
import { params, viaJson } from '../support/world.ts';

const { messages: _, ...defaults } = params;
const container = {
  id: 'container_1',
  expires_at: '2026-11-22T10:00:00Z',
  skills: [{ skill_id: 's', type: 'custom', version: '1' }],
};
const whole = sseOf(response([{ type: 'text', text: 'Done.' }]));

const delta = (index: number, value: object) => ({ type: 'content_block_delta', index, delta: value });
const block = (index: number, content_block: object, ...deltas: readonly object[]) => [
  { type: 'content_block_start', index, content_block },
  ...deltas.map((one) => delta(index, one)),
  { type: 'content_block_stop', index },
];

/** A response with something of everything, that is not the last one of its turn. */
const everything = (stopReason: string): object[] => [
  {
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-opus-5-5',
      content: [{ type: 'text', text: 'First.' }],
      container,
      input_transformations: [{ type: 'thinking_dropped', path: 'messages.0', reason: 'model' }],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 1, cache_creation: { ephemeral_5m_input_tokens: 3 } },
    },
  },
  ...block(
    1,
    { type: 'thinking', thinking: '', signature: '' },
    { type: 'thinking_delta', thinking: 'Hm.' },
    { type: 'signature_delta', signature: 'sig' },
  ),
  ...block(2, { type: 'text', text: 'So: ', citations: [] }, { type: 'text_delta', text: 'more.' }),
  ...block(
    3,
    {
      type: 'server_tool_use',
      id: 'srvtoolu_1',
      name: 'code_execution',
      input: {},
      caller: { type: 'direct' },
    },
    { type: 'input_json_delta', partial_json: '{"code":' },
    { type: 'input_json_delta', partial_json: '"1"}' },
  ),
  ...block(4, {
    type: 'code_execution_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: {
      type: 'code_execution_result',
      stdout: '1\n',
      stderr: '',
      return_code: 0,
      content: [{ type: 'code_execution_output', file_id: 'file_1' }],
    },
  }),
  ...block(5, { type: 'server_tool_use', id: 'srvtoolu_2', name: 'web_search', input: { query: 'x' } }),
  ...block(6, { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_2', content: [] }),
  ...(stopReason === 'tool_use'
    ? block(
        7,
        { type: 'tool_use', id: 'toolu_1', name: 'save', input: {} },
        { type: 'input_json_delta', partial_json: '{"a":1}' },
      )
    : []),
  {
    type: 'message_delta',
    delta: { stop_reason: stopReason, stop_sequence: null, container },
    input_transformations: [],
    usage: { input_tokens: 10, output_tokens: 5, server_tool_use: { web_search_requests: 1 } },
  },
  { type: 'message_stop' },
];

type Path = readonly (string | number)[];

/** Where anything stands in a value, but for the types of events: another type is another stream. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, held]) => {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    const isFixed = at.length === 1 || (at.length === 2 && key === 'type');
    return [...(isFixed ? [] : [at]), ...placesIn(held, at)];
  });
}

const MISSING = Symbol('missing');

/** The events with other values in these places. */
function mutated(events: readonly object[], changes: readonly (readonly [Path, unknown])[]): object[] {
  const copy = structuredClone(events) as object[];
  for (const [path, value] of changes) {
    let parent: unknown = copy.at(Number(path[0]));
    for (const key of path.slice(1, -1)) parent = (parent as Record<string, unknown> | null)?.[key];
    // Another change took it away.
    if (typeof parent !== 'object' || parent === null) continue;
    const last = path.at(-1) as string;
    if (value === MISSING) Reflect.deleteProperty(parent, last);
    else Reflect.set(parent, last, structuredClone(value));
  }
  return copy;
}

/** A text that JSON.stringify does not write: a number beyond all. */
const HUGE = '__HUGE__';
const hostileSse = (events: readonly object[]) => sseOf(events).replaceAll(`"${HUGE}"`, '1e999');

const nested = (depth: number) => JSON.parse(`${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`);
const hostile = fc.constantFrom<unknown>(
  MISSING,
  null,
  0,
  -1,
  1.5,
  9e15,
  1e308,
  HUGE,
  '',
  '12',
  '-3',
  'x',
  '\ud800',
  true,
  [],
  [null],
  [[]],
  ['x'],
  {},
  { toString: 1 },
  { type: 5 },
  { type: 'x', id: null },
  { id: '' },
  nested(20),
);

const stopReasons = fc.constantFrom('pause_turn', 'tool_use');
const places = { pause_turn: placesIn(everything('pause_turn')), tool_use: placesIn(everything('tool_use')) };
const streams = stopReasons.chain((stopReason) =>
  fc.record({
    stopReason: fc.constant(stopReason),
    changes: fc.array(fc.tuple(fc.constantFrom(...places[stopReason as 'tool_use']), hostile), {
      minLength: 1,
      maxLength: 3,
    }),
    cut: fc.option(fc.nat(places.tool_use.length), { nil: undefined }),
    stops: fc.constantFrom(
      {},
      { maxPauses: 0, maxToolRounds: 0 },
      { stopWhen: () => true },
      { maxOutputTokens: 1 },
    ),
    handled: fc.boolean(),
  }),
);

const save = { name: 'save', input_schema: { type: 'object' as const }, run: () => 'saved' };

type HandingOut = TurnOptions & { readonly handled: boolean };

/** Every checkpoint that a session, its turn and its errors hand out over these bodies. */
async function handedOut(bodies: readonly string[], { handled, ...options }: HandingOut) {
  const checkpoints: Checkpoint[] = [];
  const client = clientAnswering(...bodies);
  const session = createSession(client, { ...defaults, ...(handled ? { tools: [save] } : {}) } as never, {
    describe: false,
    ...options,
    onCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
  });
  const ended = await session.run('Go.').catch((error) => error);
  if (ended instanceof Error) expect(isCodeExecutionError(ended), String(ended)).toBe(true);
  if (ended.checkpoint) checkpoints.push(ended.checkpoint);
  return { checkpoints, session };
}

/** How the turn goes on: with the handler, with results, or with something else to say. */
function goingOn({ phase, responses }: Checkpoint, handled: boolean) {
  const tools = handled ? [save] : [];
  const content: readonly { type: string; id?: unknown }[] = responses.at(-1)?.content ?? [];
  if (phase !== 'awaiting-tools') return { tools, rerun: true };
  const calls = content.filter(({ type }) => type === 'tool_use') as { id: string }[];
  const toolResults = calls.map(({ id }): ToolResultBlockParam => ({ type: 'tool_result', tool_use_id: id }));
  return calls.length === 1 && !handled ? { toolResults } : { tools, interrupt: 'Never mind.' };
}

/** Each is read, and the turn goes on from it to its end, as does the session from its snapshot. */
async function expectTakenBack(bodies: readonly string[], options: HandingOut) {
  const { checkpoints, session } = await handedOut(bodies, options);
  for (const checkpoint of checkpoints) {
    const stored = viaJson(checkpoint);
    expect(await readCheckpoint(stored)).toBe(stored);
    const turn = await resumeTurn(clientAnswering(whole), stored, {
      ...goingOn(stored, options.handled),
      maxPauses: 10,
      maxToolRounds: 10,
      maxOutputTokens: Number.MAX_SAFE_INTEGER,
      describe: false,
    }).turn();
    expect(turn).toMatchObject({ outcome: 'completed', text: expect.stringMatching(/Done\.$/) });
    expect(viaJson(turn.messages)).toEqual(turn.messages);
  }
  const snapshot = viaJson(session.toJSON());
  const { handled } = options;
  const again = createSession(
    clientAnswering(whole),
    { ...defaults, ...(handled ? { tools: [save] } : {}) } as never,
    {
      snapshot,
      describe: false,
    },
  );
  const { unfinished } = snapshot;
  const raised = { maxPauses: 10, maxToolRounds: 10, maxOutputTokens: 1e9 };
  const last = unfinished
    ? again.resume({ ...goingOn(unfinished, handled), ...raised }).turn()
    : again.run('More.');
  expect((await last).outcome).toBe('completed');
  return checkpoints.length;
}

/** How many streams are tried; `npm run test:long` tries more. */
const CASES = Number(process.env['CHECKPOINT_CASES'] ?? 200);

it(
  'takes back every checkpoint that it hands out, whatever the responses held',
  async () => {
    let count = 0;
    const property = fc.asyncProperty(streams, async ({ stopReason, changes, cut, stops, handled }) => {
      const events = mutated(everything(stopReason), changes).slice(0, cut);
      count += await expectTakenBack([hostileSse(events), whole], { handled, ...stops });
    });
    await fc.assert(property, { numRuns: CASES });
    expect(count).toBeGreaterThan(CASES / 2);
  },
  30_000 + CASES * 50,
);

const start: Path = [0, 'message'];
const at = (...path: Path): Path => [...start, ...path];
const result: Path = everything('tool_use').flatMap((event, index) =>
  JSON.stringify(event).includes('code_execution_result') ? [index, 'content_block'] : [],
);
const ending: Path = [-2];

it.each<[string, ...(readonly [Path, unknown])[]]>([
  ['no id', [at('id'), MISSING]],
  ['an id that is null', [at('id'), null]],
  ['an id that is a number', [at('id'), 7]],
  ['an id that has no text', [at('id'), { toString: 1 }]],
  ['no model', [at('model'), MISSING]],
  ['counters as texts', [at('usage', 'input_tokens'), '12'], [[...ending, 'usage', 'output_tokens'], '5']],
  ['negative counters', [at('usage', 'input_tokens'), -1], [[...ending, 'usage', 'input_tokens'], -1]],
  [
    'counters beyond all numbers',
    [at('usage', 'output_tokens'), HUGE],
    [at('usage', 'cache'), { read: HUGE }],
  ],
  ['usage that is null', [at('usage'), null]],
  ['usage that is a list', [at('usage'), [1]]],
  ['a null block in content', [at('content'), [null, { type: 'text', text: 'x' }]]],
  ['content that is null', [at('content'), null]],
  [
    'a container with an empty id',
    [at('container', 'id'), ''],
    [[...ending, 'delta', 'container', 'id'], ''],
  ],
  ['a container that is a text', [at('container'), 'container_1'], [[...ending, 'delta', 'container'], 'c']],
  ['an expiry that is a number', [at('container', 'expires_at'), 5]],
  ['a skill without a text', [at('container', 'skills'), [{ skill_id: { toString: 1 }, version: null }]]],
  ['a stop reason that is a number', [[...ending, 'delta', 'stop_reason'], 5]],
  ['transformations that are no list', [at('input_transformations'), 'x']],
  [
    'transformations that say nothing',
    [at('input_transformations'), [{ type: 'thinking_dropped', path: { toString: 1 } }, null]],
    [[...ending, 'input_transformations'], null],
  ],
  ['an id of a call that is no text', [[18, 'content_block', 'id'], { toString: 1 }]],
  ['an id of a result that is no text', [[...result, 'tool_use_id'], 5]],
  ['file ids that are no texts', [[...result, 'content', 'content', 0, 'file_id'], 5]],
  ['a text that is none', [[5, 'content_block', 'text'], { toString: 1 }]],
  ['a signature that is none', [[3, 'delta', 'signature'], { toString: 1 }]],
  ['an input that is nested', [[14, 'content_block', 'input'], nested(900)]],
])('%s: its checkpoints are taken back', async (_name, ...changes) => {
  let count = 0;
  for (const stopReason of ['pause_turn', 'tool_use']) {
    const bodies = [hostileSse(mutated(everything(stopReason), changes)), whole];
    for (const handled of [true, false]) {
      count += await expectTakenBack(bodies, { handled });
      count += await expectTakenBack(bodies, { handled, maxPauses: 0, maxToolRounds: 0 });
    }
  }
  const ends = changes.some(([path]) => path.at(-1) === 'stop_reason');
  expect(count > 0).toBe(!ends);
});

it('a role that a gateway takes is taken back, too', async () => {
  const messages = [{ role: 'developer', content: 'Be brief.' } as never, ...params.messages];
  const paused = sseOf(everything('pause_turn'));
  const options = { describe: false, stopWhen: () => true };
  const { checkpoint } = await runTurn(clientAnswering(paused), { ...params, messages }, options);
  expect(await readCheckpoint(viaJson(checkpoint))).toEqual(checkpoint);
});
