import type { Checkpoint, TurnOptions } from 'code-execution-kit';
import { httpError } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { heldBy } from '../kept.ts';
import { factsOf, rehearse } from '../rehearsal.ts';
import type { Row, Scene, ThrownResult } from '../row.ts';
import type { Fetch } from '../tap.ts';
import { busy, calm, doubling, paused } from '../worlds.ts';

/** Aborts at one event; nothing may be sent after it. */
async function abortAt(scene: Scene, at: number, how: (scene: Scene) => void, options: TurnOptions = {}) {
  let seen = 0;
  let posts: number | undefined;
  const onEvent = () => {
    if (seen++ !== at) return;
    posts = scene.tap.posts;
    how(scene);
  };
  const result = await scene.run({ ...options, onEvent });
  expect(scene.tap.posts).toBe(posts);
  return result;
}

const asUndisturbed =
  (world = busy): NonNullable<Row['also']> =>
  async (result) =>
    expect(factsOf(result)).toEqual(factsOf((await rehearse(world())).turn));

const countsEvents: NonNullable<Row['also']> = async (_, __, variant) => {
  if (variant === 0) expect((await rehearse(busy())).events).toHaveLength(EVENTS);
};

/** Events of the busy turn, and of the calm one. */
const EVENTS = 73;
const CALM_EVENTS = 62;
/** Its checkpoints. */
const CHECKPOINTS = 8;

/** An answer that never comes, to requests of this path. */
const silentAt =
  (path: string, asked: () => void) =>
  (fetch: Fetch): Fetch =>
  async (input, init) => {
    if (!new URL(input instanceof Request ? input.url : input).pathname.endsWith(path))
      return fetch(input, init);
    setImmediate(asked);
    return new Promise(() => {});
  };

/** A world in which something aborts the turn once it is asked for. */
function abortedBy(make: (abort: () => void) => ReturnType<typeof busy>) {
  const controller = new AbortController();
  const world = make(() => controller.abort());
  return { ...world, options: { ...world.options, signal: controller.signal } };
}

/** Steps of promises between a chunk that is there and one that is read, and some more. */
const MOMENTS = 12;

async function afterMicrotasks(count: number, act: () => void): Promise<void> {
  for (let step = 0; step < count; step++) await undefined;
  act();
}

const aborted = 'TurnInterruptedError aborted';

