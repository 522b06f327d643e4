import { createSession, resumeTurn, runTurn, skill } from 'code-execution-kit';
import { bash, callTool, cannedSandbox, pause, say, stop, think } from 'code-execution-kit/emulator';
import { expect, it } from 'vitest';
import { params, viaJson, world } from '../support/world.ts';

const { messages: _, ...rest } = params;
const skills = [skill('xlsx'), skill('pdf', { version: 'latest' })];
const defaults = { ...rest, container: { skills } };
const resolved = [
  { skillId: 'xlsx', type: 'anthropic', version: '20251013' },
  { skillId: 'pdf', type: 'anthropic', version: '20251013' },
];
const ask = { name: 'ask', input_schema: { type: 'object' as const }, run: () => 'yes' };
// The emulator refuses thinking whose skills are others.
const world5 = () =>
  world(
    [
      think('Hm.'),
      bash('true'),
      pause(),
      think('So.'),
      callTool('ask'),
      say('One.'),
      stop(),
      think('Ah.'),
      say('Two.'),
    ],
    { sandbox: cannedSandbox(), prefixCheck: 'enforced' },
  );
const listsOf = (bodies: readonly { container?: unknown }[]) =>
  bodies.map(({ container }) => (container as { skills: unknown }).skills);

it('a session sends the same list with each request, over pauses, tools, turns and snapshots', async () => {
  const { client, bodies } = world5();
  const own = { ...defaults, tools: [ask as never] };
  const session = createSession(client, own);
  await session.run('Go.');
  expect(session.container?.skills).toEqual(resolved);
  const snapshot = viaJson(session.toJSON());
  expect(snapshot.container?.skills).toEqual(resolved);
  expect(snapshot.prefix?.skills).toEqual(skills);
  const later = createSession(client, own, { snapshot });
  await later.run('And?');
  expect(later.container?.skills).toEqual(resolved);
  const lists = listsOf(bodies());
  expect(lists).toHaveLength(4);
  for (const list of lists) expect(JSON.stringify(list)).toBe(JSON.stringify(skills));
});

it('a checkpoint holds the list as it was asked for, and the state the versions', async () => {
  const { client, bodies } = world5();
  const asked = { ...params, container: { skills }, tools: [ask as never] };
  const paused = await runTurn(client, asked, { stopWhen: () => true });
  const checkpoint = viaJson(paused.checkpoint) as never as NonNullable<typeof paused.checkpoint>;
  expect(checkpoint.container).toEqual({ id: paused.container?.id, skills });
  expect(checkpoint.state.container?.skills).toEqual(resolved);
  const turn = await resumeTurn(client, checkpoint, { tools: [ask as never] }).turn();
  expect(turn).toMatchObject({ outcome: 'completed', container: { skills: resolved } });
  expect(new Set(listsOf(bodies()).map((list) => JSON.stringify(list)))).toEqual(
    new Set([JSON.stringify(skills)]),
  );
});

it('a fresh container has the skills of the lost one', async () => {
  const { client, bodies, emulator } = world(() => [bash('true'), say('x')], { sandbox: cannedSandbox() });
  const session = createSession(client, defaults, { onLostContainer: 'restart' });
  await session.run('Go.');
  emulator.loseContainers();
  await session.run('Again.');
  expect(bodies().at(-1)?.container).toEqual({ skills });
  expect(session.container?.skills).toEqual(resolved);
});
