import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { assertRow, measure } from './measure.ts';
import { server } from './msw.ts';
import { GROUPS } from './rows/index.ts';
import { counts, END, faultTable, START } from './table.ts';

const page = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));

beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterAll(async () => {
  server.close();
  console.log(faultTable());
  if (process.env['UPDATE_FAULTS'] === '1') await update();
});

/** Writes what the rows say into the page; whether they are right is told by the tests. */
async function update(): Promise<void> {
  const text = await readFile(page, 'utf8');
  const [before = '', rest = ''] = text.split(START);
  const { rows, times } = counts();
  const head = before.replace(
    /\d+ faults, done [\d,]+ times/,
    `${rows} faults, done ${times.toLocaleString('en')} times`,
  );
  await writeFile(page, `${head}${START}\n\n${faultTable()}\n\n${END}${rest.split(END)[1] ?? ''}`);
}

for (const { title, rows } of GROUPS) {
  describe.concurrent(title, () => {
    for (const row of rows) it(row.fault, async () => assertRow(row, await measure(row)));
  });
}
