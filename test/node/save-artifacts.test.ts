import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { appendFile, lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { type Artifact, type ArtifactError, deleteFiles, isInvalidInputError } from 'code-execution-kit';
import { saveArtifacts } from 'code-execution-kit/node';
import fc from 'fast-check';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Names, nameKey, safeName } from '../../src/files/download/safe-name.ts';
import { artifactsNamed } from '../support/artifacts.ts';
import { temporary, thrownBy } from '../support/world.ts';

/** Hostile names that are tried; 100,000 in CI. */
const NAMES = Number(process.env['NAME_CASES'] ?? 5000);
/** So many are saved, too; all of them in CI. */
const ON_DISK = process.env['NAME_CASES'] ? NAMES : 400;
const MANIFEST = '.artifacts.jsonl';

const fs = vi.hoisted(() => ({ refuseLinks: false, renumbers: false, beforeOpen: (_: unknown) => {} }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const link: typeof real.link = async (...paths) => {
    if (fs.refuseLinks) throw Object.assign(new Error('EPERM: no links here'), { code: 'EPERM' });
    return real.link(...paths);
  };
  const rename: typeof real.rename = async (from, to) => {
    if (!fs.renumbers) return real.rename(from, to);
    await real.copyFile(from, to);
    await real.rm(from);
  };
  const open: typeof real.open = async (path, ...rest) => {
    fs.beforeOpen(path);
    return real.open(path, ...rest);
  };
  return { ...real, link, rename, open };
});

afterEach(() => {
  Object.assign(fs, { refuseLinks: false, renumbers: false, beforeOpen: () => {} });
});

/** Artifacts of these names; the content of each tells which it is. */
function made(names: readonly string[]): Artifact[] {
  return names.map((name, index) => ({
    fileId: `file_${index}`,
    executionId: 'srvtoolu_1',
    responseIndex: 0,
    status: 'described',
    name,
    mimeType: 'text/csv',
    sizeBytes: contentOf(`file_${index}`).length,
    createdAt: null,
    expiresAt: null,
    downloadable: true,
  }));
}

const contentOf = (fileId: string) => `content of ${fileId}`;

/** The SDK's client, over a fetch that serves what {@link made} tells, and what it was asked for. */
function clientOf(spoil: (fileId: string) => Response | undefined = () => undefined) {
  const asked: string[] = [];
  const fetch = async (url: unknown, init?: { method?: string }) => {
    const fileId = decodeURIComponent(/files\/([^/?]+)/.exec(String(url))?.[1] ?? '');
    asked.push(`${init?.method?.toUpperCase() ?? 'GET'} ${fileId}`);
    if (init?.method?.toUpperCase() === 'DELETE') return Response.json({ id: fileId, type: 'file_deleted' });
    const content = contentOf(fileId);
    return spoil(fileId) ?? new Response(content, { headers: { 'content-length': String(content.length) } });
  };
  return { client: new Anthropic({ apiKey: 'none', fetch: fetch as never, maxRetries: 0 }), asked };
}

const visible = async (folder: string) => (await readdir(folder)).filter((name) => name !== MANIFEST).sort();

