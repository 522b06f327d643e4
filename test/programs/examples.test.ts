import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What an example prints in an empty folder, and that folder. */
async function run(name: string): Promise<{ readonly lines: string[]; readonly cwd: string }> {
  const cwd = await mkdtemp(join(tmpdir(), 'kit-example-'));
  const env = { ...process.env, ANTHROPIC_API_KEY: '', TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
  const args = [join(root, 'node_modules/tsx/dist/cli.mjs'), join(root, 'examples', name)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, env });
  return { lines: stdout.trim().split('\n'), cwd };
}

it('a session in a file goes on in the same container', async () => {
  const { lines, cwd } = await run('02-session-in-a-file.ts');
  const csv = await readFile(join(root, 'examples/data/sales.csv'), 'utf8');
  const rows = csv.split('\n').slice(0, -1);
  const north = rows.filter((row) => row.includes('North')).length;
  const container = /container_\w+$/.exec(lines[1] ?? '')?.[0];
  expect(lines).toEqual([
    `The file has ${rows.length} lines.`,
    `  revision 2, 3 messages, ${container}`,
    `${north} of them name the North.`,
    `  revision 3, 5 messages, ${container}`,
  ]);
  expect(await readdir(cwd)).toEqual(['session.json']);
  await rm(cwd, { recursive: true });
});

it('a session in a store that lost a race is asked again, after the winner', async () => {
  const { lines, cwd } = await run('03-session-in-a-store.ts');
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/^"(Ready\?|Are you there\?)" lost the race and is asked again\.$/);
  expect(lines.slice(1, 3)).toEqual([
    expect.stringMatching(/^Your question 1 has /),
    expect.stringMatching(/^Your question 2 has /),
  ]);
  expect(lines[3]).toBe('revision 2, 4 messages');
  await rm(cwd, { recursive: true });
});

it('a workbook is made with a skill, and can be read', async () => {
  const { lines, cwd } = await run('04-workbook.ts');
  const path = join(cwd, 'revenue.xlsx');
  const { size } = await stat(path);
  expect(lines).toEqual([
    'The workbook has a row for each month, and their sum.',
    'skill xlsx 20251013',
    expect.stringMatching(new RegExp(`revenue\\.xlsx \\(${size} bytes\\)$`)),
  ]);
  const archive = await readFile(path, 'latin1');
  expect(archive.startsWith('PK')).toBe(true);
  expect(archive).toContain('<t>February</t></is></c><c r="B3"><v>950.5</v></c>');
  expect(archive).toContain('<f>SUM(B2:B3)</f>');
  await rm(cwd, { recursive: true });
});
