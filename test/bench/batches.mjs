/**
 * node test/bench/batches.mjs [--check], after npm run build
 *
 * How fast 20,000 canned results are read: by a loop over the SDK's own `results()`, and by `readBatch`, of
 * the same bytes from a server in a process of its own. The two take turns, and the best of five rounds
 * counts, since whatever else the machine does only takes away. Wanted is 0.7 of the SDK's speed;
 * `--check` fails under what is reached so far.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const ITEMS = 20_000;
const ROUNDS = 5;
const WANTED = 0.7;
/** What is reached so far: `readBatch` also keeps an account of each item. */
const FLOOR = 0.4;
const BATCH = 'msgbatch_1';

if (process.argv.includes('--serve')) await serve();
else await measure();

/** Prints its address. */
async function serve() {
  const text = 'Revenue grew by four percent in March, and the chart shows it by region. '.repeat(8);
  const call = {
    type: 'server_tool_use',
    name: 'bash_code_execution',
    input: { command: 'python report.py' },
  };
  const content = {
    type: 'bash_code_execution_result',
    stdout: 'month,revenue\n'.repeat(20),
    ...{ stderr: '', return_code: 0, content: [] },
  };
  const lines = Array.from({ length: ITEMS }, (_, index) => {
    const id = `srvtoolu_${index}`;
    const blocks = [
      { ...call, id },
      { type: 'bash_code_execution_tool_result', tool_use_id: id, content },
      { type: 'text', text },
    ];
    const message = {
      ...{
        id: `msg_${index}`,
        type: 'message',
        role: 'assistant',
        model: 'claude-opus-5-5',
        content: blocks,
      },
      ...{ stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 900, output_tokens: 300 } },
    };
    return JSON.stringify({ custom_id: `item-${index}`, result: { type: 'succeeded', message } });
  });
  const body = Buffer.from(`${lines.join('\n')}\n`);
  const server = createServer(({ url, headers }, reply) => {
    if (new URL(url, 'http://x').pathname.endsWith('/results')) {
      reply.writeHead(200, { 'content-type': 'application/x-jsonl', 'content-length': body.length });
      reply.end(body);
      return;
    }
    reply.writeHead(200, { 'content-type': 'application/json' });
    const counts = { processing: 0, succeeded: ITEMS, errored: 0, canceled: 0, expired: 0 };
    const times = { created_at: '2026-11-26T00:00:00Z', ended_at: '2026-11-26T01:00:00Z' };
    const results = `http://${headers.host}/v1/messages/batches/${BATCH}/results`;
    const batch = {
      id: BATCH,
      processing_status: 'ended',
      request_counts: counts,
      ...times,
      results_url: results,
    };
    reply.end(JSON.stringify(batch));
  });
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
}

async function measure() {
  const { default: Anthropic } = await import('@anthropic-ai/sdk');
  const { readBatch } = await import('../../dist/batch.js');
  const server = spawn(process.execPath, [fileURLToPath(import.meta.url), '--serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [address] = await once(server.stdout, 'data');
    const client = new Anthropic({ apiKey: 'none', baseURL: String(address).trim() });
    const customIds = Array.from({ length: ITEMS }, (_, index) => `item-${index}`);
    const batch = { id: BATCH, at: '2026-11-26T00:00:00Z', isAdopted: false, restarted: [] };
    const round = { sending: null, isWhole: true, answers: [], waiting: [] };
    const ledger = {
      version: 1,
      shapes: [{ model: 'claude-opus-5-5', system: null, tools: [], skills: [] }],
      rounds: [{ ...round, batches: [{ ...batch, items: [{ shape: 0, customIds }] }] }],
      notices: [],
    };
    const ways = {
      async sdk() {
        let count = 0;
        for await (const { result } of await client.messages.batches.results(BATCH)) {
          if (result.type === 'succeeded') count++;
        }
        return count;
      },
      async ours() {
        let count = 0;
        for await (const { status } of readBatch(client, ledger)) if (status === 'ended') count++;
        return count;
      },
    };
    const best = { sdk: 0, ours: 0 };
    // The first round warms up.
    for (let count = 0; count <= ROUNDS; count++) {
      for (const [name, way] of Object.entries(ways)) {
        const start = performance.now();
        if ((await way()) !== ITEMS) throw new Error(`${name} did not read all items`);
        const speed = (ITEMS / (performance.now() - start)) * 1000;
        if (count > 0) best[name] = Math.max(best[name], speed);
      }
    }
    const ratio = best.ours / best.sdk;
    const [sdk, ours] = [best.sdk, best.ours].map(Math.round);
    console.log(`items a second: SDK ${sdk}, readBatch ${ours}: ${ratio.toFixed(2)} of it, wanted ${WANTED}`);
    if (process.argv.includes('--check') && ratio < FLOOR) process.exitCode = 1;
  } finally {
    server.kill();
  }
}
