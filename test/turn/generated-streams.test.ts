import { executionsOf, initialTurnState, reduceTurn, streamTurn, withoutRaw } from 'code-execution-kit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boundaryOf, checkpointAt } from '../../src/turn/checkpoint.ts';
import { DEFAULT_LIMITS, NOTHING_SPENT } from '../../src/turn/limits.ts';
import { damageIn, eventSchema } from '../../src/turn/schemas.ts';
import { bodyOf, clientAnswering, sdkMessage, slices } from '../support/sse.ts';
import { foldedBy, foldedFrom, overlaps } from '../support/whole-messages.ts';
import { params, timeless } from '../support/world.ts';

/** A block: how it starts, and the deltas that follow. */
interface GeneratedBlock {
  readonly start: Record<string, unknown>;
  readonly deltas: readonly Record<string, unknown>[];
}

/** A text cut anywhere. */
const cut = (text: string, places: readonly number[]) => {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => text.slice(start, at[index] ?? text.length));
};
const places = fc.array(fc.nat(200), { maxLength: 5 });
const anyText = fc.string({ unit: 'grapheme', maxLength: 30 });

const textBlock = fc
  .record({ text: anyText, places, cited: fc.boolean() })
  .map(({ text, places: at, cited }) => ({
    start: { type: 'text', text: '', ...(cited ? { citations: [] } : {}) },
    deltas: [
      ...(cited ? [{ type: 'citations_delta', citation: { type: 'char_location', cited_text: text } }] : []),
      ...cut(text, at).map((piece) => ({ type: 'text_delta', text: piece })),
    ],
  }));

const thinkingBlock = fc.record({ text: anyText, places }).map(({ text, places: at }) => ({
  start: { type: 'thinking', thinking: '', signature: '' },
  deltas: [
    ...cut(text, at).map((piece) => ({ type: 'thinking_delta', thinking: piece })),
    { type: 'signature_delta', signature: 'sig' },
  ],
}));

const wholeBlock = fc.constantFrom(
  { type: 'redacted_thinking', data: 'abc' },
  { type: 'hologram', depth: 3 },
  { type: 'container_upload', file_id: 'file_1' },
);

const caller = fc.constantFrom(
  undefined,
  { type: 'direct' },
  { type: 'code_execution_20260120', tool_id: 'srvtoolu_0' },
);

/** What a call may ask for, by tool. */
const callOf = fc.oneof(
  fc.record({ name: fc.constant('code_execution'), input: fc.record({ code: anyText }) }),
  fc.record({ name: fc.constant('bash_code_execution'), input: fc.record({ command: anyText }) }),
  fc.record({
    name: fc.constant('text_editor_code_execution'),
    input: fc.oneof(
      fc.record({ command: fc.constant('view'), path: anyText }),
      fc.record({ command: fc.constant('create'), path: anyText, file_text: anyText }),
      fc.record({ path: anyText, old_str: anyText, command: fc.constant('str_replace'), new_str: anyText }),
      fc.record({ command: fc.constant('insert'), line: fc.nat() }),
    ),
  }),
  fc.record({ name: fc.constant('web_search'), input: fc.record({ query: anyText }) }),
  fc.record({
    name: fc.constant('future_code_execution'),
    input: fc.dictionary(fc.constantFrom('code', 'x', 'y'), anyText),
  }),
);

const resultOf = (name: string) =>
  fc.constantFrom<Record<string, unknown>>(
    { type: `${name}_result`, stdout: 'out\n', stderr: '', return_code: 0, content: [], abort_reason: null },
    {
      type: `${name}_result`,
      stdout: '',
      stderr: 'bad',
      return_code: 2,
      content: [{ type: `${name}_output`, file_id: 'file_9' }],
    },
    { type: `encrypted_${name}_result`, encrypted_stdout: 'x', stderr: '', return_code: 0, content: [] },
    { type: `${name}_tool_result_error`, error_code: 'unavailable' },
    { type: `${name}_tool_result_error`, error_code: 'of_tomorrow', error_message: 'x' },
    { type: `${name}_of_tomorrow`, shape: [1] },
  );

/** A call, piece by piece or whole, and its result: none, or some blocks later. */
const callBlocks = fc
  .record({
    call: callOf,
    caller,
    places,
    whole: fc.boolean(),
    distance: fc.nat(4),
    answered: fc.integer({ min: 0, max: 9 }),
    indent: fc.constantFrom(0, 1),
  })
  .chain(({ call, ...rest }) => resultOf(call.name).map((content) => ({ ...call, ...rest, content })));

const parts = fc.array(
  fc.oneof(
    textBlock.map((block) => ({ block })),
    thinkingBlock.map((block) => ({ block })),
    wholeBlock.map((start) => ({ block: { start, deltas: [] } })),
    callBlocks.map((call) => ({ call })),
  ),
  { maxLength: 8 },
);

/** The blocks of a turn in order: results come after their calls, others between. */
function blocksOf(
  list: readonly {
    block?: GeneratedBlock;
    call?: typeof callBlocks extends fc.Arbitrary<infer C> ? C : never;
  }[],
) {
  const blocks: GeneratedBlock[] = [];
  const waiting: { due: number; block: GeneratedBlock }[] = [];
  list.forEach(({ block, call }, index) => {
    if (block) blocks.push(block);
    if (call) {
      const id = `srvtoolu_${index}`;
      const head = { type: 'server_tool_use', id, name: call.name };
      const tail = call.caller ? { caller: call.caller } : {};
      const json = JSON.stringify(call.input, null, call.indent);
      const fragments = ['', ...cut(json, call.places)].map((partial_json) => ({
        type: 'input_json_delta',
        partial_json,
      }));
      blocks.push({
        start: { ...head, input: call.whole ? call.input : {}, ...tail },
        deltas: call.whole ? [] : fragments,
      });
      const result = { type: `${call.name}_tool_result`, tool_use_id: id, content: call.content };
      if (call.answered > 0)
        waiting.push({ due: index + call.distance, block: { start: result, deltas: [] } });
    }
    for (const due of waiting.filter((one) => one.due <= index))
      blocks.push(waiting.splice(waiting.indexOf(due), 1)[0]?.block as GeneratedBlock);
  });
  return [...blocks, ...waiting.map(({ block }) => block)];
}

