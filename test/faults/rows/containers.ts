import { containerUpload, userMessage } from 'code-execution-kit';
import { bash, cutAfter, type Emulator, httpError, pause, python, say } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { response, sseOf } from '../../support/sse.ts';
import { heldBy } from '../kept.ts';
import type { Row, ThrownResult, World } from '../row.ts';
import type { Fetch } from '../tap.ts';
import { double, PAUSED, paused, sandbox } from '../worlds.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
const LATER = new Date('2026-11-22T11:00:01Z');

const unknown = 'container_01nobody';
const skills = [{ type: 'anthropic' as const, skill_id: 'pptx', version: 'latest' }];

/** A container whose hour is over by the clocks of both sides. */
function expired(more: World & { readonly uploads?: boolean; readonly idOnly?: boolean } = {}): World {
  let time = NOW;
  const now = () => time;
  const { uploads, idOnly, ...world } = more;
  return {
    script: [bash('before'), pause(), bash('first'), say('Done.')],
    sandbox,
    now,
    ...world,
    options: { now, ...world.options },
    async before({ client, params }) {
      const file = await client.files.upload({ file: new File(['x'], 'a.csv') });
      const { container } = await client.messages.create({
        ...(params as never as { model: string; max_tokens: number }),
        messages: [{ role: 'user', content: 'Before.' }],
        tools: [{ type: 'code_execution_20260120', name: 'code_execution' }],
      });
      time = LATER;
      const { id, expires_at: expiresAt } = container as { id: string; expires_at: string };
      return {
        container: idOnly ? id : { id, expiresAt, skills: [] },
        messages: [userMessage('Go.', uploads ? { files: [file] } : {})],
      };
    },
  };
}

/** Loses all containers before the n-th request. */
function losing(which: number, more: World): World {
  let emulator: Emulator;
  return {
    ...more,
    before: async (scene) => {
      emulator = scene.emulator;
      return {};
    },
    between: (fetch: Fetch) => {
      let count = 0;
      return async (...request) => {
        if (count++ === which) emulator.loseContainers();
        return fetch(...request);
      };
    },
  };
}

/** Takes the container out of every event, as reported of a stream that stops at a tool call. */
const withoutContainer =
  (fetch: Fetch): Fetch =>
  async (...request) => {
    const { body, status, headers } = await fetch(...request);
    const text = await new Response(body).text();
    return new Response(text.replace(/,"container":\{[^}]*\}/g, ''), { status, headers });
  };

const calling = (more: World = {}): World => ({
  script: [python('…'), say(({ stdout }) => stdout)],
  sandbox,
  tools: [double],
  ...more,
});

const lost = 'ContainerLostError container_lost';

