import Anthropic from '@anthropic-ai/sdk';
import { type RunnableTool, runTurn, type Turn, userMessage } from 'code-execution-kit';
import { bash, cannedSandbox, createEmulator, pause, python, say } from 'code-execution-kit/emulator';

/**
 * Many turns at once in one process, with the emulator in it. Prints what they took and how many were wrong.
 */
const TURNS = Number(process.argv[2]);
const MIB = 1024 * 1024;

const sandbox = cannedSandbox(async ({ language, source, tools }) => {
  if (language === 'bash') return { stdout: `${source}\n`, files: { [`${source}.txt`]: source } };
  const [reply] = await tools.call([{ name: 'double', input: { n: Number(source) } }]);
  return { stdout: `${reply?.text}\n` };
});
const emulator = createEmulator({
  sandbox,
  script: ({ text: n }) => [
    say(`I have ${n}.`),
    python(n),
    pause(),
    bash(`bash ${n}`),
    say(({ stdout }) => `${stdout.trim()} of ${n}`),
  ],
});
const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });

/** Nobody gets a result before all wait for theirs. */
let waiting = 0;
let open = () => {};
const all = new Promise<void>((resolve) => {
  open = resolve;
});
const double: RunnableTool = {
  name: 'double',
  input_schema: { type: 'object', properties: { n: { type: 'number' } } },
  allowed_callers: ['code_execution_20260120'],
  async run({ n }: { n: number }) {
    if (++waiting === TURNS) open();
    await all;
    return String(2 * n);
  },
} as never;

const isRight = (turn: Turn, n: number): boolean =>
  turn.outcome === 'completed' &&
  turn.text === `I have ${n}.\n\nbash ${n} of ${n}` &&
  turn.answer === `bash ${n} of ${n}` &&
  JSON.stringify(turn.executions.map(({ stdout }) => stdout)) ===
    JSON.stringify([`${2 * n}\n`, `bash ${n}\n`]) &&
  JSON.stringify(turn.toolUses.map(({ input }) => input)) === JSON.stringify([{ n }]) &&
  turn.artifacts.length === 1 &&
  turn.artifacts[0]?.name === `bash ${n}.txt` &&
  turn.responses.length === 3;

globalThis.gc?.();
const idle = process.memoryUsage.rss();
const start = performance.now();
const turns = await Promise.all(
  Array.from({ length: TURNS }, (_, n) =>
    runTurn(client, {
      ...{ model: 'claude-opus-5-5', max_tokens: 1000, tools: [double] },
      messages: [userMessage(String(n))],
    }),
  ),
);
const milliseconds = performance.now() - start;
const peak = process.resourceUsage().maxRSS * 1024;
emulator.assertDone();
console.log(
  JSON.stringify({
    right: turns.filter(isRight).length,
    containers: new Set(turns.map(({ container }) => container?.id)).size,
    idleMiB: Math.round(idle / MIB),
    peakMiB: Math.round(peak / MIB),
    milliseconds: Math.round(milliseconds),
  }),
);
