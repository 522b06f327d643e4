import { appendFileSync, existsSync, writeSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import { type BatchLedger, isBatchError, type RunBatchOptions, runBatch } from 'code-execution-kit/batch';
import { fileStore } from 'code-execution-kit/node';
import { doubling, items, MAX_BATCH_BYTES, paramsFor } from './batch-items.ts';

/** Where the process is killed: at its n-th of these steps. */
export interface BatchStop {
  readonly at: 'before-post' | 'posted' | 'saving' | 'saved' | 'wait' | 'read' | 'item' | 'handler';
  readonly nth: number;
}

export interface BatchJob {
  readonly url: string;
  readonly folder: string;
  readonly stop?: BatchStop | undefined;
}

/** A run of 2,000 items that is begun, or gone on with from the ledger that an earlier process left. */
const job: BatchJob = JSON.parse(process.argv[2] ?? '');
const reached = new Map<string, number>();

function step(at: BatchStop['at']): void {
  const count = (reached.get(at) ?? 0) + 1;
  reached.set(at, count);
  if (job.stop?.at !== at || job.stop.nth !== count) return;
  writeSync(1, 'killed\n');
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const client = new Anthropic({
  apiKey: 'none',
  baseURL: job.url,
  async fetch(input, init) {
    const { pathname } = new URL(String(input));
    const isPost = init?.method === 'POST' && pathname.endsWith('/batches');
    if (isPost) step('before-post');
    const response = await fetch(input, init);
    if (isPost) step('posted');
    else if (pathname.endsWith('/results')) step('read');
    else step('wait');
    return response;
  },
});
const file = fileStore<BatchLedger>(`${job.folder}/ledger.json`);
const store = {
  load: () => file.load(),
  async save(ledger: BatchLedger) {
    step('saving');
    collect();
    await file.save(ledger);
    step('saved');
  },
};

/** So that the peak is what is held, and not what V8 has left lying. */
function collect(): void {
  globalThis.gc?.();
}

// Idle is a program that has everything loaded and has asked once.
await client.models.list();
collect();
const idle = process.memoryUsage.rss();

let answer: Pick<RunBatchOptions, 'adopt' | 'resend'> = {};
for (;;) {
  try {
    const run = runBatch(client, items(), {
      store,
      paramsFor,
      tools: [doubling(() => step('handler'))],
      retry: ['errored', 'expired', 'canceled'],
      maxBatchBytes: MAX_BATCH_BYTES,
      pollIntervalMs: 20,
      ...answer,
    });
    for await (const item of run) {
      const answered = item.status === 'ended' ? item.turn.answer : '';
      appendFileSync(`${job.folder}/items`, `${item.customId} ${item.status} ${JSON.stringify(answered)}\n`);
      step('item');
    }
    break;
  } catch (error) {
    if (!isBatchError(error) || error.code !== 'submission_unknown') throw error;
    const [found] = error.candidates ?? [];
    answer = found ? { adopt: found.id } : { resend: true };
    appendFileSync(`${job.folder}/answers`, `${found ? 'adopt' : 'resend'}\n`);
  }
}
const peak = process.resourceUsage().maxRSS * 1024;
if (!existsSync(`${job.folder}/ledger.json`)) throw new Error('no ledger');
console.log(JSON.stringify({ overIdle: peak - idle, idle }));