describe('saveArtifacts', () => {
  it('saves into a new folder and never over what is there', async () => {
    const { client, artifacts } = await artifactsNamed(['report.csv', 'REPORT.csv']);
    const folder = join(await temporary(), 'deep', 'out');
    const first = await saveArtifacts(client, artifacts, folder);
    expect(first.map(({ name }) => name)).toEqual(['REPORT.csv', 'report (2).csv']);
    await rm(join(folder, '.artifacts.jsonl'));
    const second = await saveArtifacts(client, artifacts, folder);
    expect(second.map(({ path }) => path.slice(folder.length + 1))).toEqual([
      'REPORT (3).csv',
      'report (4).csv',
    ]);
    expect(await readFile(first[1]?.path ?? '', 'utf8')).toBe('content of report.csv');
    expect((await readdir(folder)).sort()).toEqual([
      '.artifacts.jsonl',
      'REPORT (3).csv',
      'REPORT.csv',
      'report (2).csv',
      'report (4).csv',
    ]);
  });

  it('does not follow a symbolic link out of the folder', async () => {
    const { client, artifacts } = await artifactsNamed(['a.csv']);
    const folder = await temporary();
    const outside = join(await temporary(), 'victim');
    await writeFile(outside, 'mine');
    await symlink(outside, join(folder, 'a.csv'));
    const [saved] = await saveArtifacts(client, artifacts, folder);
    expect(saved?.name).toBe('a (2).csv');
    expect(await readFile(outside, 'utf8')).toBe('mine');
  });

  it.each([
    ['../escape.csv', '.._escape.csv'],
    ['/escape.csv', '_escape.csv'],
    ['a\u0000b.csv', 'a_b.csv'],
    // Nothing is left of it, and the id stands in.
    ['...', '.._.._escape'],
  ])('does not leave the folder through the name %j, nor through the id', async (name, expected) => {
    const { artifacts } = await artifactsNamed(['a.csv']);
    const [artifact] = artifacts as [Artifact];
    const fetch = async () => new Response('data');
    const hostile = { ...artifact, fileId: '../../escape', name, sizeBytes: 4 };
    const folder = join(await temporary(), 'a', 'b');
    const [saved] = await saveArtifacts(new Anthropic({ apiKey: 'none', fetch }), [hostile], folder);
    expect(saved).toMatchObject({ name: expected, path: join(folder, expected) });
    expect((await readdir(folder)).sort()).toEqual([expected, '.artifacts.jsonl'].sort());
  });

  it('keeps what could be saved and tells what could not', async () => {
    const { client, artifacts } = await artifactsNamed(['a.csv', 'b.csv', 'c.csv'], false);
    await client.files.delete(artifacts[1]?.fileId ?? '');
    const error = await saveArtifacts(client, artifacts, await temporary()).catch((thrown) => thrown);
    expect(error.message).toMatch(/1 of 3 artifacts failed, and 2 arrived\..*does not exist/);
    expect(error.saved.map(({ name }: { name: string }) => name)).toEqual(['a.csv', 'c.csv']);
    expect(error.failed).toMatchObject([
      { fileId: artifacts[1]?.fileId, error: { code: 'artifact_missing' } },
    ]);
  });

  it('tells of each file its size and hash, and writes them into the manifest', async () => {
    const folder = await temporary();
    const { client } = clientOf();
    const [saved] = await saveArtifacts(client, made(['a/b.csv']), folder);
    const sha256 = createHash('sha256').update(contentOf('file_0')).digest('hex');
    const facts = { fileId: 'file_0', executionId: 'srvtoolu_1', sizeBytes: 17, sha256 };
    expect(saved).toEqual({ ...facts, name: 'a_b.csv', path: join(folder, 'a_b.csv') });
    const lines = (await readFile(join(folder, MANIFEST), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...facts, name: 'a/b.csv', path: 'a_b.csv', createdAt: null },
    ]);
  });

  it('run again, fetches only what is missing, also when the API has forgotten it', async () => {
    const folder = await temporary();
    const artifacts = made(['a.csv', 'b.csv', 'c.csv']);
    const failing = clientOf((id) => (id === 'file_1' ? Response.json({}, { status: 404 }) : undefined));
    await expect(saveArtifacts(failing.client, artifacts, folder)).rejects.toMatchObject({
      saved: [{ name: 'a.csv' }, { name: 'c.csv' }],
      failed: [{ fileId: 'file_1', error: { code: 'artifact_missing' } }],
    });
    await writeFile(join(folder, 'c.csv'), 'edited, and not lost');
    const { client, asked } = clientOf();
    const [first, ...others] = artifacts as [Artifact, ...Artifact[]];
    const saved = await saveArtifacts(client, [{ ...first, status: 'missing' }, ...others], folder);
    expect(asked.sort()).toEqual(['GET file_1', 'GET file_2']);
    expect(saved.map(({ name }) => name)).toEqual(['a.csv', 'b.csv', 'c (2).csv']);
    expect(await readFile(join(folder, 'c.csv'), 'utf8')).toBe('edited, and not lost');
    expect(await saveArtifacts(client, artifacts, folder)).toEqual(saved);
    expect(asked).toHaveLength(2);
  });

  it('takes another file of the same id for another one', async () => {
    const folder = await temporary();
    const day = (createdAt: string) => made(['a.csv']).map((artifact) => ({ ...artifact, createdAt }));
    const { client, asked } = clientOf();
    await saveArtifacts(client, day('2026-11-01T00:00:00Z'), folder);
    await saveArtifacts(client, day('2026-11-01T00:00:00Z'), folder);
    expect(asked).toEqual(['GET file_0']);
    await saveArtifacts(client, day('2026-11-02T00:00:00Z'), folder);
    expect(await visible(folder)).toEqual(['a (2).csv', 'a.csv']);
  });

  it('fetches an emptied file anew, and leaves it', async () => {
    const folder = await temporary();
    const { client } = clientOf();
    await saveArtifacts(client, made(['a.csv']), folder);
    await writeFile(join(folder, 'a.csv'), '');
    await saveArtifacts(client, made(['a.csv']), folder);
    expect(await readFile(join(folder, 'a.csv'), 'utf8')).toBe('');
    expect(await readFile(join(folder, 'a (2).csv'), 'utf8')).toBe(contentOf('file_0'));
  });

  it('overwrites nothing of the same list that an earlier run saved', async () => {
    const folder = await temporary();
    const { client } = clientOf();
    const both = made(['a.csv', 'a.csv']);
    await saveArtifacts(client, both.slice(0, 1), folder, { onCollision: 'overwrite' });
    const saved = await saveArtifacts(client, both, folder, { onCollision: 'overwrite' });
    for (const { fileId, path } of saved) expect(await readFile(path, 'utf8')).toBe(contentOf(fileId));
    expect(await visible(folder)).toEqual(['a (2).csv', 'a.csv']);
  });

  it('does not replace a folder, and takes a URL for its own', async () => {
    const folder = await temporary();
    await mkdir(join(folder, 'a.csv'));
    const { client } = clientOf();
    const save = saveArtifacts(client, made(['a.csv', 'b.csv']), pathToFileURL(folder), {
      onCollision: 'overwrite',
    });
    await expect(save).rejects.toMatchObject({
      saved: [{ name: 'b.csv' }],
      failed: [{ error: { code: 'name_taken' } }],
    });
  });

  it('keeps what arrived when its manifest cannot be written any more', async () => {
    const folder = await temporary();
    const { client } = clientOf((fileId) => {
      if (fileId === 'file_0') mkdirSync(join(folder, MANIFEST));
      return undefined;
    });
    const saving = saveArtifacts(client, made(['a.csv', 'b.csv']), folder);
    const { saved, failed } = await saving.catch((thrown) => thrown);
    expect([saved.length, failed.length]).toEqual([0, 2]);
  });

  it('mends a line that a full disk tore', async () => {
    const folder = await temporary();
    const { client, asked } = clientOf();
    await saveArtifacts(client, made(['a.csv']), folder);
    await appendFile(join(folder, MANIFEST), '{"fileId":"file_1","pa');
    await saveArtifacts(client, made(['a.csv', 'b.csv']), folder);
    await saveArtifacts(client, made(['a.csv', 'b.csv']), folder);
    expect(asked).toEqual(['GET file_0', 'GET file_1']);
  });

  it('reads a manifest that was torn, or points elsewhere', async () => {
    const folder = await temporary();
    const outside = join(dirname(folder), 'outside.csv');
    const entry = { fileId: 'file_0', executionId: 'x', name: 'x', sizeBytes: 0, sha256: 'x' };
    const lines = [
      'null',
      '{}',
      '[',
      JSON.stringify({ ...entry, path: '../outside.csv' }),
      '{"fileId":"file_0","pa',
    ];
    await writeFile(outside, '');
    onTestFinished(() => rm(outside));
    await writeFile(join(folder, MANIFEST), lines.join('\n'));
    const { client, asked } = clientOf();
    await saveArtifacts(client, made(['a.csv']), folder);
    await saveArtifacts(client, made(['a.csv']), folder);
    expect(asked).toEqual(['GET file_0']);
    expect((await stat(outside)).size).toBe(0);
  });

  it('does not follow a manifest that is a link', async () => {
    const folder = await temporary();
    const victim = join(await temporary(), 'victim');
    await writeFile(victim, 'mine');
    await symlink(victim, join(folder, MANIFEST));
    const { client, asked } = clientOf();
    await expect(saveArtifacts(client, made(['a.csv']), folder)).rejects.toThrow(
      /\.artifacts\.jsonl is no file/,
    );
    expect([await readFile(victim, 'utf8'), asked.length]).toEqual(['mine', 0]);
  });

  it.each([false, true])(
    'names files in their order, whatever arrives first (no links: %s)',
    async (refuseLinks) => {
      fs.refuseLinks = refuseLinks;
      const folder = await temporary();
      await writeFile(join(folder, 'x.csv'), 'mine');
      const { client } = clientOf();
      const slow = client.withOptions({
        fetch: async (url, init) => {
          if (String(url).includes('file_0')) await sleep(50);
          return (client as unknown as { fetch: typeof fetch }).fetch(url as string, init as RequestInit);
        },
      });
      const saved = await saveArtifacts(slow, made(['x.csv', 'X.csv', 'x.csv', 'ｘ.csv']), folder);
      expect(saved.map(({ name }) => name)).toEqual(['x (2).csv', 'X (3).csv', 'x (4).csv', 'ｘ (5).csv']);
      for (const { fileId, path } of saved) expect(await readFile(path, 'utf8')).toBe(contentOf(fileId));
      expect(await readFile(join(folder, 'x.csv'), 'utf8')).toBe('mine');
      expect((await visible(folder)).length).toBe(5);
    },
  );

  it.each([false, true])(
    'does not take a name that another process takes meanwhile (no links: %s)',
    async (refuseLinks) => {
      fs.refuseLinks = refuseLinks;
      const folder = await temporary();
      const { client } = clientOf((id) => {
        void id;
        return undefined;
      });
      const racing = client.withOptions({
        fetch: async (url, init) => {
          await writeFile(join(folder, 'a.csv'), 'theirs');
          return (client as unknown as { fetch: typeof fetch }).fetch(url as string, init as RequestInit);
        },
      });
      const [saved] = await saveArtifacts(racing, made(['a.csv']), folder);
      expect(saved?.name).toBe('a (2).csv');
      expect(await readFile(join(folder, 'a.csv'), 'utf8')).toBe('theirs');
      await expect(
        saveArtifacts(racing, made(['b.csv', 'a.csv']).slice(1), folder, { onCollision: 'error' }),
      ).rejects.toMatchObject({ failed: [{ error: { code: 'name_taken' } }] });
    },
  );

  it('overwrites what was there, each once, and not what a link points at', async () => {
    const folder = await temporary();
    const outside = join(await temporary(), 'victim');
    await writeFile(outside, 'mine');
    await writeFile(join(folder, 'a.csv'), 'old');
    await symlink(outside, join(folder, 'b.csv'));
    await mkdir(join(folder, 'c.csv'));
    const { client } = clientOf();
    const artifacts = made(['a.csv', 'a.csv', 'b.csv', 'c.csv']);
    const saving = saveArtifacts(client, artifacts, folder, { onCollision: 'overwrite' });
    const { saved, failed }: ArtifactError = await saving.catch((thrown) => thrown);
    expect(saved.map(({ name }) => name)).toEqual(['a.csv', 'a (2).csv', 'b.csv']);
    expect(await readFile(join(folder, 'a.csv'), 'utf8')).toBe(contentOf('file_0'));
    expect((await lstat(join(folder, 'b.csv'))).isFile()).toBe(true);
    expect(await readFile(outside, 'utf8')).toBe('mine');
    expect(failed).toMatchObject([{ fileId: 'file_3' }]);
    expect(await visible(folder)).toEqual(['a (2).csv', 'a.csv', 'b.csv', 'c.csv']);
  });

  it('fails those whose name is taken, when told so, and fetches nothing for them', async () => {
    const folder = await temporary();
    await writeFile(join(folder, 'A.csv'), 'mine');
    const { client, asked } = clientOf();
    const artifacts = made(['a.csv', 'b.csv']);
    await expect(saveArtifacts(client, artifacts, folder, { onCollision: 'error' })).rejects.toMatchObject({
      saved: [{ name: 'b.csv' }],
      failed: [{ fileId: 'file_0', error: { code: 'name_taken' } }],
    });
    expect(asked).toEqual(['GET file_1']);
    await expect(saveArtifacts(client, artifacts, folder, { onCollision: 'x' as never })).rejects.toThrow(
      /onCollision must be/,
    );
  });

  it('gives what is on disk, also from an earlier run, so that it can be deleted', async () => {
    const folder = await temporary();
    const { client, asked } = clientOf();
    const artifacts = made(['a.csv', 'b.csv']);
    await saveArtifacts(client, artifacts.slice(0, 1), folder);
    await deleteFiles(client, await saveArtifacts(client, artifacts, folder));
    expect(asked.sort()).toEqual(['DELETE file_0', 'DELETE file_1', 'GET file_0', 'GET file_1']);
  });

  it('does not let an artifact pose as a file of ours', async () => {
    const folder = await temporary();
    const { client } = clientOf();
    const names = [MANIFEST, '.ARTIFACTS.jsonl', `.artifact-00000000-1-${crypto.randomUUID()}.part`];
    const saved = await saveArtifacts(client, made(names), folder);
    expect(saved.every(({ name }) => name.startsWith('_.'))).toBe(true);
    expect(new Set(saved.map(({ name }) => nameKey(name))).size).toBe(3);
  });

  it('removes what killed processes left, and nothing of those that run', async () => {
    const folder = await temporary();
    const { client } = clientOf();
    let mine = '';
    const looking = client.withOptions({
      fetch: async (url, init) => {
        const response = await (client as unknown as { fetch: typeof fetch }).fetch(
          url as string,
          init as RequestInit,
        );
        return new Response(
          new ReadableStream({
            async start(controller) {
              await sleep(50);
              [mine = ''] = (await readdir(folder)).filter((name) => name.endsWith('.part'));
              controller.enqueue(new Uint8Array(await response.arrayBuffer()));
              controller.close();
            },
          }),
        );
      },
    });
    await saveArtifacts(looking, made(['a.csv']), folder);
    expect(mine).toContain(`-${process.pid}-`);
    const left = mine.replace(`-${process.pid}-`, '-999999999-');
    await writeFile(join(folder, left), 'half');
    await writeFile(join(folder, mine), 'of a save that runs');
    await saveArtifacts(client, made(['b.csv', 'c.csv']).slice(1), folder);
    expect(await readdir(folder)).not.toContain(left);
    expect(await readdir(folder)).toContain(mine);
  });

  it('leaves nothing after when it is aborted', async () => {
    const folder = await temporary();
    const stalled = () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(5)) }));
    const { client } = clientOf((id) => (id === 'file_1' ? stalled() : undefined));
    const controller = new AbortController();
    const save = saveArtifacts(client, made(['a.csv', 'b.csv']), folder, {
      signal: controller.signal,
      onProgress: ({ type, arrived }) => {
        if (type === 'end' && arrived === 1) setTimeout(() => controller.abort(), 20);
      },
    });
    await expect(save).rejects.toMatchObject({
      code: 'aborted',
      saved: [{ name: 'a.csv' }],
      failed: [{ fileId: 'file_1' }],
    });
    expect(await visible(folder)).toEqual(['a.csv']);
  });
});

