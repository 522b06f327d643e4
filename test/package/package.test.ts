import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFile(join(root, 'README.md'), 'utf8');
const ENTRIES = ['', '/node', '/batch', '/catalog', '/relay', '/emulator'].map(
  (entry) => `code-execution-kit${entry}`,
);
let folder: string;

/**
 * The shell block of the README for an empty folder, with
 * the packed tarball in the place of the registry's package.
 */
async function followReadme(tarball: string): Promise<void> {
  const [, commands = ''] = /### In an empty folder.*?```sh\n(.*?)```/s.exec(await readme) ?? [];
  const lines = commands.trim().split('\n');
  expect(lines.length).toBe(3);
  for (const line of lines) {
    const [command = '', ...args] = line.replace('i code-execution-kit', `i ${tarball}`).split(' ');
    await run(command, args, { cwd: folder });
  }
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kit-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await followReadme(join(folder, filename));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the packed tarball in an empty folder', () => {
  it('runs what the README tells a newcomer without a key', async () => {
    const [, program = ''] = /`try\.mjs`:\n\n```js\n(.*?)```/s.exec(await readme) ?? [];
    expect(program.trim().split('\n').filter(Boolean).length).toBeLessThanOrEqual(15);
    await writeFile(join(folder, 'try.mjs'), program);
    const { stdout } = await run('node', ['try.mjs'], { cwd: folder });
    expect(stdout).toContain('completed Done. 1267650600228229401496703205376');
    expect(await readFile(join(folder, 'out/note.txt'), 'utf8')).toBe('hi');
  });

  it('says where it comes from, with the placeholders that a release replaces', async () => {
    const text = await readFile(join(folder, 'node_modules/code-execution-kit/package.json'), 'utf8');
    const { homepage, bugs, repository, author } = JSON.parse(text);
    // A release sets both here and in package.json.
    const [owner, person] = ['OWNER', 'AUTHOR'];
    const home = `https://github.com/${owner}/code-execution-kit`;
    expect({ homepage, bugs, repository, author }).toEqual({
      homepage: `${home}#readme`,
      bugs: { url: `${home}/issues` },
      repository: { type: 'git', url: `git+${home}.git` },
      author: person,
    });
  });

  it('has pages that link to nothing that is not in it', async () => {
    const packed = join(folder, 'node_modules/code-execution-kit');
    const names = (await readdir(packed, { recursive: true })).map((name) => join(packed, name));
    const pages = names.filter((name) => name.endsWith('.md'));
    expect(pages.length).toBeGreaterThanOrEqual(10);
    const texts = new Map<string, string>();
    for (const page of pages) texts.set(page, await readFile(page, 'utf8'));
    const links = [...texts].flatMap(([page, text]) => {
      const prose = text.replace(/```.*?```/gs, '').replace(/`[^`\n]*`/g, 'code');
      return [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)|(?:href|src)="([^"]+)"/gm)]
        .map(([, inline, reference, attribute]) => inline ?? reference ?? attribute ?? '')
        .map((link) => ({ page, link }));
    });
    expect(links.length).toBeGreaterThan(15);
    const dead = links.filter(({ page, link }) => {
      if (/^https:\/\//.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!names.includes(target)) return true;
      const headings = [...(texts.get(target) ?? '').matchAll(/^#+ (.*)$/gm)].map(
        ([, heading = '']) => heading,
      );
      return anchor !== undefined && !headings.some((heading) => anchorOf(heading) === anchor);
    });
    expect(dead).toEqual([]);
  });

  it.each(ENTRIES)('imports and requires %s', async (entry) => {
    const print = 'console.log(Object.keys(kit).sort().join())';
    const esm = await run(
      'node',
      ['--input-type=module', '-e', `import * as kit from '${entry}'; ${print}`],
      { cwd: folder },
    );
    const cjs = await run(
      'node',
      ['--input-type=commonjs', '-e', `const kit = require('${entry}'); ${print}`],
      { cwd: folder },
    );
    expect(esm.stdout.split(',').length).toBeGreaterThan(1);
    expect(cjs.stdout).toBe(esm.stdout);
  });

  it('refuses the node entry where there is no Node', async () => {
    const conditions = ['-C', 'workerd', '--input-type=module', '-e', "import 'code-execution-kit/node'"];
    await expect(run('node', conditions, { cwd: folder })).rejects.toThrow(/ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  it.each(ENTRIES.filter((entry) => !entry.endsWith('/node')))('bundles %s for a browser', async (entry) => {
    const bundle = await build({
      stdin: { contents: `export * from '${entry}'`, resolveDir: folder },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      metafile: true,
      external: ['just-bash'],
    });
    const inputs = Object.keys(bundle.metafile.inputs);
    const imported = Object.values(bundle.metafile.outputs).flatMap(({ imports }) =>
      imports.map(({ path }) => path),
    );
    expect(inputs.filter((path) => path.includes('@anthropic-ai'))).toEqual([]);
    expect(imported.filter((path) => path !== 'just-bash')).toEqual([]);
    expect(bundle.outputFiles[0]?.text).not.toMatch(
      /(from|import\(|require\()\s*['"](node:|@anthropic-ai\/sdk)/,
    );
  });

  it('type-checks for a consumer with an older lib and without skipLibCheck', async () => {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022', 'dom', 'dom.iterable'],
      module: 'nodenext',
      moduleResolution: 'nodenext',
      types: [],
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.mts'] }));
    await writeFile(
      join(folder, 'use.mts'),
      `import { streamTurn, userMessage } from 'code-execution-kit';
import { createEmulator } from 'code-execution-kit/emulator';
import { saveArtifacts } from 'code-execution-kit/node';
import Anthropic from '@anthropic-ai/sdk';
const client = new Anthropic({ fetch: createEmulator({ script: [] }).fetch });
export const stream = streamTurn(client, { model: 'm', max_tokens: 1, messages: [userMessage('x')] });
export const saved = saveArtifacts(client, [], 'x');
export const wrong: number = 'shows that this file was checked';
`,
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run('node', [tsc, '--pretty', 'false'], { cwd: folder }).catch((error) => error);
    const errors = stdout.split('\n').filter((line: string) => line.includes('error TS'));
    // What other packages' declarations need of Node's is not ours to mend.
    const ours = errors.filter((line: string) => /^(use|node_modules\/code-execution-kit)/.test(line));
    expect(ours).toEqual([expect.stringMatching(/^use\.mts\(8,14\): error TS2322/)]);
  });
});
