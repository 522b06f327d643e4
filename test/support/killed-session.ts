/**
 * A process of its own: `killed-session.ts <url> <file> <n>` runs two turns, stores
 * the session at each checkpoint, and is killed at the n-th, right after the write.
 */
import { writeFile } from 'node:fs/promises';
import Anthropic from '@anthropic-ai/sdk';
import { createSession } from 'code-execution-kit';
import { defaults, inputs } from './two-turns.ts';

const [baseURL = '', path = '', last] = process.argv.slice(2);
const session = createSession(new Anthropic({ apiKey: 'none', baseURL, maxRetries: 0 }), defaults);
let checkpoints = 0;

async function onCheckpoint(): Promise<void> {
  await writeFile(path, JSON.stringify(session));
  if (++checkpoints < Number(last)) return;
  process.kill(process.pid, 'SIGKILL');
  await new Promise(() => {});
}

await session.run(inputs[0]);
await session.run(inputs[1], { onCheckpoint });
