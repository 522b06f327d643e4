/**
 * Downloads to disk, each way in a process of its own: one file of 512 MiB against a plain http pipeline that writes and fsyncs, with
 * peak memory; and 1,000 artifacts of 10 kB at 20 ms latency against a loop of SDK calls.
 *
 *   node download.mjs [--quick] [--check]
 */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const self = fileURLToPath(import.meta.url);
const run = promisify(execFile);
const LARGE = 512 * 2 ** 20;
const SMALL = 10_000;
const LATENCY_MS = 20;

/** Files of one size: `/large/…` at once, `/small/…` behind the latency. */
function serveFiles(request, reply) {
  const url = new URL(request.url, 'http://x');
  const isLarge = url.pathname.startsWith('/large');
  const size = isLarge ? LARGE : SMALL;
  const file = (id) => ({
    id,
    type: 'file',
    filename: `${id}.bin`,
    mime_type: 'application/octet-stream',
    size_bytes: size,
  });
  const json = (body) =>
    reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const id = url.pathname.split('/')[4];
  const answer = () => {
    if (!id) return json({ data: url.searchParams.getAll('ids[]').map(file), next_page: null });
    if (!url.pathname.endsWith('/content')) return json(file(id));
    reply.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
    if (!isLarge) return reply.end(Buffer.alloc(size, 'x'));
    const piece = Buffer.alloc(256 * 1024, 'x');
    let left = size;
    const write = () => {
      while (left > 0) {
        left -= piece.length;
        if (!reply.write(piece)) return void reply.once('drain', write);
      }
      reply.end();
    };
    write();
  };
  if (isLarge) answer();
  else setTimeout(answer, LATENCY_MS);
}

const artifactsOf = (count) =>
  Array.from({ length: count }, (_, index) => ({
    fileId: `file_${index}`,
    executionId: 'x',
    status: 'listed',
    name: null,
    mimeType: null,
    sizeBytes: null,
    createdAt: null,
    expiresAt: null,
    downloadable: null,
  }));

const ways = {
  async 'plain http'(baseURL, folder) {
    const path = join(folder, 'plain.bin');
    await new Promise((resolve, reject) => {
      get(`${baseURL}/v1/files/file_0/content`, (response) =>
        pipeline(response, createWriteStream(path)).then(resolve, reject),
      );
    });
    const handle = await open(path, 'r+');
    await handle.sync();
    await handle.close();
  },

  async 'SDK loop'(baseURL, folder, count) {
    const { default: Anthropic } = await import('@anthropic-ai/sdk');
    const client = new Anthropic({ apiKey: 'none', baseURL });
    for (const { fileId } of artifactsOf(count)) {
      const { filename } = await client.files.retrieveMetadata(fileId);
      const response = await client.files.download(fileId);
      await writeFile(join(folder, filename), new Uint8Array(await response.arrayBuffer()));
    }
  },

  async saveArtifacts(baseURL, folder, count) {
    const { default: Anthropic } = await import('@anthropic-ai/sdk');
    const { saveArtifacts } = await import('../../dist/node.js');
    const client = new Anthropic({ apiKey: 'none', baseURL });
    await saveArtifacts(client, artifactsOf(count), folder);
  },
};

const [mode, ...rest] = process.argv.slice(2);
if (mode === '--server') {
  const server = createServer(serveFiles);
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
} else if (mode === '--way') {
  const [way, baseURL, folder, count] = rest;
  const start = performance.now();
  await ways[way](baseURL, folder, Number(count));
  console.log(
    JSON.stringify({ ms: performance.now() - start, peakMiB: process.resourceUsage().maxRSS / 1024 }),
  );
} else {
  await compare(process.argv.includes('--quick') ? 3 : 7);
}

async function compare(runs) {
  const server = execFile(process.execPath, [self, '--server']);
  const port = await new Promise((resolve) => server.stdout.once('data', (text) => resolve(Number(text))));
  const measure = async (way, kind, count) => {
    const folder = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), 'kit-bench-'));
    const url = `http://127.0.0.1:${port}/${kind}`;
    const { stdout } = await run(process.execPath, [self, '--way', way, url, folder, String(count)]);
    await rm(folder, { recursive: true, force: true });
    await sleep(200);
    return JSON.parse(stdout);
  };
  try {
    const large = { 'plain http': [], saveArtifacts: [] };
    // In turns, so that a slow moment of the disk meets both.
    for (let i = 0; i < runs; i++)
      for (const way of Object.keys(large)) large[way].push(await measure(way, 'large', 1));
    const plain = median(large['plain http']);
    const ours = median(large.saveArtifacts);
    const peak = Math.max(...large.saveArtifacts.map(({ peakMiB }) => peakMiB));
    const throughput = plain / ours;
    console.log(`512 MiB: plain http ${plain.toFixed(0)} ms, saveArtifacts ${ours.toFixed(0)} ms`);
    console.log(
      `throughput ${throughput.toFixed(2)} of plain http (0.9), peak memory ${peak.toFixed(0)} MiB (140)`,
    );
    const many = (await measure('saveArtifacts', 'small', 1000)).ms;
    // A loop is as long as its parts: 200 of 1,000 tell.
    const loop = (await measure('SDK loop', 'small', 200)).ms * 5;
    console.log(
      `1,000 artifacts: SDK loop ${loop.toFixed(0)} ms, saveArtifacts ${many.toFixed(0)} ms: ${(loop / many).toFixed(1)} times faster (7)`,
    );
    const isWithin = throughput >= 0.9 && peak <= 140 && loop / many >= 7;
    if (process.argv.includes('--check') && !isWithin) process.exitCode = 1;
  } finally {
    server.kill();
  }
}

function median(measured) {
  const times = measured.map(({ ms }) => ms).sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)];
}
