import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * A program of this folder as one file, so that each of
 * many processes starts at once, in a folder of its own.
 */
export async function bundle(name: string): Promise<AsyncDisposable & { folder: string; program: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'faults-'));
  const program = join(folder, 'program.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['just-bash'],
    logLevel: 'error',
  });
  return {
    folder,
    program,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
