import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { bundle } from './processes/bundle.ts';

/** With room to spare, the garbage collector leaves lying what nobody needs. */
const HEAP = ['--expose-gc', '--max-old-space-size=128'];
const node = promisify(execFile);

it('1,000 turns at once in one process keep apart, with a heap of 128 MiB and less than 192 MiB over idle', async () => {
  await using built = await bundle('thousand-program.ts');
  const { stdout } = await node(process.execPath, [...HEAP, built.program, '1000']);
  const { right, containers, idleMiB, peakMiB, milliseconds } = JSON.parse(stdout);
  const over = peakMiB - idleMiB;
  console.log(`1,000 turns at once: ${over} MiB over ${idleMiB} MiB idle, ${milliseconds} ms`);
  expect({ right, containers }).toEqual({ right: 1000, containers: 1000 });
  expect(over).toBeLessThan(192);
});
