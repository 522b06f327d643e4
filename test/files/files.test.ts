import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import {
  type Artifact,
  artifactsOf,
  describeArtifacts,
  downloadArtifact,
  isArtifactError,
  runTurn,
  userMessage,
} from 'code-execution-kit';
import { bash, cannedSandbox, createEmulator, pause, python, stop } from 'code-execution-kit/emulator';
import { saveArtifacts, uploadPath } from 'code-execution-kit/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameKey, numberedName, safeName } from '../../src/files/download/safe-name.ts';
import { serve } from '../support/server.ts';

const params = { model: 'claude-opus-5-5', max_tokens: 100, messages: [userMessage('x')] };
const temporary = () => mkdtemp(join(tmpdir(), 'kit-'));

/** A client whose turn makes these files, and the turn's artifacts. */
async function artifactsNamed(names: readonly string[], describeThem = true) {
  const code = `import os, json\nfor name, text in json.loads(${JSON.stringify(JSON.stringify(names.map((name) => [name, `content of ${name}`])))}):\n  open(os.path.join(os.environ["OUTPUT_DIR"], name), "w").write(text)`;
  const emulator = createEmulator({ script: [python(code)] });
  const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
  const turn = await runTurn(client, params, { describe: describeThem });
  expect(turn.executions[0]?.stderr).toBe('');
  return { emulator, client, artifacts: turn.artifacts, turn };
}

describe('uploadPath', () => {
  it('sends a file as it is, with its name and type', async () => {
    const emulator = createEmulator({ script: [bash('head -c 4 "$INPUT_DIR/größe 1.csv" | od -An -c')] });
    const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
    const path = join(await temporary(), 'größe 1.csv');
    const bytes = new Uint8Array(3_000_000).map((_, index) => index);
    await writeFile(path, bytes);
    const file = await uploadPath(client, path);
    expect(file).toMatchObject({ filename: 'größe 1.csv', mime_type: 'text/csv', size_bytes: bytes.length });
    expect(Buffer.from(emulator.files[0]?.bytes ?? []).equals(bytes)).toBe(true);
    expect(emulator.requests[0]).toMatchObject({ method: 'POST', path: '/v1/files' });
    const turn = await runTurn(client, { ...params, messages: [userMessage('x', { files: [file] })] });
    expect(turn.executions[0]?.stdout).toMatch(/\\0 001 002 003/);
  });

  it('takes another name and type, an empty file, and client.beta', async () => {
    const emulator = createEmulator({ script: [] });
    const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
    const path = join(await temporary(), 'empty');
    await writeFile(path, '');
    const file = await uploadPath(client.beta, path, { name: 'data.bin', mimeType: 'application/x-data' });
    expect(file).toMatchObject({ filename: 'data.bin', mime_type: 'application/x-data', size_bytes: 0 });
  });
});

