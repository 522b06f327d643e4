import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import type { RunnableTool } from 'code-execution-kit';
import {
  bash,
  callTool,
  cannedSandbox,
  create,
  type DynamicScript,
  inParallel,
  pause,
  python,
  type Step,
  say,
  think,
} from 'code-execution-kit/emulator';
import * as z from 'zod';
import type { World } from './row.ts';

/** The time, where nothing else is said. */
export const TIME = new Date('2026-11-22T10:00:00Z');

/** Doubles a number; Claude may call it, and code, too. */
export const double = {
  ...betaZodTool({
    name: 'double',
    description: 'Doubles a number.',
    inputSchema: z.object({ n: z.number() }),
    run: ({ n }) => String(2 * n),
  }),
  allowed_callers: ['direct', 'code_execution_20260120'],
} as unknown as RunnableTool;

/** The same for Claude only. */
const uncalled = { ...double, allowed_callers: ['direct'] } as unknown as RunnableTool;

export const doubling = (run: (input: { n: number }, context?: unknown) => unknown): RunnableTool =>
  ({ ...double, run }) as RunnableTool;

/**
 * Python calls `double` twice at once where it may, then
 * once more; bash repeats its source and leaves a file.
 */
export const sandbox = cannedSandbox(async ({ language, source, tools }) => {
  if (language === 'bash') return { stdout: `${source}\n`, files: { 'out.csv': source } };
  if (!tools.names.includes('double')) return { stdout: `${source}\n` };
  const call = (n: number) => ({ name: 'double', input: { n } });
  const first = await tools.call([call(1), call(2)]);
  const [last] = await tools.call([call(3)]);
  return { stdout: [...first, last].map((reply) => `${reply?.kind} ${reply?.text}`).join(', ') };
});

/** Two responses: code and a file in the first, the answer in the second. */
export const PAUSED: readonly Step[] = [
  say('Let me see.'),
  bash('first'),
  pause(),
  bash('second'),
  say('Done.'),
];

/**
 * All that a turn may be made of: texts, thoughts, calls alone
 * and at once, files, pauses, tools of Claude and of its code.
 */
export const BUSY: readonly Step[] = [
  say('Let me see.'),
  bash('first'),
  pause(),
  think('Hm.'),
  create('/tmp/note.txt', 'A note.'),
  inParallel(bash('left'), bash('right')),
  callTool('double', { n: 20 }),
  python('…'),
  pause(bash('open')),
  say('Done.'),
];

/**
 * The same without code that calls tools, told by the history: what was
 * asked for and did not arrive is said again, however much of it was sent.
 */
const CALM: readonly (readonly Step[])[] = [
  [say('Let me see.'), bash('first'), pause()],
  [
    think('Hm.'),
    create('/tmp/note.txt', 'A note.'),
    inParallel(bash('left'), bash('right')),
    callTool('double', { n: 20 }),
  ],
  [python('…'), pause(bash('open'))],
  [say('Done.')],
];
const calmly = byHistory(CALM);

/** The n-th of these responses after n - 1 responses of the history. */
export function byHistory(responses: readonly (readonly Step[])[]): DynamicScript {
  return ({ messages }) => responses[messages.filter(({ role }) => role === 'assistant').length] ?? [];
}

export const calm = (more: World = {}): World => ({ script: calmly, sandbox, tools: [uncalled], ...more });
export const paused = (more: World = {}): World => ({ script: PAUSED, sandbox, ...more });
export const busy = (more: World = {}): World => ({ script: BUSY, sandbox, tools: [double], ...more });
