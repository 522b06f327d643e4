/**
 * npm run bench:files [-- --check] [--quick]
 *
 * Moves 512 MiB up and down, each way in a process of its own, and compares memory and speed with a plain
 * http pipeline of the same run; and 1,000 artifacts of 10 kB at 20 ms latency with a loop of SDK calls.
 * Floor and ours take turns, and the best round of each counts for its speed, since whatever else the machine
 * does only takes away; for memory the median does. `--check` fails where a target is missed. `--quick` has
 * fewer rounds, leaves the SDK's ways out, and does not judge the speed of three rounds.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MIB = 1024 * 1024;
const SIZE = 512 * MIB;
const isQuick = process.argv.includes('--quick');
const ROUNDS = isQuick ? 3 : 7;
const ARTIFACTS = 1000;
/** A loop is as long as its parts. */
const LOOPED = 200;

const TARGETS = {
  'ours: uploadPath': { peakMiB: 120, ratio: 0.9 },
  'ours: uploadStream': { peakMiB: 120, ratio: 0.9 },
  'ours: saveArtifacts': { peakMiB: 140, ratio: 0.9 },
};
const TIMES_FASTER = 7;

const UP = [
  'floor',
  'floor, 1 MiB reads',
  'ours: uploadPath',
  'ours: uploadStream',
  'ours: uploadStream of unknown size',
];
const UP_SDK = isQuick
  ? []
  : [
      'SDK: createReadStream (its own example)',
      'SDK: toFile(readFileSync)',
      'SDK: toFile(createReadStream)',
      'SDK: Response',
      'SDK: File of openAsBlob',
      'SDK: File of openAsBlob, redirect: error',
    ];
const DOWN = ['floor', 'ours: saveArtifacts'];
const DOWN_SDK = isQuick ? [] : ['SDK: pipeline of its body', 'SDK: arrayBuffer', 'SDK: blob'];

const beside = (name) => fileURLToPath(new URL(name, import.meta.url));
const run = promisify(execFile);
const work = await mkdtemp(join(tmpdir(), 'kit-bench-'));
const path = join(work, 'large.bin');
const server = spawn(process.execPath, [beside('files-server.mjs')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
let missed = false;

try {
  await writeLargeFile();
  const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
  const address = line.trim();
  console.log(
    `Node ${process.versions.node}, ${cpus().length} cores, best of ${ROUNDS} rounds (SDK: of one)\n`,
  );
  report('512 MiB up', await measureAll('up', UP, UP_SDK, address));
  report('512 MiB down', await measureAll('down', DOWN, DOWN_SDK, address));
  const loop = (await measure('small', 'SDK: a loop', address, LOOPED)).ms * (ARTIFACTS / LOOPED);
  const ours = (await measure('small', 'ours: saveArtifacts', address, ARTIFACTS)).ms;
  const faster = loop / ours;
  console.log(
    `${ARTIFACTS} artifacts of 10 kB at 20 ms: a loop of SDK calls ${loop.toFixed(0)} ms (${LOOPED} measured), ` +
      `saveArtifacts ${ours.toFixed(0)} ms, ${faster.toFixed(1)} times faster`,
  );
  if (faster < TIMES_FASTER) miss(`1,000 artifacts: wanted ${TIMES_FASTER} times faster`);
} finally {
  server.kill();
  await rm(work, { recursive: true });
}
if (missed && process.argv.includes('--check')) process.exitCode = 1;

async function measureAll(kind, inTurns, once, address) {
  const runs = new Map([...inTurns, ...once].map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of inTurns) runs.get(way).push(await measure(kind, way, address));
  }
  for (const way of once) runs.get(way).push(await measure(kind, way, address));
  return runs;
}

async function measure(kind, way, address, count = 1) {
  const folder = join(work, 'folder');
  await mkdir(folder);
  const env = { ...process.env, COUNT: String(count) };
  const { stdout } = await run(
    process.execPath,
    [beside('files-way.mjs'), kind, way, path, folder, address],
    { env },
  );
  await rm(folder, { recursive: true });
  return JSON.parse(stdout);
}

function report(title, runs) {
  const best = (results) => Math.min(...results.map(({ ms }) => ms));
  console.log(`| ${title} | MiB/s | of the floor | peak MiB |\n|---|---:|---:|---:|`);
  const misses = [];
  for (const [way, results] of runs) {
    const speed = SIZE / MIB / (best(results) / 1000);
    const ratio = best(runs.get('floor')) / best(results);
    const peak = median(results.map(({ peakMiB }) => peakMiB));
    console.log(`| ${way} | ${speed.toFixed(0)} | ${ratio.toFixed(2)} | ${peak.toFixed(0)} |`);
    const target = TARGETS[way];
    if (target && (peak > target.peakMiB || (!isQuick && ratio < target.ratio))) {
      misses.push(`${way}: wanted at most ${target.peakMiB} MiB and at least ${target.ratio}`);
    }
  }
  console.log('');
  for (const one of misses) miss(one);
}

function miss(what) {
  missed = true;
  console.error(`missed: ${what}`);
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

async function writeLargeFile() {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(MIB, 'revenue,region\n');
  for (let written = 0; written < SIZE; written += MIB) await file.write(piece);
  await file.close();
}
