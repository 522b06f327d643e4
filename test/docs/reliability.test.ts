import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { counts, END, faultTable, START } from '../faults/table.ts';

const page = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));

it('docs/reliability.md shows the fault table, whose rows npm run test:faults measures', async () => {
  const text = await readFile(page, 'utf8');
  expect(text.split(START)[1]?.split(END)[0]?.trim()).toBe(faultTable());
  const { rows, times } = counts();
  expect(rows).toBeGreaterThanOrEqual(40);
  expect(text).toContain(`${rows} faults, done ${times.toLocaleString('en')} times`);
});
