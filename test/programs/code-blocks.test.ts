import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = `${root}/test/.docs`;
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The first TypeScript block after a heading of a page. */
async function shown(page: string, heading: string): Promise<string> {
  const text = await readFile(`${root}/docs/${page}`, 'utf8');
  const after = text.slice(text.indexOf(`${heading}\n`));
  return /```ts\n(.*?)```/s.exec(after)?.[1] ?? '';
}

/** Writes files beside the tests, and runs one of them as a test. */
async function runTest(files: Readonly<Record<string, string>>): Promise<string> {
  const own = `${folder}/${Object.keys(files).join('-')}`;
  await mkdir(own, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(`${own}/${name}`, text);
  const vitest = `${root}/node_modules/vitest/vitest.mjs`;
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, 'run', own], { cwd: root });
  return stdout;
}

it('the test that docs/emulator.md shows passes, in under 30 lines', async () => {
  const program = await shown('emulator.md', '## A test of a pause, an artifact and a tool error');
  expect(program.trim().split('\n').length).toBeLessThan(30);
  expect(await runTest({ 'shown.test.ts': program })).toMatch(/1 passed/);
});

it('the code that calls tools, and the sandbox of one’s own, which docs/emulator.md shows', async () => {
  const calls = await shown('emulator.md', '### Code that calls your tools');
  const sandbox = await shown('emulator.md', '### A sandbox of your own');
  const using = `
    import { bash, createEmulator, python } from 'code-execution-kit/emulator';
    import { codeExecutionTool, executionsOf } from 'code-execution-kit';
    import Anthropic from '@anthropic-ai/sdk';
    import { expect, it } from 'vitest';
    import { bareSandbox } from './sandbox.ts';
    it('calls tools', async () => { ${calls.replace(/^import .* from .*$/gm, '')}; expect(turn.answer).toBe('Sales were 2180.5.'); });
    it('runs code', async () => {
      const emulator = createEmulator({ script: [bash('echo hi > "$OUTPUT_DIR/a.txt"; exit 3'), python('print(6 * 7)')], sandbox: bareSandbox });
      const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch });
      const message = await client.messages.create({ model: 'claude-opus-5-5', max_tokens: 9, tools: [codeExecutionTool()], messages: [{ role: 'user', content: 'x' }] });
      expect(executionsOf(message)).toMatchObject([{ returnCode: 3, files: [{}] }, { stdout: '42\\n' }]);
    });`;
  const imports = [...calls.matchAll(/^import .* from .*$/gm)]
    .map(([line]) => line)
    .filter((line) => /zod|runTurn|say/.test(line));
  const head = imports.map((line) => line.replace(/createEmulator, python, say/, 'say')).join('\n');
  expect(await runTest({ 'calls.test.ts': `${head}\n${using}`, 'sandbox.ts': sandbox })).toMatch(/2 passed/);
});
