import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { streamTurn, type Turn, type TurnStream } from 'code-execution-kit';
import {
  bash,
  callTool,
  create,
  fails,
  inParallel,
  pause,
  python,
  replace,
  type Step,
  say,
  search,
  think,
  view,
} from 'code-execution-kit/emulator';
import { toUIMessageStreamResponse } from 'code-execution-kit/relay';
import { describe, expect, it } from 'vitest';
import { streams } from '../support/recordings.ts';
import { clientAnswering, response, sseOf } from '../support/sse.ts';
import { params, world } from '../support/world.ts';

const NODE_22 = fileURLToPath(new URL('node_modules/node22/bin/node', import.meta.url));
const PROGRAM = fileURLToPath(new URL('ui-message.mjs', import.meta.url));

interface Part {
  readonly type: string;
  readonly text?: string;
  readonly toolCallId?: string;
  readonly state?: string;
  readonly input?: unknown;
  readonly output?: { readonly stdout?: string | null };
  readonly errorText?: string;
  readonly url?: string;
  readonly data?: unknown;
}

interface Read {
  readonly message: { readonly id: string; readonly parts: readonly Part[] } | null;
  readonly errors: readonly string[];
}

/** What the AI SDK makes of these streams, each with its turn. */
async function readByAiSdk(turns: readonly TurnStream[]) {
  const bodies: string[] = [];
  const ended: (Turn | null)[] = [];
  for (const stream of turns) {
    const fileUrl = ({ fileId }: { fileId: string }) => `/files/${fileId}`;
    bodies.push(await toUIMessageStreamResponse(stream, { fileUrl, messageId: 'one' }).text());
    ended.push(await stream.turn().catch(() => null));
  }
  const program = spawn(NODE_22, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  program.stdin.end(JSON.stringify(bodies));
  const read: Read[] = JSON.parse(await text(program.stdout));
  return read.map(({ message, errors }, index) => ({
    parts: message?.parts ?? [],
    errors,
    turn: ended[index] ?? null,
    body: bodies[index] ?? '',
  }));
}

const textOf = (parts: readonly Part[]) =>
  parts
    .filter(({ type }) => type === 'text')
    .map((part) => part.text)
    .join('');
const toolsOf = (parts: readonly Part[]) => parts.filter(({ type }) => type === 'dynamic-tool');

/** What holds of every turn: the same text, every execution once, nothing left open that has ended. */
function expectWhole({ parts, errors, turn }: Awaited<ReturnType<typeof readByAiSdk>>[number], name: string) {
  expect(errors, name).toEqual([]);
  if (!turn) throw new Error(`${name} did not end`);
  const written = turn.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  expect(textOf(parts), name).toBe(written.join(''));
  const tools = toolsOf(parts);
  const ids = [...turn.executions, ...turn.toolUses, ...turn.serverTools].map(({ id }) => id).sort();
  expect(tools.map(({ toolCallId }) => toolCallId).sort(), name).toEqual(ids);
  for (const { id, status, stdout } of turn.executions) {
    const tool = tools.find(({ toolCallId }) => toolCallId === id);
    const failed = status === 'errored' || status === 'pending' || status === 'writing';
    expect(tool?.state, `${name} ${id}`).toBe(failed ? 'output-error' : 'output-available');
    if (!failed) expect(tool?.output?.stdout, `${name} ${id}`).toBe(stdout);
  }
}

const weather = {
  name: 'weather',
  input_schema: { type: 'object' as const },
  allowed_callers: ['direct' as const, 'code_execution_20260120' as const],
  run: () => 'Rain.',
};
const FILE =
  "import os\nopen(os.environ['OUTPUT_DIR'] + '/a.png', 'wb').write(b'x')\nprint('é \"quoted\" 🎉')";

describe('the UI message stream of a turn, read by the AI SDK', () => {
  it('has the text, each execution, files, pauses and notices', async () => {
    const script: Step[] = [
      think('Let me see.'),
      say('First.'),
      python(FILE),
      pause(),
      say('Then.'),
      inParallel(bash('echo one'), bash('exit 3')),
      create('/tmp/a.txt', 'a\n'),
      view('/tmp/a.txt'),
      replace('/tmp/a.txt', 'a', 'b'),
      fails(bash('echo never'), 'unavailable'),
      search('weather', [{ title: 'Rain', url: 'https://example.com' }]),
      callTool('weather', { city: 'Rome' }),
      say('Done.'),
    ];
    const { client } = world(script);
    const [read] = await readByAiSdk([streamTurn(client, { ...params, tools: [weather] })]);
    if (!read) throw new Error('nothing was read');
    expectWhole(read, 'all');
    const { parts, turn } = read;
    const types = new Set(parts.map(({ type }) => type));
    for (const type of ['reasoning', 'step-start', 'data-pause', 'data-usage', 'data-artifact', 'file']) {
      expect([...types]).toContain(type);
    }
    const [cell] = toolsOf(parts);
    expect(cell).toMatchObject({ input: { code: FILE }, state: 'output-available' });
    expect(parts.find(({ type }) => type === 'file')).toMatchObject({
      url: `/files/${turn?.artifacts[0]?.fileId}`,
    });
    const states = toolsOf(parts).map(({ state }) => state);
    expect(states.filter((state) => state === 'output-error')).toHaveLength(1);
    expect(read.body.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('ends what fails with an error, and what was aborted with an abort', async () => {
    const cut = sseOf(response([{ type: 'text', text: 'Half' }])).slice(0, -60);
    const stopped = streamTurn(clientAnswering(cut), params);
    const aborted = streamTurn(world([say('Hi.')]).client, params, { signal: AbortSignal.abort() });
    const [failed, left] = await readByAiSdk([stopped, aborted]);
    expect(textOf(failed?.parts ?? [])).toBe('Half');
    expect(failed?.errors.join()).toContain('ended before message_stop');
    expect(left?.body).toContain('"type":"abort"');
  });

  it('takes back what is asked for again', async () => {
    const call = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'code_execution', input: { code: '1' } };
    const whole = sseOf(response([{ type: 'text', text: 'Whole.' }, call]));
    const client = clientAnswering(whole.slice(0, whole.indexOf('event: message_delta')), whole);
    const [read] = await readByAiSdk([streamTurn(client, params, { interruptedRetries: 1 })]);
    expect(read?.body).toContain('"reset-step"');
    if (read) expectWhole(read, 'repeated');
  });

  it('waits with the calls that the caller answers later', async () => {
    const { run: _, ...definition } = weather;
    const { client } = world([callTool('weather', { city: 'Rome' })]);
    const [read] = await readByAiSdk([streamTurn(client, { ...params, tools: [definition] })]);
    expect(toolsOf(read?.parts ?? []).map(({ state }) => state)).toEqual(['input-available']);
    expect(read?.body).toContain('"finishReason":"tool-calls"');
  });

  it.skipIf(streams.length === 0)('reads every recorded stream', async () => {
    const turns = streams.map(({ sse }) => streamTurn(clientAnswering(sse), params, { maxPauses: 0 }));
    const read = await readByAiSdk(turns);
    let whole = 0;
    for (const [index, one] of read.entries()) {
      if (!one.turn) continue;
      whole++;
      expectWhole(one, streams[index]?.name ?? '');
    }
    console.log(`UI message streams of recordings: ${whole} of ${streams.length} are whole turns`);
    expect(whole).toBeGreaterThan(streams.length / 2);
  });
});
