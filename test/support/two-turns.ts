import type { RunnableTool, SessionDefaults } from 'code-execution-kit';
import { bash, callTool, pause, type Step, say, stop } from 'code-execution-kit/emulator';
import { deepFreeze } from './freeze.ts';

/** Two turns of a session; the second pauses and calls a tool, so that it comes to three checkpoints. */
export const twoTurns: readonly Step[] = [
  bash('first'),
  say('One.'),
  stop(),
  bash('second'),
  pause(),
  callTool('double', { n: 21 }),
  bash('third'),
  say('It is 42.'),
];

/** As `betaZodTool` makes it. */
export const double: RunnableTool = {
  name: 'double',
  input_schema: { type: 'object', properties: { n: { type: 'number' } } },
  run: ({ n }: { readonly n: number }) => String(2 * n),
} as RunnableTool;

export const defaults: SessionDefaults = deepFreeze({
  model: 'claude-opus-5-5',
  max_tokens: 1000,
  tools: [double],
});

/** A text, and blocks. */
export const inputs = deepFreeze(['First.', [{ type: 'text', text: 'Second.' }]] as const);
