import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  bash,
  callTool,
  create,
  createEmulator,
  fails,
  inParallel,
  python,
  replace,
  type Step,
  say,
  think,
  view,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';

// The AI SDK needs Node 22, whichever Node runs the tests.
const NODE_22 = fileURLToPath(new URL('node_modules/node22/bin/node', import.meta.url));
const PROGRAM = fileURLToPath(new URL('ai-sdk.mjs', import.meta.url));

interface Part {
  readonly type: string;
  readonly toolCallId?: string;
  readonly input?: unknown;
  readonly output?: { readonly type: string };
  readonly [key: string]: unknown;
}

interface Answer {
  readonly text: string;
  readonly finishReason: string;
  readonly content: readonly Part[];
  readonly containers: readonly ({ readonly id: string } | null)[];
  readonly parts: readonly Part[];
  readonly files: readonly { readonly filename: string; readonly text: string }[];
  readonly failed?: { readonly statusCode: number; readonly message: string };
}

type Way = 'generate' | 'stream';
const WAYS: readonly Way[] = ['generate', 'stream'];

async function ask(way: Way, version: string, script: readonly Step[], container?: string) {
  await using emulator = createEmulator({ script });
  await using server = await emulator.listen();
  const request = JSON.stringify({ way, version, baseURL: server.url, container });
  const { stdout } = await promisify(execFile)(NODE_22, [PROGRAM, request], { maxBuffer: 2 ** 26 });
  const answer: Answer = JSON.parse(stdout);
  if (!answer.failed) emulator.assertDone();
  return { answer, requests: emulator.requests };
}

/**
 * Calls with what came of them, in the order of the calls;
 * fails where the AI SDK did not bring both together.
 */
function paired(content: readonly Part[]) {
  const calls = content.filter(({ type }) => type === 'tool-call');
  const results = content.filter(({ type }) => type === 'tool-result' || type === 'tool-error');
  expect(new Set(calls.map(({ toolCallId }) => toolCallId)).size).toBe(calls.length);
  expect(results.map(({ toolCallId }) => toolCallId).sort()).toEqual(
    calls.map(({ toolCallId }) => toolCallId).sort(),
  );
  return calls.map(({ toolCallId, input }) => {
    const result = results.find((one) => one.toolCallId === toolCallId);
    return { input, type: result?.type, output: result?.output, error: result?.['error'] };
  });
}

const everything: readonly Step[] = [
  think('A table.'),
  say('Let me see.'),
  bash('cat "$INPUT_DIR/data.csv"; echo kept > /tmp/x; printf abc > "$OUTPUT_DIR/a.csv"'),
  python('print(6 * 7)'),
  fails(bash('ls'), 'unavailable'),
  fails(python('print(1)'), 'unavailable'),
  create('/tmp/a.txt', 'one\n'),
  replace('/tmp/a.txt', 'one', 'two'),
  view('/tmp/a.txt'),
  inParallel(bash('echo 1'), bash('echo 2; exit 3')),
  callTool('weather', { city: 'Oslo' }),
  bash('cat /tmp/x'),
  say('Sunny.'),
];

describe('the Vercel AI SDK', () => {
  it.each(WAYS)('reads every kind of call and result, file and container: %s', async (way) => {
    const { answer, requests } = await ask(way, 'codeExecution_20260120', everything);
    expect(answer).toMatchObject({ text: 'Sunny.', finishReason: 'stop' });
    const texts = answer.content.filter(({ type }) => type === 'text' || type === 'reasoning');
    expect(texts.map(({ text }) => text)).toEqual(['A table.', 'Let me see.', 'Sunny.']);
    expect(paired(answer.content)).toMatchObject([
      {
        input: { type: 'bash_code_execution', command: expect.stringContaining('data.csv') },
        output: { stdout: 'x,y\n1,2\n', return_code: 0, content: [{ file_id: expect.any(String) }] },
      },
      {
        input: { type: 'programmatic-tool-call', code: 'print(6 * 7)' },
        output: { type: 'code_execution_result', stdout: '42\n', return_code: 0 },
      },
      { output: { type: 'bash_code_execution_tool_result_error', error_code: 'unavailable' } },
      { type: 'tool-error', error: { errorCode: 'unavailable' } },
      { output: { type: 'text_editor_code_execution_create_result', is_file_update: false } },
      { output: { type: 'text_editor_code_execution_str_replace_result', lines: ['-one', '+two'] } },
      { output: { type: 'text_editor_code_execution_view_result', content: 'two\n' } },
      { output: { stdout: '1\n', return_code: 0 } },
      { output: { stdout: '2\n', return_code: 3 } },
      { input: { city: 'Oslo' }, output: 'Oslo: sun' },
      { output: { stdout: 'kept\n' } },
    ]);
    expect(answer.files).toEqual([{ filename: 'a.csv', text: 'abc' }]);
    // The second step answers the client's own tool, in the container of the first.
    const [container, ...more] = answer.containers;
    expect(container?.id).toMatch(/^container_/);
    expect(more).toMatchObject([{ id: container?.id }]);
    const bodies = requests.flatMap(({ path, body }) => (path === '/v1/messages' ? [body] : []));
    expect(bodies).toMatchObject([{}, { container: container?.id }]);
  });

  it('streams a text and the source of a call in pieces', async () => {
    const code = `print(${JSON.stringify('naïve — '.repeat(20))})`;
    const { answer } = await ask('stream', 'codeExecution_20260120', [
      python(code),
      say('Naïve. '.repeat(9)),
    ]);
    const deltas = answer.parts.filter(({ type }) => type === 'text-delta').map(({ text }) => text);
    expect(deltas.length).toBeGreaterThan(1);
    expect(deltas.join('')).toBe('Naïve. '.repeat(9));
    const input = answer.parts.filter(({ type }) => type === 'tool-input-delta').map(({ delta }) => delta);
    expect(input.length).toBeGreaterThan(1);
    expect(JSON.parse(input.join(''))).toMatchObject({ code });
  });

  it.each(WAYS)('takes the version with bash and the one with Python only: %s', async (way) => {
    const { answer: withBash } = await ask(way, 'codeExecution_20250825', [bash('echo hi'), say('Done.')]);
    expect(paired(withBash.content)).toMatchObject([{ output: { stdout: 'hi\n' } }]);
    const { answer: withPython } = await ask(way, 'codeExecution_20250522', [python('print("hi")')]);
    expect(paired(withPython.content)).toMatchObject([{ output: { stdout: 'hi\n' } }]);
  });

  it.each(WAYS)('tells of a refusal as the API words it: %s', async (way) => {
    const { answer } = await ask(way, 'codeExecution_20260120', [say('Hi.')], 'container_none');
    expect(answer.failed).toEqual({ statusCode: 404, message: 'Container `container_none` not found.' });
  });
});
