import { fileURLToPath } from 'node:url';
import { cannedSandbox, createEmulator, pause, python, type Step, say } from 'code-execution-kit/emulator';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** The real workerd, with the SDK and this package in it, against the emulator's port. */

/** What is used of Miniflare, which is installed by `npm run peers` only. */
interface Workerd {
  dispatchFetch(url: string, init: RequestInit): Promise<Response>;
  dispose(): Promise<void>;
}
const PACKAGE = 'miniflare';

let workerd: Workerd;
beforeAll(async () => {
  const { Miniflare } = await import(PACKAGE);
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('worker-program.ts', import.meta.url))],
    alias: { 'code-execution-kit': fileURLToPath(new URL('../../src/index.ts', import.meta.url)) },
    conditions: ['workerd', 'worker', 'browser'],
    platform: 'browser',
    format: 'esm',
    bundle: true,
    write: false,
    logLevel: 'error',
  });
  const script = outputFiles[0]?.text ?? '';
  workerd = new Miniflare({ modules: true, script, compatibilityDate: '2026-04-01', r2Buckets: ['BUCKET'] });
});
afterAll(() => workerd.dispose());

const files = { 'a.csv': 'a,b\n1,2\n', 'b.txt': 'ä'.repeat(100_000) };
const main = [say('I look.'), python('x'), pause(), say('Done.')];

async function inWorkerd(job: string, script: readonly Step[] = main, body?: string): Promise<unknown> {
  await using emulator = createEmulator({ script, sandbox: cannedSandbox(() => ({ files })) });
  await using server = await emulator.listen();
  const url = `http://worker/${job}?api=${encodeURIComponent(server.url)}`;
  const response = await workerd.dispatchFetch(url, body === undefined ? {} : { method: 'POST', body });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text);
}

it('does the main job, from the body of a request to a bucket', async () => {
  const bytes = Object.values(files).map((text) => new TextEncoder().encode(text).length);
  expect(await inWorkerd('main', main, 'month,revenue\n1,2\n')).toMatchObject({
    outcome: 'completed',
    answer: 'Done.',
    file: { filename: 'sales.csv', size_bytes: 18 },
    lengths: bytes,
    stored: Object.values(files),
    texts: Object.values(files),
  });
});

it('needs the known length that bodies have: the bucket takes no other stream', async () => {
  expect(await inWorkerd('unknownLength')).toMatch(/known length/);
});

it('uploads everything that web APIs give', async () => {
  expect(await inWorkerd('sources')).toEqual({
    ...{ file: 1, blob: 1, response: 1, array: 1, buffer: 1, iterable: 1 },
  });
});

it('goes on with a checkpoint, whose check is loaded when it is needed', async () => {
  expect(await inWorkerd('resume')).toEqual({ outcome: 'completed', answer: 'Done.' });
});
