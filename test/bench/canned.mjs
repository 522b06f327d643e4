/**
 * node test/bench/canned.mjs [--check], after npm run build
 *
 * How many canned turns the emulator answers over HTTP in a second: it runs in a process
 * of its own, and this one asks, 20 at a time. The best of three rounds of 2 seconds
 * counts: whatever else the machine does only takes away. `--check` fails under 200.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const WANTED = 200;
const CONCURRENT = 20;
const check = process.argv.includes('--check');
const body = (stream) =>
  JSON.stringify({
    model: 'claude-opus-5-5',
    max_tokens: 1000,
    stream,
    tools: [{ type: 'code_execution_20260120', name: 'code_execution' }],
    messages: [{ role: 'user', content: 'Sum up the amounts by region.' }],
  });

const server = spawn(process.execPath, [fileURLToPath(new URL('canned-server.mjs', import.meta.url))], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [line] = await once(server.stdout.setEncoding('utf8'), 'data');
const url = `${line.trim()}/v1/messages`;

/** Asks once and reads everything; a turn that is not whole must not count. */
async function ask(stream) {
  const headers = {
    'x-api-key': 'none',
    'anthropic-version': '2023-06-01',
    'content-type': 'application/json',
  };
  const response = await fetch(url, { method: 'POST', headers, body: body(stream) });
  const text = await response.text();
  const isWhole = stream ? text.includes('\nevent: message_stop\n') : JSON.parse(text).content?.length === 6;
  if (response.status !== 200 || !isWhole) throw new Error(`${response.status}: ${text.slice(0, 500)}`);
}

/** Turns per second over so many seconds, so many at a time. */
async function measure(stream, seconds) {
  const start = performance.now();
  const end = start + seconds * 1000;
  let count = 0;
  const worker = async () => {
    while (performance.now() < end) {
      await ask(stream);
      count++;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  return (count / (performance.now() - start)) * 1000;
}

try {
  console.log(`${CONCURRENT} at a time, Node ${process.versions.node}, ${cpus().length} cores\n`);
  console.log('| canned turns | per second |\n|---|---:|');
  for (const [name, stream] of [
    ['blocking', false],
    ['streamed', true],
  ]) {
    // What does not count: code is compiled meanwhile, and connections are made.
    await measure(stream, 1);
    const rates = [];
    for (let round = 0; round < 3; round++) rates.push(await measure(stream, 2));
    const rate = Math.max(...rates);
    console.log(`| ${name} | ${rate.toFixed(0)} |`);
    if (check && !(rate >= WANTED)) {
      console.error(`missed: ${name}, ${rate.toFixed(0)} turns per second, wanted at least ${WANTED}`);
      process.exitCode = 1;
    }
  }
} finally {
  server.kill();
}