describe('another program in the folder', () => {
  /** A body that runs this when half of it was written. */
  const during = (fileId: string, act: () => void) => {
    const content = new TextEncoder().encode(contentOf(fileId));
    let pulls = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (pulls++ === 0) return controller.enqueue(content.subarray(0, 5));
          act();
          controller.enqueue(content.subarray(5));
          controller.close();
        },
      }),
    );
  };
  const CASES = [
    ['links', 'rename'],
    ['links', 'overwrite'],
    ['no links', 'rename'],
  ] as const;

  it.each(
    CASES.flatMap(([links, onCollision]) =>
      (['a link', 'a file'] as const).map((what) => [what, links, onCollision] as const),
    ),
  )(
    'that puts %s in place of a part (%s, %s) is not taken for the artifact',
    async (what, links, onCollision) => {
      fs.refuseLinks = links === 'no links';
      const parent = await temporary();
      const folder = join(parent, 'out');
      const victim = join(parent, 'victim');
      await writeFile(victim, 'secret');
      const { client } = clientOf((id) =>
        id === 'file_0'
          ? during(id, () => {
              const part = join(folder, readdirSync(folder).find((name) => name.endsWith('.part')) ?? '');
              rmSync(part);
              // Of the same size, so that only the content differs.
              if (what === 'a file') writeFileSync(part, 'x'.repeat(contentOf(id).length));
              else symlinkSync(victim, part);
            })
          : undefined,
      );
      const error = await thrownBy(
        saveArtifacts(client, made(['a.csv', 'b.csv']), folder, { onCollision, concurrency: 1 }),
      );
      expect(error).toMatchObject({
        code: 'artifacts_not_saved',
        saved: [{ name: 'b.csv' }],
        failed: [{ fileId: 'file_0', error: { name: 'ArtifactError', code: 'artifact_replaced' } }],
      });
      expect(await visible(folder)).toEqual(['b.csv']);
      expect(await readFile(victim, 'utf8')).toBe('secret');
    },
  );

  it.each(['a link', 'nothing', 'a folder'] as const)(
    'that puts %s in place of the folder ends it',
    async (what) => {
      const parent = await temporary();
      const folder = join(parent, 'out');
      const elsewhere = join(parent, 'elsewhere');
      await mkdir(elsewhere);
      const { client } = clientOf();
      const swap = () => {
        renameSync(folder, join(parent, 'moved'));
        if (what === 'a link') symlinkSync(elsewhere, folder);
        if (what === 'a folder') mkdirSync(folder);
      };
      const save = saveArtifacts(client, made(['a.csv', 'b.csv', 'c.csv']), folder, {
        concurrency: 1,
        onProgress: ({ type, arrived }) => {
          if (type === 'end' && arrived === 1) swap();
        },
      });
      const folderFailed = { error: { name: 'ArtifactError', code: 'folder_failed' } };
      expect(await thrownBy(save)).toMatchObject({
        code: 'artifacts_not_saved',
        saved: [{ name: 'a.csv' }],
        failed: [folderFailed, folderFailed],
      });
      expect(await readdir(elsewhere)).toEqual([]);
      expect(await visible(join(parent, 'moved'))).toEqual(['a.csv']);
    },
  );

  it.each(['a link', 'nothing'] as const)(
    'that puts %s in place of the folder while a body comes',
    async (what) => {
      const parent = await temporary();
      const folder = join(parent, 'out');
      const elsewhere = join(parent, 'elsewhere');
      await mkdir(elsewhere);
      const { client } = clientOf((id) =>
        during(id, () => {
          renameSync(folder, join(parent, 'moved'));
          if (what === 'a link') symlinkSync(elsewhere, folder);
        }),
      );
      const error = await thrownBy(saveArtifacts(client, made(['a.csv']), folder));
      expect(error).toMatchObject({ saved: [], failed: [{ error: { code: 'folder_failed' } }] });
      expect(await readdir(elsewhere)).toEqual([]);
    },
  );

  it('that removes the folder before its manifest is read or listed is a typed failure', async () => {
    const folder = join(await temporary(), 'out');
    await mkdir(folder);
    await writeFile(join(folder, MANIFEST), '');
    fs.beforeOpen = (path) => {
      if (String(path).endsWith(MANIFEST)) rmSync(folder, { recursive: true, force: true });
    };
    const { client, asked } = clientOf();
    expect(await thrownBy(saveArtifacts(client, made(['a.csv']), folder))).toMatchObject({
      name: 'ArtifactError',
      code: 'folder_failed',
      cause: { code: 'ENOENT' },
    });
    expect(asked).toEqual([]);
  });

  it('is not suspected where a file system gives a renamed file another number', async () => {
    fs.refuseLinks = true;
    fs.renumbers = true;
    const folder = await temporary();
    const { client } = clientOf();
    expect(await saveArtifacts(client, made(['a.csv']), folder)).toMatchObject([{ name: 'a.csv' }]);
    expect(await readFile(join(folder, 'a.csv'), 'utf8')).toBe(contentOf('file_0'));
  });
});