describe('uploadPath over HTTP', () => {
  /** A server that keeps what is uploaded. */
  async function uploads() {
    const bodies: Buffer[] = [];
    const { baseURL, close } = await serve((request, reply) => {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        bodies.push(Buffer.concat(parts));
        reply.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"file_1","type":"file"}');
      });
    });
    return { client: new Anthropic({ apiKey: 'none', baseURL }), bodies, close };
  }

  it('sends the length that it announces, also of an empty file', async () => {
    const { client, bodies, close } = await uploads();
    const folder = await temporary();
    for (const [name, content] of [
      ['empty', ''],
      ['full', 'x'.repeat(2_500_000)],
    ] as const) {
      await writeFile(join(folder, name), content);
      expect(await uploadPath(client, pathToFileURL(join(folder, name)))).toMatchObject({ id: 'file_1' });
      expect(bodies.at(-1)?.includes(content)).toBe(true);
    }
    await close();
  });

  it('sends a file that grows as it was', async () => {
    const { client, bodies, close } = await uploads();
    const path = join(await temporary(), 'app.log');
    await writeFile(path, Buffer.alloc(20_000_000, 'x'));
    const upload = uploadPath(client, path);
    const growing = (async () => {
      for (let line = 0; line < 20; line++) await appendFile(path, 'more\n');
    })();
    await Promise.all([upload, growing]);
    expect(bodies[0]?.length).toBeLessThan(20_001_000);
    expect(bodies[0]?.includes(Buffer.alloc(20_000_000, 'x'))).toBe(true);
    await close();
  });

  it.runIf(process.platform === 'linux')('tells of a file that cannot be read', async () => {
    const { client, bodies, close } = await uploads();
    await expect(uploadPath(client, '/proc/self/mem')).rejects.toThrow(
      /"\/proc\/self\/mem": reading it failed: EIO/,
    );
    expect(bodies).toEqual([]);
    await close();
  });

  it('tells of a server that breaks off a download', async () => {
    const { baseURL, close } = await serve((request, reply) => {
      if (!request.url?.endsWith('/content')) {
        reply.end('{"id":"file_1","filename":"a.csv","mime_type":"text/csv","size_bytes":1000}');
        return;
      }
      reply.writeHead(200, { 'content-type': 'text/csv', 'content-length': '1000' });
      reply.write('x'.repeat(10), () => reply.destroy());
    });
    const client = new Anthropic({ apiKey: 'none', baseURL });
    const download = await downloadArtifact(client, 'file_1');
    await expect(download.bytes()).rejects.toMatchObject({
      code: 'artifact_cut',
      cause: expect.any(TypeError),
    });
    await expect(download.text()).rejects.toThrow(/was read already/);
    await close();
  });
});

describe('artifacts', () => {
  it('are described in one call, in order, the missing ones too', async () => {
    const { emulator, client, artifacts } = await artifactsNamed(['b.csv', 'a.svg'], false);
    expect(artifacts.map(({ status, name }) => [status, name])).toEqual([
      ['listed', null],
      ['listed', null],
    ]);
    await client.files.delete(artifacts[1]?.fileId ?? '');
    const before = emulator.requests.length;
    const described = await describeArtifacts(client, artifacts);
    expect(described.map(({ status, name }) => [status, name])).toEqual([
      ['described', 'a.svg'],
      ['missing', null],
    ]);
    expect(emulator.requests.length - before).toBe(1);
  });

  it.each(['refusal', 'max_tokens', 'model_context_window_exceeded'])(
    'of all tools and responses are there in order when a turn ends with %s',
    async (reason) => {
      const sandbox = cannedSandbox(({ source }) => ({ files: { [`${source}.csv`]: source } }));
      const script = [python('1'), bash('2'), pause(bash('3')), python('4'), stop(reason)];
      const emulator = createEmulator({ script, sandbox });
      const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
      const { artifacts, executions, responses, stopReason } = await runTurn(client, params);
      expect([stopReason, responses.length]).toEqual([reason, 2]);
      expect(artifacts.map(({ name, status }) => [name, status])).toEqual(
        ['1', '2', '3', '4'].map((name) => [`${name}.csv`, 'described']),
      );
      expect(artifacts.map(({ executionId }) => executionId)).toEqual(executions.map(({ id }) => id));
      // The same from what the SDK gives, also when a response is given twice.
      const ids = artifacts.map(({ fileId }) => fileId);
      expect(artifactsOf([...responses, ...responses]).map(({ fileId }) => fileId)).toEqual(ids);
    },
  );

  it('are described a hundred at a time', async () => {
    const sandbox = cannedSandbox(() => ({
      files: Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`${index}.csv`, 'x'])),
    }));
    const emulator = createEmulator({ script: [bash('x')], sandbox });
    const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
    const { artifacts } = await runTurn(client, params, { describe: false });
    const before = emulator.requests.length;
    const described = await describeArtifacts(client, artifacts);
    expect(emulator.requests.length - before).toBe(3);
    expect(described.map(({ fileId }) => fileId)).toEqual(artifacts.map(({ fileId }) => fileId));
    expect(new Set(described.map(({ status }) => status))).toEqual(new Set(['described']));
  });

  it('are downloaded as text, bytes, blob and stream', async () => {
    const { client, artifacts, turn } = await artifactsNamed(['a.csv']);
    expect(artifacts).toEqual(await describeArtifacts(client, artifactsOf(turn.responses)));
    const [artifact] = artifacts as [Artifact];
    const opened = await downloadArtifact(client, artifact);
    expect(opened).toMatchObject({ name: 'a.csv', mimeType: 'text/csv', sizeBytes: 16 });
    expect(await opened.text()).toBe('content of a.csv');
    expect(await (await downloadArtifact(client, artifact.fileId)).bytes()).toHaveLength(16);
    expect((await (await downloadArtifact(client, artifact)).blob()).type).toBe('text/csv');
    const stream = (await downloadArtifact(client, artifact)).stream();
    expect(await new Response(stream).text()).toBe('content of a.csv');
  });

  it('that were cut on the way are not taken for whole', async () => {
    const { emulator, artifacts } = await artifactsNamed(['a.csv']);
    const client = new Anthropic({
      apiKey: 'none',
      fetch: async (url, init) => {
        const response = await emulator.fetch(url as string, init);
        if (!String(url).includes('/content')) return response;
        return new Response('conte', { headers: response.headers });
      },
    });
    const folder = await temporary();
    const error = await saveArtifacts(client, artifacts, folder).catch((thrown) => thrown);
    expect(isArtifactError(error) && error.failed).toMatchObject([
      { error: { code: 'artifact_cut', retryable: true } },
    ]);
    expect(await readdir(folder)).toEqual([]);
  });
});

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
});

