import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { bundle } from './processes/bundle.ts';

const node = promisify(execFile);

it('1,000 turns at once in one process keep apart, and need less than 256 MiB over idle', async () => {
  await using built = await bundle('thousand-program.ts');
  // By itself V8 lets garbage grow to several times of what lives. Bounded, it shows what is needed.
  for (const flags of [['--max-old-space-size=128'], []]) {
    const { stdout } = await node(process.execPath, [...flags, '--expose-gc', built.program, '1000']);
    const { right, containers, idleMiB, peakMiB, milliseconds } = JSON.parse(stdout);
    const over = peakMiB - idleMiB;
    console.log(
      `1,000 turns at once, ${flags.join() || 'V8 as it is'}: ${over} MiB over ${idleMiB} MiB idle, ${milliseconds} ms`,
    );
    expect({ right, containers }).toEqual({ right: 1000, containers: 1000 });
    if (flags.length > 0) expect(over).toBeLessThan(256);
  }
});