describe('a manifest', () => {
  it('of 600 MB is not read', async () => {
    const folder = await temporary();
    await writeFile(join(folder, MANIFEST), '');
    truncateSync(join(folder, MANIFEST), 600_000_000);
    const { client, asked } = clientOf();
    const error = await thrownBy(saveArtifacts(client, made(['a.csv']), folder));
    expect([isInvalidInputError(error), error.message]).toEqual([
      true,
      expect.stringContaining('600000000 bytes'),
    ]);
    expect(asked).toEqual([]);
  });

  it('with a line of many megabytes is read past it', async () => {
    const folder = await temporary();
    const { client } = clientOf();
    await saveArtifacts(client, made(['a.csv']), folder);
    await appendFile(join(folder, MANIFEST), `${'['.repeat(20_000_000)}\n`);
    const { client: again, asked } = clientOf();
    await saveArtifacts(again, made(['a.csv', 'b.csv']), folder);
    expect(asked).toEqual(['GET file_1']);
  });
});

const hostileNames = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300, size: 'max' }),
  fc.string({
    unit: fc.constantFrom(
      '.',
      '/',
      '\\',
      '~',
      ' ',
      '\u00a0',
      '\0',
      '\u202e',
      '\u200d',
      'a',
      'A',
      'é',
      'e\u0301',
      'ß',
      'ſ',
      'İ',
      '😀',
      ':',
      '\ud800',
      '\u2028',
    ),
    maxLength: 300,
    // Else fast-check makes short ones only.
    size: 'max',
  }),
  // Few different ones, so that they collide.
  fc.string({
    unit: fc.constantFrom('a', 'A', 'ａ', '.', 'ß', 'S', 's', 'ı', 'i', 'I', '\u200b'),
    maxLength: 4,
  }),
  fc.constantFrom(
    '.',
    '..',
    '...',
    'nul',
    'con .txt',
    'aux.c',
    '~',
    '-rf',
    '.part',
    'COM¹',
    MANIFEST,
    'a.\u00a0',
    '../../x',
    '/etc/passwd',
  ),
);

