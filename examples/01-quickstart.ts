/**
 * The main job from end to end: a question and a CSV file
 * go in; an answer, every execution and the files come out.
 *
 *   npm run demo               offline, against the emulator
 *   npm run demo -- --system   with this machine's Python in bubblewrap, and a chart by its matplotlib
 *   npm run demo -- --live     against the real API, with ANTHROPIC_API_KEY set
 */
import { rm } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { artifactInstructions, streamTurn, userMessage } from 'code-execution-kit';
import { createEmulator, systemSandbox } from 'code-execution-kit/emulator';
import { saveArtifacts, uploadPath } from 'code-execution-kit/node';
import { script, scriptWithMatplotlib } from './quickstart/script.ts';
import { bold, createTurnView, dim, printable } from './quickstart/terminal.ts';
import { showTransfers } from './quickstart/transfers.ts';

const QUESTION =
  'Clean this sales export and tell me which month was best and the total revenue. ' +
  'Save a table by month and region as summary.csv and a stacked bar chart, drawn without libraries, as revenue.svg.';

const write = (text: string) => void process.stdout.write(text);

async function main(): Promise<void> {
  const [flag] = process.argv.slice(2);
  const [live, system] = [flag === '--live', flag === '--system'];
  if (flag && !live && !system) throw new Error(`Unknown argument ${flag}. There are --live and --system.`);
  if (live && !process.env['ANTHROPIC_API_KEY']) {
    throw new Error('--live asks the real API and needs ANTHROPIC_API_KEY. Leave --live out to run offline.');
  }
  await using emulator = createEmulator({
    script: system ? scriptWithMatplotlib : script,
    sandbox: system ? systemSandbox() : undefined,
    eventDelayMs: process.stdout.isTTY ? 5 : 0,
  });
  const client = live ? new Anthropic() : new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
  write(dim(`${live ? 'Real API' : 'Offline, with the emulator'}\n\n`));

  const file = await showTransfers(process.stdout, ({ upload }) =>
    uploadPath(client, new URL('data/sales.csv', import.meta.url), { onProgress: upload('sales.csv') }),
  );
  write(`${bold('?')} ${QUESTION}\n  ${file.filename}, ${file.size_bytes} bytes, ${file.id}\n\n`);

  const stream = streamTurn(client, {
    model: 'claude-opus-5-5',
    max_tokens: 32_000,
    system: artifactInstructions(),
    messages: [userMessage(QUESTION, { files: [file] })],
  });
  const show = createTurnView(write);
  for await (const event of stream) show(event);

  const turn = await stream.turn();
  // Each run leaves the same two names; saveArtifacts itself never replaces a file.
  for (const { name } of turn.artifacts)
    await rm(join('out', basename(name ?? '')), { force: true, recursive: false });
  const saved = await showTransfers(process.stdout, ({ download }) =>
    saveArtifacts(client, turn.artifacts, 'out', { onProgress: download }),
  );
  if (!live) emulator.assertDone();

  const { input_tokens, output_tokens } = turn.usage;
  const rows = [
    ['outcome', `${turn.outcome} (${turn.stopReason})`],
    ['answer', printable(turn.answer)],
    ['executions', turn.executions.map(({ kind, status }) => `${kind} ${status}`).join(', ')],
    ['container', `${turn.container?.id}, until ${turn.container?.expiresAt}`],
    ['usage', `${input_tokens} tokens in, ${output_tokens} out, over ${turn.exchanges.length} responses`],
    ['files', saved.map(({ path, sizeBytes }) => `${relative('.', path)} (${sizeBytes} bytes)`).join('\n')],
  ];
  for (const [name = '', text = ''] of rows)
    write(`${bold(name.padEnd(11))} ${text.replaceAll('\n', `\n${' '.repeat(12)}`)}\n`);
  const chart = saved.find(({ name }) => name.endsWith('.svg'));
  if (chart) write(`\nOpen ${relative('.', chart.path)} in a browser to see the chart.\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${printable(error instanceof Error ? error.message : String(error))}\n`);
  process.exitCode = 1;
}
