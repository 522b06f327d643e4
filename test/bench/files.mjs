/**
 * npm run bench:files [-- --check]
 *
 * Uploads 512 MiB to a server that forgets them, in a process of its own for each way, and compares memory and speed
 * with a plain http pipeline. The ways take turns, and the best round of each counts for its speed, since whatever else the machine does
 * only takes away; for memory the median does. `--check` fails above 120 MiB and below 0.9 of the pipeline.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MIB = 1024 * 1024;
const SIZE = 512 * MIB;
const ROUNDS = 7;
const WANTED = { peakMiB: 120, ratio: 0.9 };
const check = process.argv.includes('--check');
const beside = (name) => fileURLToPath(new URL(name, import.meta.url));
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

const folder = await mkdtemp(join(tmpdir(), 'kit-bench-'));
const path = join(folder, 'large.bin');
const server = spawn(process.execPath, [beside('upload-server.mjs')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});

async function measure(way, url) {
  const { stdout } = await promisify(execFile)(process.execPath, [beside('upload-way.mjs'), way, path, url]);
  return JSON.parse(stdout);
}

async function writeLargeFile() {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(MIB, 'revenue,region\n');
  for (let written = 0; written < SIZE; written += MIB) await file.write(piece);
  await file.close();
}

try {
  await writeLargeFile();
  const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
  const url = line.trim();
  const checked = ['path', 'stream'];
  const ways = ['floor', 'floor, 1 MiB reads', ...checked, 'stream of unknown size'];
  const runs = Object.fromEntries(ways.map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ways) runs[way].push(await measure(way, url));
  }
  runs.sdk = [await measure('sdk', url)];
  console.log(`${SIZE / MIB} MiB, Node ${process.versions.node}, ${cpus().length} cores, ${ROUNDS} rounds\n`);
  console.log('| upload | MiB/s | of the floor | peak MiB |\n|---|---:|---:|---:|');
  for (const [way, results] of Object.entries(runs)) {
    const fastest = Math.min(...results.map(({ ms }) => ms));
    const speed = SIZE / MIB / (fastest / 1000);
    const ratio = Math.min(...runs.floor.map(({ ms }) => ms)) / fastest;
    const peak = median(results.map(({ peakMiB }) => peakMiB));
    console.log(`| ${way} | ${speed.toFixed(0)} | ${ratio.toFixed(2)} | ${peak.toFixed(0)} |`);
    if (!check || !checked.includes(way)) continue;
    if (peak <= WANTED.peakMiB && ratio >= WANTED.ratio) continue;
    console.error(`missed: ${way}, wanted at most ${WANTED.peakMiB} MiB and at least ${WANTED.ratio}`);
    process.exitCode = 1;
  }
} finally {
  server.kill();
  await rm(folder, { recursive: true });
}
