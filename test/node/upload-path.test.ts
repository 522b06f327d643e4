import { appendFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { isInvalidInputError, runTurn, userMessage } from 'code-execution-kit';
import { bash } from 'code-execution-kit/emulator';
import { uploadPath } from 'code-execution-kit/node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { serve } from '../support/server.ts';
import { params, temporary, thrownBy, world } from '../support/world.ts';

/** The kind of file system that files seem to be on. */
const fs = vi.hoisted(() => ({ type: undefined as number | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const statfs = async (path: string) => ({
    ...(await real.statfs(path)),
    ...(fs.type && { type: fs.type }),
  });
  return { ...real, statfs };
});

afterEach(() => {
  fs.type = undefined;
});

describe('uploadPath', () => {
  it('sends a file as it is, with its name and type', async () => {
    const { emulator, client } = world([bash('head -c 4 "$INPUT_DIR/größe 1.csv" | od -An -c')]);
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
    const { client } = world([]);
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
    const baseURL = await serve((request, reply) => {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        bodies.push(Buffer.concat(parts));
        reply.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"file_1","type":"file"}');
      });
    });
    return { client: new Anthropic({ apiKey: 'none', baseURL }), bodies };
  }

  it('sends the length that it announces, also of an empty file', async () => {
    const { client, bodies } = await uploads();
    const folder = await temporary();
    for (const [name, content] of [
      ['empty', ''],
      ['full', 'x'.repeat(2_500_000)],
    ] as const) {
      await writeFile(join(folder, name), content);
      expect(await uploadPath(client, pathToFileURL(join(folder, name)))).toMatchObject({ id: 'file_1' });
      expect(bodies.at(-1)?.includes(content)).toBe(true);
    }
  });

  it('sends a file that grows as it was', async () => {
    const { client, bodies } = await uploads();
    const path = join(await temporary(), 'app.log');
    await writeFile(path, Buffer.alloc(20_000_000, 'x'));
    const upload = uploadPath(client, path);
    const growing = (async () => {
      for (let line = 0; line < 20; line++) await appendFile(path, 'more\n');
    })();
    await Promise.all([upload, growing]);
    expect(bodies[0]?.length).toBeLessThan(20_001_000);
    expect(bodies[0]?.includes(Buffer.alloc(20_000_000, 'x'))).toBe(true);
  });

  it
    .runIf(process.platform === 'linux')
    .each(['/proc/self/mem', '/proc/self/status', '/proc/self/pagemap', '/proc/kmsg', '/sys/kernel/notes'])(
    'refuses %s, which the kernel makes, without waiting for it',
    async (path) => {
      const { client, bodies } = await uploads();
      // Also by a link.
      const link = join(await temporary(), 'link');
      await symlink(path, link);
      for (const name of [path, link]) {
        const error = await thrownBy(uploadPath(client, name));
        expect([isInvalidInputError(error), error.message]).toEqual([true, expect.stringContaining(name)]);
      }
      expect(bodies).toEqual([]);
    },
  );

  it.runIf(process.platform === 'linux')('refuses content without a size on any file system', async () => {
    const { client, bodies } = await uploads();
    fs.type = 0x65735546;
    await expect(uploadPath(client, '/proc/self/status')).rejects.toThrow(/size says nothing/);
    expect(bodies).toEqual([]);
  });
});
