import { cutAfter, delay, sliceInto, stallAfter } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { response, sseOf } from '../../support/sse.ts';
import { factsOf, placesOf, rehearse } from '../rehearsal.ts';
import type { Row, ThrownResult, World } from '../row.ts';
import type { Fetch } from '../tap.ts';
import { busy, calm, PAUSED, paused } from '../worlds.ts';

const fine = cutAfter(1_000_000);

type Spoil = 'end' | 'break' | 'error' | 'stall';

/** A world in which one event of one response is the last: after each of them in turn. */
async function cutAt(world: () => World, variant: number, how: Spoil): Promise<World> {
  const places = placesOf(await rehearse(world()));
  const { response, after } = places[variant] as (typeof places)[number];
  const spoiled = how === 'stall' ? stallAfter(after) : cutAfter(after, how);
  return {
    ...world(),
    faults: [...Array(response).fill(fine), spoiled],
    ...(how === 'stall' ? { options: { idleTimeoutMs: 5 } } : {}),
  };
}

/** Each event of the turn was the last once, and no other. */
const everyPlace =
  (world: () => World): NonNullable<Row['also']> =>
  async (_, { tap }, variant) => {
    if (variant === 0)
      expect(placesOf(await rehearse(world()))).toHaveLength(world === busy ? PLACES : CALM_PLACES);
    expect(tap.posts).toBeGreaterThan(0);
  };

const everywhere = (fault: string, how: Spoil, code: string): Row => ({
  fault,
  variants: PLACES,
  posts: [1, 6],
  sdk: how === 'stall' ? null : [1, 6],
  blocks: [0, 19],
  outcome: `TurnInterruptedError ${code}`,
  world: (variant) => cutAt(busy, variant, how),
  also: everyPlace(busy),
});

/** Events that can be the last of the busy turn, and of the calm one. */
const PLACES = 95;
const CALM_PLACES = 85;

/** Every seventh byte of a response, and its end not among them. */
const BYTES = 360;

const headers = { 'content-type': 'text/event-stream', 'request-id': 'req_1' };
const answer = (...texts: readonly (BodyInit | null)[]) =>
  texts.map((text) => () => new Response(text, { headers }));
const call = {
  type: 'server_tool_use',
  id: 'srvtoolu_1',
  name: 'bash_code_execution',
  input: { command: 'ls' },
};
const done = {
  type: 'bash_code_execution_tool_result',
  tool_use_id: 'srvtoolu_1',
  content: {
    type: 'bash_code_execution_result',
    stdout: 'PRECIOUS',
    stderr: '',
    return_code: 0,
    content: [],
  },
};
const whole = sseOf(response([{ type: 'text', text: 'Kept.' }, call, done]));
const begun = whole.slice(0, whole.indexOf('event: message_delta'));
/** In one chunk with what is over the limit. */
const tooMuch = `${begun}: ${'x'.repeat(1000)}\n\n`;
const pausing = sseOf(response([call, done], { stopReason: 'pause_turn' }));

/** A stream that begins and does not end. */
function begunForEver(): Response {
  const start = (controller: ReadableStreamDefaultController) =>
    controller.enqueue(new TextEncoder().encode(begun));
  return new Response(new ReadableStream({ start }), { headers });
}

/** One answer after which nothing comes. */
const spoiled = (
  fault: string,
  text: BodyInit | null,
  outcome: string,
  blocks = 3,
  more: World = {},
): Row => ({
  fault,
  posts: 1,
  sdk: 1,
  outcome,
  blocks,
  world: () => ({ answers: answer(text), ...more }),
});

/** Cuts the body of the first answer after so many bytes. */
const cutBytes =
  (bytes: number) =>
  (fetch: Fetch): Fetch =>
  async (...request) => {
    const { body, status, headers: own } = await fetch(...request);
    const all = new Uint8Array(await new Response(body).arrayBuffer());
    return new Response(all.slice(0, bytes), { status, headers: own });
  };

