import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `${root}/test/.docs`;
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the test that docs/emulator.md shows passes, in under 30 lines', async () => {
  const page = await readFile(`${root}/docs/emulator.md`, 'utf8');
  const [, program = ''] = /## A test of a pause.*?```ts\n(.*?)```/s.exec(page) ?? [];
  expect(program.trim().split('\n').length).toBeLessThan(30);
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/shown.test.ts`, program);
  const vitest = `${root}/node_modules/vitest/vitest.mjs`;
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, 'run', 'test/.docs'], {
    cwd: root,
  });
  expect(stdout).toMatch(/1 passed/);
});
