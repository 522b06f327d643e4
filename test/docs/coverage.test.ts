import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as kit from 'code-execution-kit';
import * as batch from 'code-execution-kit/batch';
import * as catalog from 'code-execution-kit/catalog';
import * as emulator from 'code-execution-kit/emulator';
import * as node from 'code-execution-kit/node';
import * as relay from 'code-execution-kit/relay';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/coverage.md'), 'utf8');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The sections of the tool's documentation page. */
const SECTIONS = [
  'Supported models',
  'Quick start',
  'How it works',
  'Response format',
  'Results',
  'Errors',
  'pause_turn, and interrupting it',
  'File types',
  'Loading files',
  'Retrieving files',
  'Containers',
  'Runtime environment',
  'Resource limits',
  'Networking and security',
  'Pre-installed libraries',
  'Container reuse',
  'Streaming',
  'Batch requests',
  'Usage and pricing',
];

const ENTRIES = {
  'code-execution-kit': kit,
  'code-execution-kit/node': node,
  'code-execution-kit/batch': batch,
  'code-execution-kit/catalog': catalog,
  'code-execution-kit/relay': relay,
  'code-execution-kit/emulator': emulator,
};

interface Row {
  readonly what: string;
  readonly code: string;
  readonly example: string;
  readonly test: string;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const marked = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);

/** The rows of the table under a heading. */
function rowsUnder(heading: string): readonly Row[] {
  const [, rest = ''] = page.split(new RegExp(`^#+ ${escaped(heading)}$`, 'm'));
  const [own = ''] = rest.split(/^#/m);
  const lines = own.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => {
    const [, what = '', code = '', example = '', test = '', ...more] = line
      .split('|')
      .map((cell) => cell.trim());
    expect(more, line).toEqual(['']);
    return { what, code, example, test };
  });
}

const sections = rowsUnder("The tool's page");
const names = Object.keys(ENTRIES).flatMap((entry) => rowsUnder(entry).map((row) => ({ ...row, entry })));

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** The part of a page that an example names, or the whole file. */
function exampleText(cell: string): string {
  const [, link] = /^\[[^\]]+\]\(([^)]+)\)$/.exec(cell) ?? [];
  if (!link) return read(marked(cell)[0] ?? cell);
  const [path = '', anchor] = link.split('#');
  const text = readFileSync(join(root, dirname('docs/coverage.md'), path), 'utf8');
  if (anchor === undefined) return text;
  const parts = text.split(/^(?=#+ )/m);
  const part = parts.find((one) => anchorOf(/^#+ (.*)$/m.exec(one)?.[1] ?? '') === anchor);
  if (part === undefined) expect.unreachable(`${link} leads to no heading`);
  return part;
}

/** Suites that `npm run check` and CI do not run by themselves prove nothing here. */
const NOT_RUN = /^test\/(?:live|peers|bench|mutation)\//;

function testOf(cell: string): { readonly path: string; readonly text: string; readonly title: string } {
  const [, path = '', title = ''] = /^`(test\/[\w/-]+\.test\.ts)`: (.+)$/.exec(cell) ?? [];
  expect(existsSync(join(root, path)) && path !== '' && !NOT_RUN.test(path), cell).toBe(true);
  return { path, text: read(path), title };
}

describe('docs/coverage.md', () => {
  it('has a row for each section of the tool’s page', () => {
    const rows = sections.map(({ what }) => what);
    expect(rows).toEqual(SECTIONS);
  });

  it.each(Object.entries(ENTRIES))('has a row for each name of %s', (entry, exported) => {
    const listed = names.filter((row) => row.entry === entry).flatMap(({ what }) => marked(what));
    expect(listed.sort()).toEqual(Object.keys(exported).sort());
  });

  it.each([...sections, ...names])(
    'shows code, an example and a test: $what',
    ({ what, code, example, test }) => {
      const files = marked(code);
      expect(files.length).toBeGreaterThan(0);
      for (const file of files)
        expect(file.startsWith('src/') && existsSync(join(root, file)), file).toBe(true);
      expect(exampleText(example).length).toBeGreaterThan(0);
      const { text, title } = testOf(test);
      // A test of its own, or one for each row of a table.
      const declared = new RegExp(
        `\\b(?:it|test)(?:\\.\\w+)*(?:\\([^\\n]*\\))?\\(\\s*['"\`]${escaped(title)}['"\`]`,
      );
      expect(text, `${title} is no test of ${what}`).toMatch(declared);
      const [call = ''] = declared.exec(text) ?? [];
      expect(call).not.toMatch(/\.(?:skip|todo|fails)\b/);
    },
  );

  it.each(names)(
    'code and example have the names, and the test uses one: $what',
    ({ what, code, example, test }) => {
      const own = marked(what);
      const sources = marked(code).map(read).join('\n');
      for (const name of own) expect(sources, name).toMatch(new RegExp(`\\b${name}\\b`));
      const shown = exampleText(example);
      expect(
        own.some((name) => new RegExp(`\\b${name}\\b`).test(shown)),
        `${example} shows none of ${what}`,
      ).toBe(true);
      const { text } = testOf(test);
      expect(
        own.some((name) => new RegExp(`\\b${name}\\b`).test(text)),
        `${test} uses none of ${what}`,
      ).toBe(true);
    },
  );
});