/** The events of a response, with those of neighbouring blocks interleaved as the numbers say. */
function eventsOf(
  blocks: readonly GeneratedBlock[],
  order: readonly number[],
  stopReason: string,
  index: number,
): object[] {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = {
    id: `msg_${index}`,
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    usage,
  };
  const queues = blocks.map(({ start, deltas }, place) => [
    { type: 'content_block_start', index: place, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index: place, delta })),
    { type: 'content_block_stop', index: place },
  ]);
  const events: object[] = [{ type: 'message_start', message }];
  let step = 0;
  let started = 0;
  while (queues.some((queue) => queue.length > 0)) {
    // Up to three blocks are open at once, and they start in order.
    const open = queues.map((_, place) => place).filter((place) => place <= started && queues[place]?.length);
    const place = open[(order[step++ % order.length] ?? 0) % Math.min(open.length, 3)] ?? 0;
    const event = queues[place]?.shift();
    if (event?.type === 'content_block_start') started = Math.max(started, place + 1);
    if (event) events.push(event);
    if ((order[step % order.length] ?? 0) % 7 === 0) events.push({ type: 'ping' });
  }
  const container =
    (order[0] ?? 0) % 2 ? { container: { id: 'container_1', expires_at: '2026-11-22T10:00:00Z' } } : {};
  events.push({
    type: 'message_delta',
    delta: { stop_reason: stopReason, stop_sequence: null, ...container },
    usage: { output_tokens: 9 },
  });
  return [...events, { type: 'message_stop' }];
}

/** Events as bytes, with the padding and the line ends that numbers choose. */
function bytesOf(events: readonly object[], order: readonly number[]): string {
  const end = ['\n', '\r\n', '\r'][(order[1] ?? 0) % 3] as string;
  return events
    .map((event, index) => {
      const padding = ' '.repeat((order[index % order.length] ?? 0) % 5);
      return `event: ${(event as { type: string }).type}${end}data: ${JSON.stringify(event).slice(0, -1)}${padding}}${end}${end}`;
    })
    .join('');
}

const turns = fc.record({
  parts,
  order: fc.array(fc.nat(1000), { minLength: 2, maxLength: 12 }),
  pauses: fc.array(fc.nat(20), { maxLength: 2 }),
  sliced: fc.boolean(),
});

/** How many streams are tried; `npm run test:long` tries more. */
const CASES = Number(process.env['STREAM_CASES'] ?? 300);

it(
  'reads any valid stream as the SDK does, and folds its events to the executions of its messages',
  async () => {
    const counts = { plain: 0 };
    const property = fc.asyncProperty(turns, async ({ parts: list, order, pauses, sliced }) => {
      const blocks = blocksOf(list);
      const at = [...new Set(pauses.map((place) => place % (blocks.length + 1)))].sort((a, b) => a - b);
      const responses = [0, ...at].map((start, index) => {
        const isLast = index === at.length;
        const own = blocks.slice(start, at[index] ?? blocks.length);
        return bytesOf(eventsOf(own, order, isLast ? 'end_turn' : 'pause_turn', index), order);
      });
      const bodies = sliced
        ? responses.map((text) => bodyOf(slices(new TextEncoder().encode(text), 30)))
        : responses;
      const stream = streamTurn(clientAnswering(...bodies), params, { describe: false });
      let state = initialTurnState();
      let bare = initialTurnState();
      for await (const event of stream) {
        state = reduceTurn(state, event);
        bare = reduceTurn(bare, withoutRaw(event));
        expect(damageIn(eventSchema(), event)).toBeUndefined();
      }
      const turn = await stream.turn();

      const messages = await Promise.all(responses.map((text) => sdkMessage(text)));
      expect(turn.responses).toEqual(messages);
      expect(timeless(turn.executions)).toEqual(executionsOf(messages));
      expect(state).toEqual(stream.state);
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      expect(bare).toEqual(withoutRaw(state));
      const standing = {
        params,
        phase: 'ready' as const,
        responses: turn.responses,
        spent: NOTHING_SPENT,
        state,
      };
      const stored = checkpointAt(standing, { limits: DEFAULT_LIMITS, runnableTools: [], mayRerun: false });
      const restored = boundaryOf(JSON.parse(JSON.stringify(stored))).state;
      const { executions, artifacts, exchanges } = state;
      expect(restored).toMatchObject({ executions, artifacts, exchanges });
      // The API's blocks do not overlap. Those that do are reported in the order in which they are written.
      if (responses.some(overlaps)) return;
      counts.plain++;
      expect(restored).toEqual({ ...state, status: 'running', outcome: null, stopReason: null });
      expect(foldedFrom(params, turn)).toEqual(timeless(foldedBy(turn)));
    });
    await fc.assert(property, { numRuns: CASES });
    expect(counts.plain).toBeGreaterThan(CASES / 10);
  },
  60_000 + CASES * 100,
);
