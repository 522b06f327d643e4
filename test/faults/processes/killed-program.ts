import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import { type Checkpoint, type RunnableTool, resumeTurn, runTurn, userMessage } from 'code-execution-kit';
import { TIME } from '../worlds.ts';
import type { Job } from './killed.ts';

/**
 * A turn that is begun, or gone on with from the checkpoint that an
 * earlier process left. Stops where its job says, to be killed there.
 */
const job: Job = JSON.parse(process.argv[2] ?? '');
const fileOf = (name: string) => `${job.folder}/${name}`;

/** Tells the parent, and does nothing more, not even in the background. */
function stopHere(): void {
  writeSync(1, 'here\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function store(name: string, value: unknown): void {
  writeFileSync(fileOf(`${name}.new`), JSON.stringify(value));
  renameSync(fileOf(`${name}.new`), fileOf(name));
}

const double: RunnableTool = {
  name: 'double',
  input_schema: { type: 'object', properties: { n: { type: 'number' } } },
  allowed_callers: ['direct', 'code_execution_20260120'],
  run(input: { n: number }) {
    appendFileSync(fileOf('calls'), `${input.n}\n`);
    if (job.stop?.at === 'handler') stopHere();
    return String(2 * input.n);
  },
} as never;

const options = {
  maxPauses: 40,
  now: () => TIME,
  onCheckpoint(checkpoint: Checkpoint) {
    store('checkpoint', checkpoint);
    // Not at the one that is stored before a response is begun again, or no process gets any further.
    if (job.stop?.at === 'checkpoint' && checkpoint.spent.reruns === 0) stopHere();
  },
  onEvent(event: { readonly type: string; readonly execution?: { readonly responseIndex: number } }) {
    appendFileSync(fileOf('events'), `${JSON.stringify(event)}\n`);
    const { stop } = job;
    if (stop?.at !== 'result' || event.type !== 'execution-end') return;
    if (event.execution && stop.response === readResponses()) stopHere();
  },
};

/** Responses that the checkpoint holds. */
const readResponses = () =>
  existsSync(fileOf('checkpoint'))
    ? (JSON.parse(readFileSync(fileOf('checkpoint'), 'utf8')) as Checkpoint).responses.length
    : 0;

const client = new Anthropic({ apiKey: 'none', baseURL: job.url });
const stored = existsSync(fileOf('checkpoint')) ? readFileSync(fileOf('checkpoint'), 'utf8') : undefined;
const turn = stored
  ? await resumeTurn(client, JSON.parse(stored), { ...options, tools: [double], rerun: true }).turn()
  : await runTurn(
      client,
      { model: 'claude-opus-5-5', max_tokens: 1000, tools: [double], messages: [userMessage('Go.')] },
      options,
    );
store('turn', turn);
