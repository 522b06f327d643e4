import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kit-release-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What npm runs before it publishes a package like this: its exit code, and what it said. */
async function beforePublishing(changes: object) {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...manifest, ...changes }));
  const [command, script] = manifest.scripts.prepublishOnly.split(' ');
  return promisify(execFile)(command, [join(root, script)], { cwd: folder }).then(
    () => ({ code: 0, stderr: '' }),
    ({ code, stderr }) => ({ code, stderr }),
  );
}

describe('a release', () => {
  const real = {
    author: 'Ada Author <ada@example.com>',
    homepage: 'https://github.com/ada/code-execution-kit#readme',
    bugs: { url: 'https://github.com/ada/code-execution-kit/issues' },
    repository: { type: 'git', url: 'git+https://github.com/ada/code-execution-kit.git' },
  };

  it('is refused with each placeholder named', async () => {
    const { code, stderr } = await beforePublishing({ ...real, ...manifest, contributors: ['AUTHOR'] });
    expect(code).toBe(1);
    const fields = stderr
      .trim()
      .split('\n')
      .map((line: string) => /^package\.json: (\S+) is /.exec(line)?.[1]);
    expect(fields.toSorted()).toEqual(['author', 'bugs.url', 'contributors.0', 'homepage', 'repository.url']);
    expect(stderr).toContain('author is "AUTHOR": put the real value in place of AUTHOR.');
  });

  it('is refused for one that is left', async () => {
    const { code, stderr } = await beforePublishing({ ...real, bugs: manifest.bugs });
    expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(stderr).toContain('in place of OWNER');
  });

  it('goes on with real values', async () => {
    expect(await beforePublishing(real)).toEqual({ code: 0, stderr: '' });
  });
});
