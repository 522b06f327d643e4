import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import type { Artifact } from 'code-execution-kit';
import { saveArtifacts } from 'code-execution-kit/node';
import { describe, expect, it } from 'vitest';
import { listed } from '../support/artifacts.ts';
import { serve } from '../support/server.ts';
import { temporary } from '../support/world.ts';

/** Processes that are killed; 100 in CI. */
const KILLS = Number(process.env['KILLS'] ?? 6);
const FILE = {
  ...listed,
  status: 'described',
  name: 'report.csv',
  mimeType: 'text/csv',
  downloadable: true,
} as const;

const visible = async (folder: string) =>
  (await readdir(folder)).filter((name) => name !== '.artifacts.jsonl');

describe('a process that is killed', () => {
  const script = fileURLToPath(new URL('../support/killed-save.ts', import.meta.url));
  const whole = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [
      `file_${index}`,
      Buffer.alloc(20_000 + index * 30_000, `${index}-`),
    ]),
  );

  it(
    `leaves no half file under a name, at ${KILLS} random points, and the next run completes`,
    async () => {
      // Bodies come in pieces, so that kills meet them in their midst.
      const baseURL = await serve(async (request, reply) => {
        const body = whole[/file_\d+/.exec(request.url ?? '')?.[0] ?? ''] ?? Buffer.alloc(0);
        reply.writeHead(200, { 'content-length': body.length });
        for (let at = 0; at < body.length; at += 20_000) {
          reply.write(body.subarray(at, at + 20_000));
          await sleep(3);
        }
        reply.end();
      });
      const artifacts = Object.entries(whole).map(
        ([fileId, { length }]): Artifact => ({ ...FILE, fileId, sizeBytes: length }),
      );
      const client = new Anthropic({ apiKey: 'none', baseURL });
      let midway = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const folder = await temporary();
        const args = ['--import', 'tsx', script, baseURL, folder, JSON.stringify(artifacts)];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        const ended = once(child, 'exit');
        // Its first words, or its end where it cannot begin.
        await Promise.race([once(child.stdout, 'data'), ended]);
        expect(child.exitCode).toBe(null);
        await sleep(Math.random() * 150);
        child.kill('SIGKILL');
        await ended;
        const before = (await visible(folder)).filter((name) => !name.endsWith('.part'));
        for (const name of before) {
          const found = await readFile(join(folder, name));
          expect(
            Object.values(whole).some((body) => body.equals(found)),
            `${name} is whole`,
          ).toBe(true);
        }
        if (before.length < artifacts.length) midway++;
        const saved = await saveArtifacts(client, artifacts, folder);
        expect((await visible(folder)).length, 'no file twice, and no part left').toBe(artifacts.length);
        for (const { fileId, path } of saved)
          expect((await readFile(path)).equals(whole[fileId] as Buffer)).toBe(true);
      }
      expect(midway).toBeGreaterThan(KILLS / 3);
    },
    60_000 + KILLS * 5000,
  );
});