export const containers: readonly Row[] = [
  {
    fault: 'an unknown container (404)',
    posts: 1,
    sdk: 1,
    outcome: lost,
    blocks: 0,
    world: () => paused({ params: { container: unknown } }),
  },
  {
    fault: "an unknown container (404), with `onLostContainer: 'restart'`",
    posts: 3,
    sdk: 1,
    outcome: 'completed',
    blocks: 6,
    world: () => paused({ params: { container: unknown }, options: { onLostContainer: 'restart' } }),
    also: (result) => expect(heldBy(result).state?.notices).toMatchObject([{ code: 'container-lost' }]),
  },
  {
    fault: 'a container past its expiry (400)',
    posts: 1,
    sdk: 1,
    outcome: lost,
    blocks: 0,
    world: () => expired(),
  },
  {
    fault: 'a container past its expiry, with uploads (500)',
    posts: 1,
    sdk: 3,
    outcome: lost,
    blocks: 0,
    world: () => expired({ uploads: true }),
  },
  {
    fault: "a container past its expiry, with uploads (500), with `onLostContainer: 'restart'`",
    posts: 2,
    sdk: 3,
    outcome: 'completed',
    blocks: 3,
    world: () => expired({ uploads: true, options: { onLostContainer: 'restart' } }),
  },
  {
    fault: 'a container past its expiry of which only the id is known, with uploads (500)',
    posts: 1,
    sdk: 3,
    outcome: 'SDK InternalServerError 500',
    blocks: 0,
    world: () => expired({ uploads: true, idOnly: true }),
  },
  {
    fault: 'HTTP 500 to a request with a container that has not expired',
    posts: 2,
    sdk: 4,
    outcome: 'TurnInterruptedError request_failed',
    blocks: 3,
    world: () =>
      paused({
        faults: [cutAfter(1e6), ...Array(3).fill(httpError(500, { headers: { 'retry-after-ms': '1' } }))],
      }),
  },
  {
    fault: 'the container is lost after a pause',
    posts: 2,
    sdk: 2,
    outcome: lost,
    blocks: 3,
    world: () => losing(1, paused({ options: { onLostContainer: 'restart' } })),
  },
  {
    fault: 'the container is lost while code waits for its tools',
    posts: 2,
    sdk: 2,
    outcome: lost,
    blocks: 3,
    world: () => losing(1, calling({ options: { onLostContainer: 'restart' } })),
  },
  {
    fault: '`container: { id }`, which the API refuses, from the caller',
    posts: 1,
    sdk: 1,
    outcome: 'completed',
    blocks: 3,
    world: () => ({
      script: [bash('before'), say('x'), pause(), bash('first'), say('Done.')],
      sandbox,
      async before({ client }) {
        const { container } = await client.messages.create({
          ...{ model: 'claude-opus-5-5', max_tokens: 100 },
          messages: [{ role: 'user', content: 'Before.' }],
          tools: [{ type: 'code_execution_20260120', name: 'code_execution' }],
        });
        return { container: { id: container?.id as string } };
      },
    }),
    also(_, { emulator }) {
      const { body } = emulator.requests.findLast(({ path }) => path === '/v1/messages') ?? {};
      expect(body).toMatchObject({ container: expect.stringMatching(/^container_/) });
    },
  },
  {
    fault: 'HTTP 400 to `{ id, skills }` after a pause',
    posts: 2,
    sdk: 2,
    outcome: 'TurnInterruptedError request_failed',
    blocks: 3,
    world: () =>
      paused({
        params: { container: { skills } },
        faults: [
          cutAfter(1e6),
          httpError(400, { message: 'This model does not support assistant message prefill.' }),
        ],
      }),
    also: (result) => expect((result as ThrownResult).checkpoint?.container).toMatchObject({ skills }),
  },
  {
    fault: 'no container is named while code waits for its tools (400)',
    posts: 2,
    sdk: 2,
    outcome: 'TurnInterruptedError request_failed',
    blocks: 3,
    world: () => calling({ between: withoutContainer }),
    also: (result) => expect(String(result)).toContain('container_id is required'),
  },
  {
    fault: 'the same, and the turn is resumed with the container filled in',
    posts: 4,
    sdk: null,
    outcome: 'completed',
    blocks: 6,
    world: () => calling({ between: withoutContainer }),
    async play(scene) {
      const { checkpoint } = (await scene.run()) as ThrownResult;
      const container = scene.emulator.containers[0]?.id ?? null;
      return scene.resume(checkpoint && { ...checkpoint, container }, { rerun: true });
    },
    also: (result) => expect(heldBy(result).state?.answer).toBe('text 2, text 4, text 6'),
  },
  {
    fault: 'another container answers than was asked for',
    posts: 1,
    sdk: 1,
    outcome: 'completed',
    blocks: 0,
    world: () => {
      const container = { id: 'container_2', expires_at: '2026-11-22T11:00:00Z' };
      const headers = { 'content-type': 'text/event-stream' };
      return {
        answers: [() => new Response(sseOf(response([], { container })), { headers })],
        params: { container: 'container_1' },
      };
    },
    also: (result) => expect(heldBy(result).state?.notices).toMatchObject([{ code: 'container-changed' }]),
  },
  {
    fault: 'an upload without effect',
    posts: 2,
    sdk: 2,
    outcome: 'completed',
    blocks: 6,
    world: () => ({
      script: PAUSED,
      sandbox,
      async before({ client }) {
        const file = await client.files.upload({ file: new File(['x'], 'a.csv') });
        const earlier = { role: 'assistant' as const, content: 'Thanks.' };
        const messages = [
          { role: 'user' as const, content: [containerUpload(file)] },
          earlier,
          userMessage('Go.'),
        ];
        return { messages };
      },
    }),
    also: (result) => expect(heldBy(result).state?.notices).toMatchObject([{ code: 'inert-upload' }]),
  },
  {
    fault: 'an unknown file (404)',
    posts: 1,
    sdk: 1,
    outcome: 'SDK NotFoundError 404',
    blocks: 0,
    world: () =>
      paused({ params: { messages: [{ role: 'user', content: [containerUpload('file_01nobody')] }] } }),
  },
];
