/**
 * npm run bench:streams [-- --quick] [-- --check]
 *
 * One table: how long each way of reading a streamed response takes, as a ratio to the floor (fetch,
 * TextDecoderStream, EventSourceParserStream and JSON.parse per event). The floor is measured before and
 * after each method, each method in a process of its own and the server in another, all under one Node 22;
 * ours under Node 20, too. Medians of at least 7 runs. `--quick` measures the rows of 1e4 events only;
 * `--check` fails when ours misses its targets.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NODE_20, NODE_22 } from '../peers/peers.mjs';

const quick = process.argv.includes('--quick');
const check = process.argv.includes('--check');
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const OURS = ['ours, iterated', 'ours, turn()'];
const METHODS = [
  ...OURS,
  'ours, live code',
  'SDK raw',
  'SDK .stream()',
  'SDK inputJson',
  'AI SDK fullStream',
];
const ROWS = quick
  ? ['text 1e4', 'input 1e4']
  : ['text 1e3', 'text 1e4', 'text 1e5', 'input 1e3', 'input 1e4', 'input 1e5', 'code 1 MB'];

/**
 * Live code is source, and an `inputJson` listener would take
 * minutes at 1e5 events: its time grows with the square.
 */
function applies(method, row) {
  if (method === 'ours, live code') return row.startsWith('code') || row.startsWith('input');
  if (method === 'SDK inputJson') return ['input 1e3', 'input 1e4', 'code 1 MB'].includes(row);
  return true;
}

const runsOf = (row) => (row.endsWith('1e3') ? 25 : row.endsWith('1e4') ? 15 : 7);

const server = spawn(NODE_22, [here('server.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
const [port] = await once(server.stdout.setEncoding('utf8'), 'data');
const origin = `http://127.0.0.1:${port.trim()}`;

async function measure(node, method, row, ...more) {
  const args = [here('method.mjs'), method, row, origin, String(runsOf(row)), ...more];
  const { stdout } = await promisify(execFile)(node, args);
  return Number(stdout);
}

/** The time of a method, and the floor's around it. */
async function compare(node, method, row) {
  const before = await measure(node, 'floor', row);
  const time = await measure(node, method, row);
  const after = await measure(node, 'floor', row);
  return { time, floor: (before + after) / 2, ratio: time / ((before + after) / 2) };
}

const results = new Map();
const failures = [];
const expectAtMost = (what, value, limit) => {
  if (!(value <= limit)) failures.push(`${what}: ${value.toFixed(2)}, wanted at most ${limit}`);
};

try {
  for (const row of ROWS) {
    for (const [node, label, methods] of [
      [NODE_22, '', METHODS],
      [NODE_20, ' (Node 20)', OURS],
    ]) {
      for (const method of methods.filter((one) => applies(one, row))) {
        const result = await compare(node, method, row);
        results.set(`${method}${label}|${row}`, result);
        process.stderr.write(
          `${method}${label}, ${row}: ${result.time.toFixed(1)} ms, ${result.ratio.toFixed(2)}\n`,
        );
      }
    }
  }
  printTable();
  if (!quick) {
    printGrowth();
    await printMemory();
  }
} finally {
  server.kill();
}

function printTable() {
  const names = [...new Set([...results.keys()].map((key) => key.split('|')[0]))];
  console.log(
    `\nTime relative to the floor (fetch + TextDecoderStream + EventSourceParserStream + JSON.parse = 1.00)\n`,
  );
  console.log(`| method | ${ROWS.join(' | ')} |\n|---|${ROWS.map(() => '---:').join('|')}|`);
  for (const name of names) {
    const cells = ROWS.map((row) => results.get(`${name}|${row}`)?.ratio.toFixed(2) ?? '–');
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
  const floors = ROWS.map((row) => `${results.get(`ours, iterated|${row}`).floor.toFixed(1)} ms`);
  console.log(`| the floor itself | ${floors.join(' | ')} |`);
  for (const row of ROWS.filter((one) => !one.endsWith('1e3'))) {
    const ratio = (method) => results.get(`${method}|${row}`)?.ratio;
    for (const method of METHODS.slice(0, 3))
      if (ratio(method)) expectAtMost(`${method}, ${row}`, ratio(method), 1);
    for (const method of OURS) {
      expectAtMost(`${method} over SDK .stream(), ${row}`, ratio(method) / ratio('SDK .stream()'), 1 / 2);
      expectAtMost(`${method} over AI SDK, ${row}`, ratio(method) / ratio('AI SDK fullStream'), 1 / 10);
    }
  }
}

function printGrowth() {
  console.log('\nGrowth from 1e4 to 1e5 events (10 is linear)\n\n| method | text | input |\n|---|---:|---:|');
  for (const method of [...OURS, 'SDK raw', 'SDK .stream()', 'AI SDK fullStream']) {
    const growth = (kind) =>
      results.get(`${method}|${kind} 1e5`).time / results.get(`${method}|${kind} 1e4`).time;
    console.log(`| ${method} | ${growth('text').toFixed(1)} | ${growth('input').toFixed(1)} |`);
    if (!OURS.includes(method)) continue;
    expectAtMost(`${method}, growth of text`, growth('text'), 11);
    expectAtMost(`${method}, growth of input`, growth('input'), 11);
  }
}

async function printMemory() {
  console.log(
    '\nPeak memory over that of the start, MiB, text 1e5, a reader that rests 20 ms every 1,000 events\n',
  );
  console.log('| method | MiB |\n|---|---:|');
  for (const method of ['floor', 'ours, iterated', 'SDK raw', 'SDK .stream()', 'AI SDK fullStream']) {
    console.log(`| ${method} | ${(await measure(NODE_22, method, 'text 1e5', '--memory')).toFixed(0)} |`);
  }
}

for (const failure of failures) console.error(`missed: ${failure}`);
if (check && failures.length > 0) process.exitCode = 1;
