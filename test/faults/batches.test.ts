import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { COUNT, kindOf, MAX_BATCH_BYTES } from './processes/batch-items.ts';
import type { BatchJob, BatchStop } from './processes/batch-program.ts';
import { bundle } from './processes/bundle.ts';

/** Each step of a run, in the first round, in a later one, and once more in the process after that. */
const STOPS: readonly BatchStop[] = [
  { at: 'saving', nth: 1 },
  { at: 'before-post', nth: 1 },
  { at: 'posted', nth: 1 },
  { at: 'saving', nth: 2 },
  { at: 'saved', nth: 2 },
  { at: 'posted', nth: 2 },
  { at: 'wait', nth: 4 },
  { at: 'read', nth: 1 },
  { at: 'item', nth: 200 },
  { at: 'handler', nth: 3 },
  { at: 'before-post', nth: 1 },
  { at: 'posted', nth: 1 },
  { at: 'saved', nth: 2 },
  { at: 'read', nth: 6 },
  { at: 'posted', nth: 1 },
  { at: 'item', nth: 1700 },
];

/** A process that answers with a line, and stays. */
async function served(program: string) {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const url of createInterface({ input: child.stdout })) return { child, url };
  throw new Error('the emulator did not start');
}

/** Runs the program; what it printed last, or `killed`. */
async function run(program: string, job: BatchJob): Promise<string> {
  // The peak is to be what is held: V8 would let young garbage grow to 48 MB first.
  const flags = ['--max-semi-space-size=1', '--expose-gc'];
  const child = spawn(process.execPath, [...flags, program, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) last = line;
  const [code, signal] = await exit;
  if (signal !== 'SIGKILL') expect(code).toBe(0);
  return signal === 'SIGKILL' ? 'killed' : last;
}

it('a run of 2,000 items that is killed in each of its steps ends complete, and nothing is billed twice', async () => {
  await using server = await bundle('batch-server-program.ts');
  await using built = await bundle('batch-program.ts');
  const { child, url } = await served(server.program);
  try {
    const folder = `${built.folder}/run`;
    await mkdir(folder);
    let kills = 0;
    for (const stop of STOPS) if ((await run(built.program, { url, folder, stop })) === 'killed') kills++;
    expect(kills).toBe(STOPS.length);
    const { overIdle } = JSON.parse(await run(built.program, { url, folder }));

    const report = await (await fetch(`${url}/report`)).json();
    // Plain items and those that failed once: one answer. One more for each pause, and for each call.
    expect(report).toEqual({ billed: 1800 + 100 + 200 + 300 + 100, repeated: [] });

    const lines = (await readFile(`${folder}/items`, 'utf8')).trim().split('\n');
    const found = new Map(lines.map((line) => [line.split(' ')[0] ?? '', line]));
    expect(found.size).toBe(COUNT);
    for (const [customId, line] of found) {
      const isRefused = kindOf(customId).kind === 'refused';
      if (isRefused) expect(line).toBe(`${customId} errored ""`);
      else expect(line).toMatch(new RegExp(`^${customId} ended ".*done ${customId}"$`));
    }
    const answers = (await readFile(`${folder}/answers`, 'utf8')).trim().split('\n');
    expect(new Set(answers)).toEqual(new Set(['adopt', 'resend']));
    // Of this, Node's fetch alone holds three copies of a body while it is sent.
    expect(overIdle).toBeLessThan(8 * MAX_BATCH_BYTES);
  } finally {
    child.kill('SIGKILL');
  }
}, 240_000);
