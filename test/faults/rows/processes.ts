import { bash, pause, type Step, say } from 'code-execution-kit/emulator';
import type { ProcessRow } from '../row.ts';
import { BUSY, byHistory } from '../worlds.ts';

const KILLS = 30;

/** Thirty pauses, every third of them with an open command. */
const LONG: readonly Step[] = [
  ...Array.from({ length: KILLS }, (_, index): Step[] =>
    index % 3 === 2
      ? [say(`Step ${index}.`), pause(bash(`step ${index}`))]
      : [bash(`step ${index}`), pause()],
  ).flat(),
  say('Done.'),
];

/** Told by the history: the API may have said all of a response of which only a part arrived. */
const SHORT = byHistory([
  ...[1, 2, 3].map((step): Step[] => [bash(`step ${step}`), say(`Step ${step}.`), pause()]),
  [bash('last'), say('Done.')],
]);

const killed = async (...args: Parameters<typeof import('../processes/killed.ts')['killed']>) =>
  (await import('../processes/killed.ts')).killed(...args);

const resumed = { sdk: null, outcome: 'completed' } as const;

/**
 * Each process is killed with SIGKILL, and a new one goes on
 * with nothing but the checkpoint that was written to disk.
 */
export const processes: readonly ProcessRow[] = [
  {
    fault: 'SIGKILL at each checkpoint of a turn with 30 pauses, a new process each time',
    variants: KILLS,
    posts: 31,
    blocks: 71,
    ...resumed,
    measure: () => killed(LONG, checkpointUntil(KILLS), { kills: KILLS, calls: 0, repeats: false }),
  },
  {
    fault: 'SIGKILL at each checkpoint of a turn with tool rounds, before and after the handlers',
    variants: 8,
    posts: 6,
    blocks: 19,
    ...resumed,
    measure: () => killed(BUSY, checkpointUntil(8), { kills: 8, calls: 4, repeats: false }),
  },
  {
    fault: 'SIGKILL in the middle of each response: what it did is done again',
    variants: 4,
    posts: 8,
    blocks: 12,
    ...resumed,
    measure: () =>
      killed(SHORT, (process) => (process < 4 ? { at: 'result', response: process } : undefined), {
        ...{ kills: 4, calls: 0, repeats: true },
      }),
  },
  {
    fault: 'SIGKILL while a handler runs: it is called again',
    variants: 1,
    posts: 6,
    blocks: 19,
    ...resumed,
    measure: () =>
      killed(BUSY, (process) => (process === 0 ? { at: 'handler' } : undefined), {
        ...{ kills: 1, calls: 5, repeats: false },
      }),
  },
];

function checkpointUntil(kills: number) {
  return (process: number) => (process < kills ? ({ at: 'checkpoint' } as const) : undefined);
}
