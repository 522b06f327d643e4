import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const demo = (...args: string[]) => [
  join(root, 'node_modules/tsx/dist/cli.mjs'),
  join(root, 'examples/01-quickstart.ts'),
  ...args,
];

/** The table of the demo, made again without Python: revenue of the rows that are orders. */
async function expectedTotals(): Promise<Map<string, number>> {
  const csv = await readFile(join(root, 'examples/data/sales.csv'), 'utf8');
  const totals = new Map<string, number>();
  const seen = new Set<string>();
  for (const line of csv.split('\r\n').slice(1)) {
    const cells = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = '']) =>
      cell.replace(/^"|"$/g, ''),
    );
    const [order = '', date = '', , region = '', , , quantity = '', price = ''] = cells;
    if (
      !order.startsWith('SO-') ||
      seen.has(order) ||
      Number.isNaN(Number(quantity || 'x')) ||
      region.trim() === ''
    )
      continue;
    seen.add(order);
    const [, year = '', month = ''] =
      /^(\d{4})-(\d\d)/.exec(date) ??
      [...(/^(?:(\d\d)\/\d\d|\d\d\.(\d\d))[/.](\d{4})$/.exec(date) ?? [])]
        .reverse()
        .filter(Boolean)
        .toSpliced(0, 0, '');
    const number = price.replace(/[^\d.,]/g, '');
    const amount =
      Number(quantity) * Number(/,\d\d$/.test(number) ? number.replace('.', '').replace(',', '.') : number);
    totals.set(`${year}-${month}`, (totals.get(`${year}-${month}`) ?? 0) + amount);
  }
  return totals;
}

it('does the main job offline and leaves the files', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'kit-demo-'));
  const env = { ...process.env, ANTHROPIC_API_KEY: '', TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
  const { stdout } = await promisify(execFile)(process.execPath, demo(), { cwd, env });

  const summary = await readFile(join(cwd, 'out/summary.csv'), 'utf8');
  const rows = summary
    .trim()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(','));
  const totals = await expectedTotals();
  expect(rows.map(([month]) => month)).toEqual([...totals.keys()].sort());
  for (const [month = '', ...amounts] of rows)
    expect(Number(amounts.at(-1))).toBeCloseTo(totals.get(month) ?? Number.NaN, 1);
  expect(await readFile(join(cwd, 'out/revenue.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);

  // The turn as it happened, in order.
  const order = [
    'I will look at the file',
    '▶ bash',
    'SO-10001',
    '▶ code_execution',
    'import collections',
    '360 rows',
    '⏸',
    'Best month: ',
    'outcome     completed',
    'bash succeeded, python succeeded, python succeeded',
    'out/summary.csv',
  ];
  const places = order.map((text) => stdout.indexOf(text));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
});

it('asks for a key when it is to ask the real API', async () => {
  const env = { ...process.env, ANTHROPIC_API_KEY: '', TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
  const run = promisify(execFile)(process.execPath, demo('--live'), { env });
  await expect(run).rejects.toMatchObject({ stderr: expect.stringContaining('needs ANTHROPIC_API_KEY') });
});
