import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { initialTurnState, reduceTurn, type Turn, type TurnEvent } from 'code-execution-kit';
import { createEmulator, type DynamicScript, type Step } from 'code-execution-kit/emulator';
import { expect } from 'vitest';
import { listen } from '../../../src/emulator/api/server.ts';
import { timeless } from '../../support/world.ts';
import { assertNothingLost } from '../kept.ts';
import { factsOf } from '../rehearsal.ts';
import type { Measured } from '../row.ts';
import { outcomeOf } from '../scene.ts';
import { Tap } from '../tap.ts';
import { sandbox, TIME } from '../worlds.ts';
import { bundle } from './bundle.ts';

/** What a process is to do. */
export interface Job {
  readonly url: string;
  readonly folder: string;
  /**
   * Where it waits to be killed: at its next checkpoint, in
   * its next handler, or at the first result of this response.
   */
  readonly stop?:
    | { readonly at: 'checkpoint' }
    | { readonly at: 'handler' }
    | { readonly at: 'result'; readonly response: number }
    | undefined;
}

/** A turn over as many processes as it took. */
interface Run {
  readonly turn: Turn;
  readonly tap: Tap;
  readonly kills: number;
  /** What the tool was called with, over all processes. */
  readonly calls: readonly string[];
  /** What the events of all processes fold to that were written down before the last one. */
  readonly seen: readonly TurnEvent[][];
}

/**
 * Runs a turn whose n-th process is killed with SIGKILL where `stops` says; one for which it says nothing
 * runs to its end. All processes ask one emulator, and know nothing of each other but the checkpoint.
 */
async function run(
  script: readonly Step[] | DynamicScript,
  { program, folder }: { readonly program: string; readonly folder: string },
  stops: (process: number) => Job['stop'],
): Promise<Run> {
  await mkdir(folder);
  const tap = new Tap();
  const emulator = createEmulator({ script, sandbox, now: () => TIME });
  await using server = await listen((request) => tap.wrap(emulator.fetch)(request), {});
  const seen: TurnEvent[][] = [];
  const linesOf = (name: string) =>
    existsSync(`${folder}/${name}`) ? readFileSync(`${folder}/${name}`, 'utf8').trim().split('\n') : [];
  for (let count = 0; ; count++) {
    const stop = stops(count);
    const before = linesOf('events').length;
    const killed = await start(program, { url: server.url, folder, stop });
    if (!killed) {
      emulator.assertDone();
      const turn = JSON.parse(readFileSync(`${folder}/turn`, 'utf8'));
      return { turn, tap, kills: count, calls: linesOf('calls'), seen };
    }
    seen.push(
      linesOf('events')
        .slice(before)
        .map((line) => JSON.parse(line)),
    );
  }
}

/** Starts a process, and kills it where it waits; `false` when it came to its end. */
async function start(program: string, job: Job): Promise<boolean> {
  const child = spawn(process.execPath, [program, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  try {
    for await (const line of createInterface({ input: child.stdout }))
      if (line === 'here') child.kill('SIGKILL');
    const [code, signal] = await exit;
    if (signal !== 'SIGKILL') expect(code).toBe(0);
    return signal === 'SIGKILL';
  } finally {
    child.kill('SIGKILL');
  }
}

/** A row of the table: a turn that is killed, beside one that is not. */
export async function killed(
  script: readonly Step[] | DynamicScript,
  stops: (process: number) => Job['stop'],
  check: { readonly kills: number; readonly calls: number; readonly repeats: boolean },
): Promise<Measured> {
  await using built = await bundle('killed-program.ts');
  const { program, folder } = built;
  const undisturbed = await run(script, { program, folder: `${folder}/undisturbed` }, () => undefined);
  const disturbed = await run(script, { program, folder: `${folder}/killed` }, stops);
  const { turn, tap, kills, calls, seen } = disturbed;
  expect(kills).toBe(check.kills);
  expect(calls).toHaveLength(check.calls);
  // Where nothing is asked for again, even ids are the same.
  // Each process that goes on says so by one event more.
  const plain = ({ seq: _, ...rest }: Turn) => timeless(rest);
  if (!check.repeats) expect(plain(turn)).toEqual(plain(undisturbed.turn));
  expect(factsOf(turn)).toEqual(factsOf(undisturbed.turn));
  expect(turn.usage).toEqual(undisturbed.turn.usage);
  const whole = tap.exchanges.filter(({ messageId }) => turn.responses.some(({ id }) => id === messageId));
  assertNothingLost(turn, whole);
  if (!check.repeats) expect(whole).toHaveLength(tap.posts);
  // What a process got before it was killed is what it told of before.
  for (const events of seen) assertTold(events);
  return {
    posts: tap.posts,
    sdk: null,
    outcome: outcomeOf(turn),
    blocks: whole.flatMap(({ blocks }) => blocks).length,
  };
}

function assertTold(events: readonly TurnEvent[]): void {
  const state = events.reduce(reduceTurn, initialTurnState());
  const ended = events.flatMap((event) => (event.type === 'execution-end' ? [event.execution.id] : []));
  const known = state.executions.filter(({ status }) => /succeeded|failed|errored/.test(status));
  expect(known.map(({ id }) => id)).toEqual(expect.arrayContaining(ended));
}
