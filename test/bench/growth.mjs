/**
 * npm run bench:growth [-- --check]
 *
 * How the time of a turn grows with what arrives: 1e4 of each kind, then 1e5, as
 * ratios in one run. Linear is 10; `--check` fails from 15 on. What is slow at 1e5
 * is a way to stop a server, so inputs, names and redaction are measured, too.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import Anthropic from '@anthropic-ai/sdk';
import { recorder } from '../../dist/emulator.js';
import { artifactsOf, executionsOf, parseStdout, runTurn, turnEvents } from '../../dist/index.js';
import { saveArtifacts } from '../../dist/node.js';
import { FEW, KINDS, MANY, whole } from './growth-streams.mjs';

const LIMIT = 15;
const check = process.argv.includes('--check');
/** The limits that would stop it. */
const HUGE = { maxTurnBytes: 2 ** 40, maxEventBytes: 2 ** 40, maxTurnEvents: 2 ** 40 };

/** A cut stream is an outcome here like any other: what counts is how long it takes to say so. */
async function settle(promise) {
  try {
    await promise;
  } catch (error) {
    if (error?.code !== 'stream_cut') throw error;
  }
}

const response = (text) => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
const clientOf = (fetch) => new Anthropic({ apiKey: 'none', fetch, maxRetries: 0, logLevel: 'off' });
/** Answers each message with this stream, and each look-up of files with their names. */
const serving = (text) =>
  clientOf(async (url, { method }) => {
    if (method.toUpperCase() === 'POST') return response(text);
    const ids = new URL(url).searchParams.getAll('ids[]');
    return Response.json({ data: ids.map((id) => ({ ...FILE, id })), has_more: false });
  });
const FILE = {
  type: 'file',
  filename: 'a.csv',
  mime_type: 'text/csv',
  size_bytes: 1,
  created_at: '2026-11-22T10:00:00Z',
  downloadable: true,
};
const ONE_FILE = {
  type: 'bash_code_execution_tool_result',
  tool_use_id: 'srvtoolu_1',
  content: {
    type: 'bash_code_execution_result',
    stdout: '',
    stderr: '',
    return_code: 0,
    content: [{ type: 'bash_code_execution_output', file_id: 'file_1' }],
  },
};
const params = { model: 'claude-opus-5-5', max_tokens: 1000, messages: [{ role: 'user', content: 'x' }] };

/** Each way in which a stream is read. */
const WAYS = {
  runTurn: (text) => settle(runTurn(serving(text), params, HUGE)),
  turnEvents: (text) =>
    settle(
      (async () => {
        for await (const _ of turnEvents(response(text), HUGE));
      })(),
    ),
};

async function saved(name) {
  const directory = await mkdtemp(join(tmpdir(), 'growth-'));
  const fetch = async (url) =>
    String(url).endsWith('/content')
      ? new Response('x')
      : Response.json({ data: [{ ...FILE, id: 'file_1', filename: name }] });
  try {
    const arrived = await saveArtifacts(clientOf(fetch), artifactsOf({ content: [ONE_FILE] }), directory);
    if (arrived.length !== 1) throw new Error(`${name.slice(0, 20)}… was not saved`);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function recorded(text) {
  const directory = await mkdtemp(join(tmpdir(), 'growth-'));
  try {
    const recording = recorder({ client: clientOf(async () => response(text)), directory });
    await settle(runTurn(recording.client, params, HUGE));
    await recording.flush();
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Read from bytes, as it comes: a repeated text is put together when it is first read. */
const printing = (repeated) =>
  executionsOf({
    content: [{ ...ONE_FILE, content: { ...ONE_FILE.content, stdout: String(Buffer.from(repeated)) } }],
  })[0];
const ANYTHING = { '~standard': { version: 1, vendor: 'none', validate: (value) => ({ value }) } };
const key = (n) => `sk-ant-${String(n).padStart(40, 'k')}`;
const OTHERS = {
  'names: dots and spaces': [(n) => `${'. '.repeat(n / 2)}x`, saved],
  'names: dots at the end': [(n) => `x${'.'.repeat(n)}`, saved],
  'names: combining marks': [(n) => `x${'\u0301'.repeat(n)}`, saved],
  'line ends: CR alone': [(n) => whole('text', n, () => 'x').replaceAll('\n', '\r'), WAYS.turnEvents],
  'stdout that is no JSON': [
    (n) => printing('[\n'.repeat(10 * n)),
    (execution) => parseStdout(execution, ANYTHING).catch(() => {}),
  ],
  'redaction: a key in every ten deltas': [
    (n) =>
      whole('text', n, (i) =>
        i % 10 === 0 ? ` ${key(i).slice(0, 20)}` : i % 10 === 1 ? `${key(i - 1).slice(20)} ` : 'x ',
      ),
    recorded,
  ],
};

function* cases() {
  for (const [kind, make] of Object.entries(KINDS)) {
    for (const [way, run] of Object.entries(WAYS)) yield { name: kind, way, make, run };
  }
  for (const [name, [make, run]] of Object.entries(OTHERS)) yield { name, way: '', make, run };
}

/** Milliseconds that V8 stopped for garbage: how it moves old objects is no growth of this package. */
let paused = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) paused += duration;
}).observe({ entryTypes: ['gc'] });

/** Milliseconds of one run without those pauses, over so many in a row. */
async function time(run, input, runs) {
  await new Promise(setImmediate);
  const before = paused;
  const start = performance.now();
  for (let i = 0; i < runs; i++) await run(input);
  const took = performance.now() - start;
  // The observer hears of the last pauses in a later turn of the event loop.
  await new Promise(setImmediate);
  return (took - (paused - before)) / runs;
}

/** What grows with the square is slow each time; a pause of the machine comes once. */
async function measure({ make, run }) {
  const [few, many] = [make(FEW), make(MANY)];
  const fewTimes = [];
  const manyTimes = [];
  const median = () => fewTimes.toSorted((a, b) => a - b)[Math.floor(fewTimes.length / 2)];
  const best = () => Math.min(...manyTimes);
  do {
    fewTimes.push(await time(run, few, MANY / FEW));
    manyTimes.push(await time(run, many, 1));
  } while (fewTimes.length < 3 && !(best() / median() < LIMIT));
  return { few: median(), many: best(), ratio: best() / median() };
}

/** One row in a process of its own, so that none pays for the heap and the types of those before it. */
function inProcess(row) {
  const child = fork(import.meta.filename, ['--row', String(row)]);
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`row ${row} ended with ${code}`)));
  });
}

async function table(rows) {
  console.log(`Node ${process.versions.node}\n`);
  console.log(`| what arrives | read by | ${FEW} ms | ${MANY} ms | ratio |\n|---|---|---:|---:|---:|`);
  for (const [index, { name, way }] of rows.entries()) {
    let measured = await inProcess(index);
    for (let tries = 1; tries < 5 && !(measured.ratio < LIMIT); tries++) measured = await inProcess(index);
    const { few, many, ratio } = measured;
    console.log(`| ${name} | ${way} | ${few.toFixed(0)} | ${many.toFixed(0)} | ${ratio.toFixed(1)} |`);
    if (check && !(ratio < LIMIT)) {
      console.error(
        `missed: ${name} ${way}: ${ratio.toFixed(1)} times for 10 times as many, wanted below ${LIMIT}`,
      );
      process.exitCode = 1;
    }
  }
}

const rows = [...cases()];
const row = process.argv.indexOf('--row');
if (row === -1) await table(rows);
else process.send(await measure(rows[Number(process.argv[row + 1])]));
