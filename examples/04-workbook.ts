/**
 * "Make me a workbook": a skill of Anthropic's in the container, and the file that comes of it on disk.
 *
 *   npx tsx examples/04-workbook.ts [folder]
 */
import { readFile } from 'node:fs/promises';
import Anthropic from '@anthropic-ai/sdk';
import { runTurn, skill, userMessage } from 'code-execution-kit';
import { bash, createEmulator, say, view } from 'code-execution-kit/emulator';
import { saveArtifacts } from 'code-execution-kit/node';

const read = (name: string) => readFile(new URL(`skills/xlsx/${name}`, import.meta.url), 'utf8');

// What Claude does here, offline, and a small skill in the place of the real one. With a key:
// `const client = new Anthropic()`.
await using emulator = createEmulator({
  skills: { xlsx: { 'SKILL.md': await read('SKILL.md'), 'workbook.py': await read('workbook.py') } },
  script: [
    view('/skills/xlsx/SKILL.md'),
    bash(`python3 /skills/xlsx/workbook.py "$OUTPUT_DIR/revenue.xlsx" <<'END'
Month,Revenue
January,1200
February,950.5
Sum,=SUM(B2:B3)
END`),
    say('The workbook has a row for each month, and their sum.'),
  ],
});
const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });

const turn = await runTurn(client, {
  model: 'claude-opus-5-5',
  max_tokens: 32_000,
  container: { skills: [skill('xlsx')] },
  messages: [userMessage('Make me a workbook: 1,200 in January, 950.50 in February, and their sum.')],
});
console.log(turn.answer);
for (const { skillId, version } of turn.container?.skills ?? []) console.log(`skill ${skillId} ${version}`);
for (const { path, sizeBytes } of await saveArtifacts(client, turn.artifacts, process.argv[2] ?? '.')) {
  console.log(`${path} (${sizeBytes} bytes)`);
}
emulator.assertDone();