export const streams: readonly Row[] = [
  everywhere('the stream ends after any event', 'end', 'stream_cut'),
  everywhere('the connection breaks after any event', 'break', 'stream_cut'),
  everywhere('an `error` event after any event', 'error', 'stream_error'),
  everywhere('silence after any event', 'stall', 'idle_timeout'),
  {
    fault: 'the stream ends after any event, and the turn is resumed',
    variants: CALM_PLACES,
    posts: 5,
    sdk: null,
    outcome: 'completed',
    blocks: [16, 24],
    world: (variant) => cutAt(calm, variant, 'end'),
    async play(scene) {
      const { checkpoint } = (await scene.run()) as ThrownResult;
      return scene.resume(checkpoint, { rerun: true });
    },
    async also(result, scene, variant) {
      await everyPlace(calm)(result, scene, variant);
      expect(factsOf(result)).toEqual(factsOf((await rehearse(calm())).turn));
    },
  },
  {
    fault: 'the stream ends in the middle of any line',
    variants: BYTES,
    posts: 1,
    sdk: null,
    outcome: 'TurnInterruptedError stream_cut',
    blocks: [0, 3],
    world: (variant) => paused({ script: PAUSED.slice(0, 2), between: cutBytes(variant * 7) }),
  },
  {
    fault: 'every byte of the stream comes alone',
    posts: 2,
    sdk: 2,
    outcome: 'completed',
    blocks: 6,
    world: () => paused({ faults: [sliceInto(1), sliceInto(1)] }),
  },
  spoiled(
    'no `message_stop`',
    whole.slice(0, whole.indexOf('event: message_stop')),
    'TurnInterruptedError stream_cut',
  ),
  spoiled(
    'an event that is no JSON',
    `${begun}event: message_delta\ndata: {"type":\n\n`,
    'TurnInterruptedError invalid_stream',
  ),
  spoiled(
    'a second `message_start`',
    begun + whole.slice(0, whole.indexOf('event: content_block_start')),
    'TurnInterruptedError invalid_stream',
  ),
  spoiled(
    'an `error` event without a message',
    `${begun}event: error\ndata: {}\n\n`,
    'TurnInterruptedError stream_error',
  ),
  spoiled(
    'an event larger than `maxEventBytes`',
    `${begun}event: ping\ndata: ${'x'.repeat(2000)}\n\n`,
    'TurnInterruptedError too_large',
    3,
    { options: { maxEventBytes: 1000 } },
  ),
  spoiled('a response larger than `maxTurnBytes`', tooMuch, 'TurnInterruptedError too_large', 3, {
    options: { maxTurnBytes: begun.length },
  }),
  {
    ...spoiled(
      'responses that together are larger than `maxTurnBytes`',
      null,
      'TurnInterruptedError too_large',
      5,
    ),
    posts: 2,
    sdk: 2,
    world: () => ({
      answers: answer(pausing, tooMuch),
      options: { maxTurnBytes: pausing.length + begun.length },
    }),
  },
  spoiled('an empty body', '', 'TurnInterruptedError stream_cut', 0),
  spoiled('no body', null, 'TurnInterruptedError stream_cut', 0),
  spoiled('a web page instead of a stream', '<html>Sign in</html>', 'TurnInterruptedError not_a_stream', 0, {
    options: { interruptedRetries: 2 },
  }),
  {
    ...spoiled('an error as text instead of a stream', null, 'TurnInterruptedError not_a_stream', 0),
    world: () => ({
      answers: [() => new Response('{"error":"no healthy upstream"}')],
      options: { interruptedRetries: 2 },
    }),
    also: (result) => expect((result as Error).message).toContain('no healthy upstream'),
  },
  {
    ...spoiled(
      "a gateway's error without an `event:` line",
      `${begun}data: {"error":{"message":"said no","code":401}}\n\ndata: [DONE]\n\n`,
      'TurnInterruptedError stream_error',
      3,
      { options: { interruptedRetries: 2 } },
    ),
    also: (result) => expect((result as Error).message).toContain('said no'),
  },
  {
    ...spoiled('`maxResponseMs` ends a response', null, 'TurnInterruptedError response_timeout'),
    sdk: null,
    world: () => ({ answers: [() => begunForEver()], options: { maxResponseMs: 50, interruptedRetries: 2 } }),
  },
  {
    ...spoiled('no headers within `idleTimeoutMs`', null, 'TurnInterruptedError idle_timeout', 0),
    sdk: null,
    world: () => paused({ faults: [delay(60_000)], options: { idleTimeoutMs: 50 } }),
  },
  spoiled(
    'unknown events and blocks',
    sseOf(response([{ type: 'hologram', depth: 3 }, call, done])).replace(
      'event: message_delta',
      'event: weather\ndata: {"type":"weather"}\n\nevent: message_delta',
    ),
    'completed',
  ),
  spoiled(
    'a stop reason of tomorrow',
    sseOf(response([call, done], { stopReason: 'tomorrow' })),
    'unknown',
    2,
  ),
  {
    fault: 'a message as JSON instead of a stream',
    posts: 1,
    sdk: 1,
    outcome: 'completed',
    blocks: 2,
    world: () => ({
      answers: [
        () =>
          Response.json({
            ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_reason: 'end_turn' },
            ...{ usage: { input_tokens: 1, output_tokens: 2 }, content: [call, done] },
          }),
      ],
    }),
  },
  {
    fault: 'JSON that is no message instead of a stream',
    posts: 1,
    sdk: 1,
    outcome: 'TurnInterruptedError invalid_stream',
    blocks: 0,
    world: () => ({ answers: [() => Response.json({ hello: 'proxy' })] }),
  },
];
