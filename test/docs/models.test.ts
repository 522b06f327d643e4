import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Retired by 2027-02-01: Sonnet 4.5 ends on 30 Nov 2026, Opus 4.5 on 22 Jan 2027, and all before them. */
const RETIRED = /claude-(?:[0-3][-.]\d|(?:opus|sonnet)-4(?:-[0-5])?(?![-.]?\d\b)|instant)[\w.-]*/g;

it('no default, example, page or test names a model that is retired, but for refusals of the emulator and the catalog', () => {
  const places = ['src', 'examples', 'docs', 'test', 'README.md', 'CHANGELOG.md'];
  // The catalog's tables hold what old turns cost, and which models have ended.
  const exempt = ['test/emulator', 'src/catalog', 'test/catalog'].map((path) => `:!${path}`);
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', ...places, ...exempt], {
    cwd: root,
  });
  const paths = files.toString().trim().split('\n');
  expect(paths.length).toBeGreaterThan(200);
  const retired = (text: string) => text.match(RETIRED) ?? [];
  const isText = (path: string) => /\.(ts|mjs|cjs|md|py|json)$/.test(path) && !path.includes('package-lock');
  const found = paths
    .filter(isText)
    .flatMap((path) => retired(readFileSync(`${root}/${path}`, 'utf8')).map((name) => `${path}: ${name}`));
  expect(found).toEqual([]);
  const made = (name: string) => `claude-${name}`;
  const gone = [
    '3-7-sonnet-latest',
    'opus-4-1',
    'sonnet-4-5-20250929',
    'opus-4-20250514',
    'opus-4-5',
    'sonnet-4',
  ];
  const here = ['opus-4-6', 'sonnet-4-6', 'haiku-4-5-20251001', 'opus-5-5', 'sonnet-5', 'opus-4-8'];
  expect(gone.filter((name) => retired(made(name)).length === 0)).toEqual([]);
  expect(here.filter((name) => retired(made(name)).length > 0)).toEqual([]);
});
