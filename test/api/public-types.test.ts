import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { publicTypes } from './public-types.ts';

const report = fileURLToPath(new URL('public-types.txt', import.meta.url));

it('the public types are those of public-types.txt, so that no change of them goes unreviewed', async () => {
  const now = publicTypes();
  // To review a change: UPDATE_TYPES=1 npx vitest run test/api/public-types.test.ts, and read the diff.
  if (process.env['UPDATE_TYPES'] === '1') await writeFile(report, now);
  expect(now).toBe(await readFile(report, 'utf8'));
}, 180_000);