describe('hostile names', () => {
  it(`never leave the folder or meet, all ${NAMES} of them`, () => {
    const names = new Names([]);
    const keys = new Set<string>();
    // Each by itself, and as often as fills a thousand, ten thousand and, seldom, a million characters.
    const lengths = fc.oneof(
      { weight: 90, arbitrary: fc.constant(0) },
      { weight: 9, arbitrary: fc.constantFrom(255, 1024, 1025, 10_000) },
      { weight: 1, arbitrary: fc.constant(1_000_000) },
    );
    const check = fc.property(hostileNames, lengths, (unit, length) => {
      const raw = unit.repeat(Math.max(1, Math.ceil(length / Math.max(1, unit.length))));
      const name = names.claim(safeName(raw, 'file_1'));
      // Each a name of its own, however a file system folds it.
      for (const fold of [nameKey(name), name.normalize('NFD').toLowerCase(), name.toUpperCase()]) {
        if (keys.has(`${fold.length}${fold}`) && fold === nameKey(name))
          throw new Error(`twice: ${JSON.stringify(name)}`);
      }
      keys.add(`${nameKey(name).length}${nameKey(name)}`);
      if (join('/folder', name) !== `/folder/${name}` || dirname(join('/folder', name)) !== '/folder')
        throw new Error(`leaves the folder: ${JSON.stringify(name)}`);
      if (Buffer.byteLength(name) > 255) throw new Error(`too long: ${JSON.stringify(name)}`);
      if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}/\\:\u202e]|[.\s]$/u.test(name))
        throw new Error(`unsafe: ${JSON.stringify(name)}`);
      if (/^(con|prn|aux|nul|com\d|lpt\d)\s*(\.|$)/i.test(name)) throw new Error(`reserved: ${name}`);
      return true;
    });
    fc.assert(check, { numRuns: NAMES, endOnFailure: true });
    expect(keys.size).toBe(NAMES);
  }, 110_000);

  it('are as many files on disk, each with its own content', async () => {
    const parent = await temporary();
    const folder = join(parent, 'in');
    const artifacts = made(fc.sample(hostileNames, ON_DISK));
    const { client } = clientOf();
    const saved = await saveArtifacts(client, artifacts, folder);
    expect(await readdir(parent)).toEqual(['in']);
    expect(await visible(folder)).toHaveLength(ON_DISK);
    expect(new Set(saved.map(({ name }) => nameKey(name))).size).toBe(ON_DISK);
    for (const { fileId, path } of saved) expect(await readFile(path, 'utf8')).toBe(contentOf(fileId));
  }, 900_000);
});
