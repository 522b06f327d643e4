import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { bundle } from './processes/bundle.ts';

const node = promisify(execFile);

it('1,000 turns at once in one process keep apart, and need less than 256 MiB over idle', async () => {
  await using built = await bundle('thousand-program.ts');
  const { stdout } = await node(process.execPath, ['--expose-gc', built.program, '1000']);
  const { right, containers, idleMiB, peakMiB, milliseconds } = JSON.parse(stdout);
  const over = peakMiB - idleMiB;
  console.log(`1,000 turns at once: ${over} MiB over ${idleMiB} MiB idle, ${milliseconds} ms`);
  expect({ right, containers }).toEqual({ right: 1000, containers: 1000 });
  expect(over).toBeLessThan(256);
});
