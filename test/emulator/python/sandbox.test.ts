import { readFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';
import { codeExecutionTool, executionsOf, userMessage } from 'code-execution-kit';
import {
  bash,
  cannedSandbox,
  create,
  createEmulator,
  type EmulatorOptions,
  python,
  replace,
  type Step,
  systemSandbox,
  view,
} from 'code-execution-kit/emulator';
import { uploadPath } from 'code-execution-kit/node';
import { describe, expect, it } from 'vitest';

async function run(
  script: readonly Step[],
  { input, ...options }: EmulatorOptions & { input?: string } = {},
) {
  await using emulator = createEmulator({ script, ...options });
  const client = new Anthropic({ apiKey: 'none', fetch: emulator.fetch, maxRetries: 0 });
  const files = input ? [await uploadPath(client, input)] : [];
  const message = await client.messages.create({
    model: 'claude-opus-5-5',
    max_tokens: 1000,
    tools: [codeExecutionTool()],
    messages: [userMessage('Go.', { files })],
  });
  return executionsOf(message);
}

it('shows one time inside, that of the machine, whatever `now` gives', async () => {
  const code =
    'import time\nfrom datetime import datetime\nprint(datetime.now().year, time.gmtime(time.time()).tm_year)';
  const now = () => new Date('2040-05-05T00:00:00Z');
  const [cell, command] = await run([python(code), bash('date +%Y')], { now });
  const year = command?.stdout?.trim();
  expect(year).toMatch(/^20[23]\d$/);
  expect(cell?.stdout?.trim()).toBe(`${year} ${year}`);
});

it('the example reads an .xlsx with the standard library', async () => {
  const code = readFileSync('examples/read_xlsx.py', 'utf8');
  const [execution] = await run([python(code)], { input: 'test/fixtures/sales.xlsx' });
  expect(execution).toMatchObject({ stderr: '', status: 'succeeded' });
  expect(execution?.stdout?.split('\n')).toEqual([
    "['month', 'region', 'revenue', 'paid', 'doubled']",
    "[datetime.datetime(2026, 1, 31, 0, 0), 'North', 1200.5, True, 2401.0]",
    "[datetime.datetime(2026, 2, 28, 0, 0), 'South & East', 980.0, False, 1960.0]",
    "[datetime.datetime(2026, 3, 31, 0, 0), 'West', None, True]",
    "[None, 'Total bold', 2180.5]",
    '',
  ]);
});

describe('a module that is missing', () => {
  const hint =
    /ModuleNotFoundError: No module named 'pandas'\nemulator: the real container has pandas.*systemSandbox\(\).*\n$/;

  it.each([
    ['Python', python('import pandas as pd')],
    ['bash', bash('python3 -c "import pandas.core"')],
  ])('is told of in the last line of stderr, in %s', async (_, step) => {
    const [execution] = await run([step]);
    expect(execution?.stderr).toMatch(hint);
  });

  it('of the real container only', async () => {
    const [execution] = await run([python('import nonsense')]);
    expect(execution?.stderr).toMatch(/No module named 'nonsense'\n$/);
  });
});

it('a command that prints too much fails, as documented', async () => {
  const sandbox = cannedSandbox(() => ({ stdout: 'x'.repeat(10_000_001) }));
  const [execution] = await run([bash('yes')], { sandbox });
  expect(execution).toMatchObject({ status: 'errored', errorCode: 'output_file_too_large' });
});

describe('the text editor', () => {
  const text = 'a\nb\nc\nd\ne\nf\ng\nh\n';
  it('tells of a replacement as a diff of lines with three around them', async () => {
    const [, execution] = await run([
      create('/tmp/a.txt', text),
      replace('/tmp/a.txt', 'd\ne\nf', 'D\ne\nF\nnew'),
    ]);
    expect(execution?.result).toMatchObject({
      content: {
        old_start: 1,
        old_lines: 8,
        new_start: 1,
        new_lines: 9,
        lines: [' a', ' b', ' c', '-d', '+D', ' e', '-f', '+F', '+new', ' g', ' h'],
      },
    });
  });

  it('fails where it cannot read or write', async () => {
    const executions = await run([
      view('/tmp/missing.txt'),
      create('/tmp/a.txt', text),
      replace('/tmp/a.txt', 'z', 'y'),
      create('/tmp', 'x'),
      create('/tmp/a.txt/b.txt', 'x'),
    ]);
    expect(executions.map(({ errorCode }) => errorCode)).toEqual([
      'file_not_found',
      null,
      'invalid_tool_input',
      'invalid_tool_input',
      'invalid_tool_input',
    ]);
  });
});

it('a sandbox that cannot be had is told of, and no step is lost', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '';
  try {
    await expect(run([bash('ls')], { sandbox: systemSandbox() })).rejects.toMatchObject({ status: 400 });
  } finally {
    process.env['PATH'] = path;
  }
});