export const aborts: readonly Row[] = [
  {
    fault: '`abort()` at any event',
    variants: EVENTS,
    posts: [1, 6],
    sdk: null,
    outcome: [aborted, 'completed'],
    blocks: [0, 19],
    world: () => busy(),
    play: (scene, at) => abortAt(scene, at, () => scene.stream().abort()),
    also: countsEvents,
  },
  {
    fault: '`abort()` at any event, and the turn is resumed',
    variants: CALM_EVENTS,
    posts: [4, 5],
    sdk: null,
    outcome: 'completed',
    blocks: [16, 24],
    world: () => calm(),
    async play(scene, at) {
      const result = await abortAt(scene, at, () => scene.stream().abort());
      const { checkpoint } = result as ThrownResult;
      return checkpoint ? scene.resume(checkpoint, { rerun: true }) : result;
    },
    async also(result, scene, variant) {
      if (variant === 0) expect((await rehearse(calm())).events).toHaveLength(CALM_EVENTS);
      await asUndisturbed(calm)(result, scene, variant);
    },
  },
  {
    fault: 'the iteration is left at any event',
    variants: EVENTS,
    posts: [1, 6],
    sdk: null,
    outcome: [aborted, 'completed'],
    blocks: [0, 19],
    world: () => busy(),
    play: (scene, at) => scene.leaveAfter(at),
  },
  {
    fault: '`signal` aborted before the turn',
    posts: 0,
    sdk: null,
    outcome: aborted,
    blocks: 0,
    world: () => busy({ options: { signal: AbortSignal.abort() } }),
  },
  {
    fault: '`signal` aborts while headers are waited for',
    posts: 1,
    sdk: null,
    outcome: aborted,
    blocks: 0,
    world: () => abortedBy((abort) => busy({ between: silentAt('/v1/messages', abort) })),
  },
  {
    fault: '`signal` aborts while a retry is waited for',
    posts: 1,
    sdk: null,
    outcome: aborted,
    blocks: 0,
    world: () =>
      abortedBy((abort) =>
        busy({
          faults: [httpError(429, { headers: { 'retry-after': '30' } })],
          between: (fetch) => async (input, init) => {
            const response = await fetch(input, init);
            // By then the headers are read and the waiting has begun.
            setTimeout(abort, 20);
            return response;
          },
        }),
      ),
  },
  {
    fault: '`signal` aborts in the moment in which a chunk arrives',
    variants: MOMENTS,
    posts: 1,
    sdk: null,
    outcome: aborted,
    blocks: [0, 3],
    world: (moment) =>
      abortedBy((abort) =>
        paused({
          between: (fetch) => async (input, init) => {
            const { body, status, headers } = await fetch(input, init);
            const bytes = new Uint8Array(await new Response(body).arrayBuffer());
            const stream = new ReadableStream<Uint8Array>(
              {
                pull(controller) {
                  controller.enqueue(bytes);
                  afterMicrotasks(moment, abort);
                },
              },
              { highWaterMark: 0 },
            );
            return new Response(stream, { status, headers });
          },
        }),
      ),
  },
  {
    fault: '`signal` aborts while names of artifacts are looked up',
    posts: 6,
    sdk: null,
    outcome: aborted,
    blocks: 19,
    world: () => abortedBy((abort) => busy({ between: silentAt('/v1/files', abort) })),
  },
  {
    fault: '`abort()` while a handler runs, and the turn is resumed',
    posts: 6,
    sdk: null,
    outcome: 'completed',
    blocks: 19,
    world: () => busy(),
    async play(scene) {
      const tool = doubling(() => {
        scene.stream().abort();
        return new Promise(() => {});
      });
      const result = (await scene.run({}, { tools: [tool] })) as ThrownResult;
      expect(result.checkpoint).toMatchObject({ phase: 'awaiting-tools', mayRerun: true });
      return scene.resume(result.checkpoint, { rerun: true });
    },
    also: asUndisturbed(),
  },
  {
    fault: '`abort()` while `onCheckpoint` does not return',
    posts: 1,
    sdk: null,
    outcome: aborted,
    blocks: 3,
    world: () => busy(),
    play: (scene) =>
      scene.run({
        onCheckpoint: () => {
          scene.stream().abort();
          return new Promise(() => {});
        },
      }),
  },
  {
    fault: '`onCheckpoint` throws or rejects at any checkpoint',
    variants: 2 * CHECKPOINTS,
    posts: [1, 5],
    sdk: null,
    outcome: 'TurnInterruptedError checkpoint_failed',
    blocks: [3, 17],
    world: () => busy(),
    play: (scene, at) => scene.run({ onCheckpoint: throwingAt(at) }),
  },
  {
    fault: '`onCheckpoint` throws or rejects at any checkpoint, and the turn is resumed',
    variants: 2 * CHECKPOINTS,
    posts: 6,
    sdk: null,
    outcome: 'completed',
    blocks: 19,
    world: () => busy(),
    async play(scene, at) {
      const { checkpoint } = (await scene.run({ onCheckpoint: throwingAt(at) })) as ThrownResult;
      return scene.resume(checkpoint, { rerun: true });
    },
    also: asUndisturbed(),
  },
  {
    fault: '`onEvent` throws at any event',
    variants: EVENTS,
    posts: 6,
    sdk: null,
    outcome: 'completed',
    blocks: 19,
    world: () => busy(),
    play(scene, at) {
      let seen = 0;
      return scene.run({
        onEvent: () => {
          if (seen++ === at) throw new Error('broke');
        },
      });
    },
    also(result) {
      expect(heldBy(result).state?.notices.map(({ code }) => code)).toContain('listener-failed');
    },
  },
  {
    fault: '`stopWhen` throws',
    posts: 1,
    sdk: null,
    outcome: 'TurnInterruptedError stop_when_failed',
    blocks: 3,
    world: () =>
      paused({
        options: {
          stopWhen: () => {
            throw new Error('broke');
          },
        },
      }),
  },
];

/** Throws at one checkpoint, or lets its promise reject there, in turn. */
function throwingAt(variant: number): (checkpoint: Checkpoint) => void | Promise<void> {
  let seen = 0;
  return () => {
    if (seen++ !== variant >> 1) return;
    if (variant % 2 === 0) throw new Error('no disk');
    return Promise.reject(new Error('no disk'));
  };
}
