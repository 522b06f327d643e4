import { bash, callTool, pause, type Step, say } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { heldBy } from '../kept.ts';
import { factsOf, rehearse } from '../rehearsal.ts';
import type { Result, Row, ThrownResult } from '../row.ts';
import { BUSY, busy, double, paused, sandbox } from '../worlds.ts';

const asUndisturbed = async (result: Result) =>
  expect(factsOf(result)).toEqual(factsOf((await rehearse(busy())).turn));

/** Commands that can be left open at the end of a response. */
const COMMANDS = BUSY.flatMap((step, index) =>
  ['bash', 'python', 'create'].includes(step.word) ? [index] : [],
);

const forever: Step[] = Array.from({ length: 40 }, (_, index) => [bash(`step ${index}`), pause()]).flat();
const rounds: Step[] = Array.from({ length: 30 }, (_, n) => [
  say(`Call ${n}.`),
  callTool('double', { n }),
]).flat();

/** A clock that jumps to the next of these times with each response. */
function clock(...times: readonly string[]) {
  let current = 0;
  const next = () => void current++;
  const now = () => new Date(times[Math.min(current, times.length - 1)] as string);
  return { next, now };
}

const jumping = (times: readonly string[], more: NonNullable<Parameters<typeof paused>[0]> = {}) => {
  const { now, next } = clock(...times);
  return paused({
    now: () => new Date('2026-11-22T10:00:00Z'),
    ...more,
    options: { now, onEvent: ({ type }) => type === 'pause' && next(), ...more.options },
  });
};

export const pauses: readonly Row[] = [
  {
    fault: 'a pause at any position',
    variants: BUSY.length,
    posts: 7,
    sdk: 7,
    outcome: 'completed',
    blocks: 19,
    world: (at) => busy({ script: [...BUSY.slice(0, at), pause(), ...BUSY.slice(at)] }),
    also: asUndisturbed,
  },
  {
    fault: 'a pause while any command is open',
    variants: COMMANDS.length,
    posts: 7,
    sdk: 7,
    outcome: 'completed',
    blocks: 19,
    world(variant) {
      const at = COMMANDS[variant] as number;
      return busy({ script: [...BUSY.slice(0, at), pause(BUSY[at] as never), ...BUSY.slice(at + 1)] });
    },
    also: asUndisturbed,
  },
  {
    fault: 'it pauses 40 times',
    posts: 11,
    sdk: 41,
    outcome: 'TurnLimitError maxPauses',
    blocks: 22,
    world: () => ({ script: [...forever, say('Done.')], sandbox }),
  },
  {
    fault: 'it pauses 40 times, and is resumed at each limit',
    posts: 41,
    sdk: null,
    outcome: 'completed',
    blocks: 81,
    world: () => ({ script: [...forever, say('Done.')], sandbox }),
    async play(scene) {
      let result = await scene.run();
      while (result instanceof Error) result = await scene.resume((result as ThrownResult).checkpoint);
      return result;
    },
    also: (result) => expect(heldBy(result).state?.executions).toHaveLength(40),
  },
  {
    fault: 'it calls tools 30 times',
    posts: 26,
    sdk: 31,
    outcome: 'TurnLimitError maxToolRounds',
    blocks: 52,
    world: () => ({ script: [...rounds, say('Done.')], sandbox, tools: [double] }),
  },
  {
    fault: '`maxOutputTokens` is spent',
    posts: 1,
    sdk: null,
    outcome: 'TurnLimitError maxOutputTokens',
    blocks: 3,
    world: () => paused({ options: { maxOutputTokens: 5 } }),
  },
  {
    fault: '`stopWhen` says so',
    posts: 1,
    sdk: null,
    outcome: 'paused',
    blocks: 3,
    world: () => paused({ options: { stopWhen: () => true } }),
  },
  {
    fault: 'the clock jumps a month ahead',
    posts: 2,
    sdk: null,
    outcome: 'completed',
    blocks: 6,
    world: () => jumping(['2026-11-22T10:00:00Z', '2026-12-22T10:00:00Z']),
  },
  {
    fault: 'the clock jumps an hour ahead, with `maxDurationMs`',
    posts: 1,
    sdk: null,
    outcome: 'TurnLimitError maxDurationMs',
    blocks: 3,
    world: () =>
      jumping(['2026-11-22T10:00:00Z', '2026-11-22T11:00:00Z'], { options: { maxDurationMs: 60_000 } }),
  },
  {
    fault: 'the clock jumps a month back, with `maxDurationMs`',
    posts: 1,
    sdk: null,
    outcome: 'TurnLimitError maxPauses',
    blocks: 3,
    world: () =>
      jumping(['2026-11-22T10:00:00Z', '2026-10-22T10:00:00Z'], {
        options: { maxDurationMs: 60_000, maxPauses: 0 },
      }),
    also: (result) => expect((result as ThrownResult).checkpoint?.spent.durationMs).toBe(0),
  },
  {
    fault: 'the clock of the API jumps an hour ahead: the container is past its expiry',
    posts: 2,
    sdk: null,
    outcome: 'ContainerLostError container_lost',
    blocks: 3,
    world() {
      const { now, next } = clock('2026-11-22T10:00:00Z', '2026-11-22T11:00:01Z');
      return paused({ now, options: { onEvent: ({ type }) => type === 'pause' && next() } });
    },
  },
];