describe('safeName', () => {
  it.each([
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['..', 'file_1'],
    ['', 'file_1'],
    ['/', '_'],
    ['C:\\windows\\x.dll', 'C__windows_x.dll'],
    ['con.txt', '_con.txt'],
    ['LPT1', '_LPT1'],
    ['name. . ', 'name'],
    ['a\u0000b\u001b[31m.csv', 'a_b_[31m.csv'],
    ['invoice\u202Efdp.exe', 'invoice_fdp.exe'],
    ['\ud800.csv', '_.csv'],
    ['résumé.csv', 'résumé.csv'],
    ['re\u0301sume\u0301.csv', 'r\u00e9sum\u00e9.csv'],
    [`${'ä'.repeat(200)}.csv`, `${'ä'.repeat(125)}.csv`],
    [`${'😀'.repeat(64)}`, '😀'.repeat(63)],
    [`.${' '.repeat(300)}x`, 'file_1'],
    [`con${' '.repeat(300)}x`, '_con'],
    [`nul${'\u00a0'.repeat(300)}x.txt`, '_nul.txt'],
    [`a.${'x'.repeat(300)}`, `a.${'x'.repeat(253)}`],
  ])('makes %j safe', (name, expected) => {
    expect(safeName(name, 'file_1')).toBe(expected);
  });

  it('never leaves the folder, whatever the name', async () => {
    const folder = await temporary();
    await mkdir(join(folder, 'in'));
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400, size: 'max' }),
      fc.string({
        unit: fc.constantFrom('.', '/', '\\', '~', ' ', '\u0000', '\u202e', 'a', 'é', '😀', ':'),
        maxLength: 400,
        size: 'max',
      }),
      fc.constantFrom('.', '..', '...', 'nul', 'aux.c', '~', '-rf', '.part', 'COM¹'),
    );
    const property = fc.property(hostile, fc.integer({ min: 2, max: 9999 }), (raw, number) => {
      for (const name of [safeName(raw, 'file_1'), numberedName(safeName(raw, 'file_1'), number)]) {
        expect(dirname(join(folder, 'in', name))).toBe(join(folder, 'in'));
        expect(basename(name)).toBe(name);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(name).toMatch(/^[^\p{Cc}/\\]+$/u);
        expect(name).not.toMatch(/[. ]$/);
      }
      expect(nameKey(safeName(raw, 'file_1'))).not.toBe('');
    });
    fc.assert(property, { numRuns: 5000 });
  });
});
