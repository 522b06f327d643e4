import Anthropic from '@anthropic-ai/sdk';
import type { MessageParam, TextBlockParam } from '@anthropic-ai/sdk/resources/messages';
import {
  checkHistory,
  createSession,
  nextParams,
  resumeTurn,
  runTurn,
  turnFrom,
  userMessage,
} from 'code-execution-kit';
import { createEmulator } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { clientAnswering, response, sseOf } from '../support/sse.ts';
import { params, viaJson } from '../support/world.ts';

/*
 * A gateway answers with what the API would never take back: ids twice, results before their calls, keys of
 * its own. What goes on is asked of the emulator, which refuses such histories.
 */

const text = { type: 'text', text: 'Let me see.' };
const thinking = (signature: string) => ({ type: 'thinking', thinking: 'Hm.', signature });
const call = { type: 'tool_use', id: 'call_0', name: 'ask', input: { n: 1 } };
const running = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'bash_code_execution', input: {} };
const outcome = {
  type: 'bash_code_execution_result',
  stdout: '4',
  stderr: '',
  return_code: 0,
  content: [],
};
const ran = { type: 'bash_code_execution_tool_result', tool_use_id: 'srvtoolu_1', content: outcome };
const search = { type: 'mcp_tool_use', id: 'mcptoolu_1', name: 'find', server_name: 's', input: {} };
const found = { type: 'mcp_tool_result', tool_use_id: 'mcptoolu_1', is_error: false, content: [] };

type Answer = readonly [blocks: readonly object[], stopReason?: string];

/** A client whose requests the emulator has to take, and that gets these answers for them. */
function gateway(...answers: readonly Answer[]) {
  const emulator = createEmulator();
  const sent: MessageParam[][] = [];
  const client = new Anthropic({
    apiKey: 'none',
    maxRetries: 0,
    fetch: async (url, init) => {
      const counted = await emulator.fetch(`${url}/count_tokens`, init as RequestInit);
      if (!counted.ok) return counted;
      const [blocks, stopReason = 'end_turn'] = answers[sent.length] ?? [[{ type: 'text', text: 'Done.' }]];
      sent.push((JSON.parse(String(init?.body)) as { messages: MessageParam[] }).messages);
      return new Response(sseOf(response(blocks, { stopReason })), {
        headers: { 'content-type': 'text/event-stream' },
      });
    },
  });
  return { client, sent };
}

function asking() {
  const inputs: unknown[] = [];
  const run = (input: unknown) => String(inputs.push(input));
  return { inputs, ask: { name: 'ask', input_schema: { type: 'object' as const }, run } };
}

const KINDS: Record<string, Answer> = {
  'a call twice': [[text, call, call], 'tool_use'],
  'a call twice, with another input': [[text, call, { ...call, input: { n: 2 } }], 'tool_use'],
  'a call twice and a third': [[call, call, { ...call, id: 'call_1' }], 'tool_use'],
  'a call of the server twice': [[running, running, ran, ran]],
  'a result twice': [[running, ran, ran, text]],
  'a result before its call': [[ran, running, text]],
  'a result before its call, in a pause': [[text, ran, running, search, found], 'pause_turn'],
  'a result of MCP before its call': [[found, search, text]],
  'a result of the client': [[text, { type: 'tool_result', tool_use_id: 'call_0', content: 'x' }]],
  'a call by code that is not there': [
    [{ ...call, caller: { type: 'code_execution_20260120', tool_id: 'srvtoolu_9' } }],
    'tool_use',
  ],
  'an upload': [[text, { type: 'container_upload', file_id: 'file_1' }]],
};

describe.each(Object.entries(KINDS))('%s', (_, answer) => {
  const [blocks, stopReason] = answer;

  it('goes on within the turn, in a session, and after a restart', async () => {
    const { ask, inputs } = asking();
    const { client, sent } = gateway(answer, [[text]], answer, [[text]]);
    const defaults = { model: params.model, max_tokens: 100, tools: [ask] };
    const session = createSession(client, defaults);
    const turn = await session.run('Begin.');
    expect(turn.outcome).toBe('completed');
    expect(turn.responses[0]?.content).toEqual(blocks);
    const waits = stopReason === 'tool_use';
    const calls = new Set(blocks.flatMap((block) => ('name' in block && 'id' in block ? [block.id] : [])));
    if (waits) expect(inputs).toHaveLength(calls.size);
    const again = createSession(client, defaults, { snapshot: viaJson(session.toJSON()) });
    await again.run('And now?');
    await again.run('And then?');
    // What was sent once is sent the same way ever after.
    for (const [at, messages] of sent.entries())
      expect(messages.slice(0, sent[at - 1]?.length ?? 0)).toEqual(sent[at - 1] ?? []);
  });

  it('goes on from a checkpoint, and by hand', async () => {
    const { ask } = asking();
    const { client } = gateway(answer, [[text]], answer, [[text]]);
    const turn = await runTurn(client, { ...params, tools: [ask] }, { stopWhen: () => true });
    const toolResults = [...new Set(turn.toolUses.map(({ id }) => id))].map((id) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: 'yes',
    }));
    if ('checkpoint' in turn && turn.checkpoint) {
      const given = toolResults.length > 0 ? { toolResults } : {};
      const resumed = resumeTurn(client, viaJson(turn.checkpoint), { ...given, tools: [ask], rerun: true });
      expect((await resumed.turn()).outcome).toBe('completed');
    } else await runTurn(client, { ...params, messages: [...turn.messages, userMessage('Go on.')] });
    const [first] = turn.responses;
    const sent = { ...params, tools: [{ name: 'ask', input_schema: { type: 'object' as const } }] };
    const next = nextParams(sent, first as never, { toolResults });
    if (next) expect((await runTurn(gateway().client, next)).answer).toBe('Done.');
    expect(turnFrom(params, [first as never]).messages).toEqual(turn.messages);
  });
});

describe('what only the caller, or a later API, can know', () => {
  it.each([
    ['keys on blocks', [{ ...text, index: 0, provider_specific_fields: {} }]],
    ['keys in a result', [running, { ...ran, is_error: false }, text]],
    ['a result without a call', [ran, text]],
  ])('stays as it came, with a notice; checkHistory gives what can be sent: %s', async (_, blocks) => {
    const { client } = gateway([blocks]);
    const turn = await runTurn(client, params);
    expect(turn.messages.at(-1)?.content).toEqual(blocks);
    const { findings, repaired } = checkHistory([...turn.messages, userMessage('Go on.')]);
    expect(new Set(findings.map(({ code }) => code)).size).toBe(1);
    expect((await runTurn(client, { ...params, messages: repaired })).answer).toBe('Done.');
  });

  it('is sent by a session as it came, also where something else is repaired', async () => {
    const blocks = [{ ...text, provider_specific_fields: {} }];
    const bodies = [[ran, ...blocks], [text]].map((one) => sseOf(response(one)));
    const client = clientAnswering(...bodies);
    const session = createSession(client, { model: params.model, max_tokens: 100 });
    await session.run('Begin.');
    await session.run('Go on.');
    const { messages } = JSON.parse(String(client.sent[1]?.body)) as { messages: MessageParam[] };
    expect(messages[1]?.content).toEqual(blocks);
  });

  it('leaves a session that goes on after a result without its call', async () => {
    const { client } = gateway([[ran, text]]);
    const session = createSession(client, { model: params.model, max_tokens: 100 });
    await session.run('Begin.');
    expect((await session.run('Go on.')).notices.map(({ code }) => code)).toEqual(['history-repaired']);
  });
});

describe('an id that comes again in a later response', () => {
  const rounds = Array.from({ length: 3 }, (): Answer => [[text, call], 'tool_use']);

  it('is another one in what is sent, with its result', async () => {
    const { ask, inputs } = asking();
    const { client, sent } = gateway(...rounds, [[text]]);
    const turn = await runTurn(client, { ...params, tools: [ask] });
    expect(inputs).toHaveLength(3);
    const results = sent.at(-1)?.flatMap(({ content }) => content as unknown as Record<string, unknown>[]);
    const ids = results?.flatMap(({ tool_use_id: id, content }) => (id ? [[id, content]] : []));
    expect(ids).toEqual([
      ['call_0', '1'],
      ['call_0_2', '2'],
      ['call_0_3', '3'],
    ]);
    const history = turn.responses.flatMap((one, at) => [
      one,
      ...(at < 3 ? [{ role: 'user' as const, content: [resultOf(String(at + 1))] }] : []),
    ]);
    expect(turnFrom(params, history).messages).toEqual(turn.messages);
  });

  it('also over turns of a session, and with results that are handed in', async () => {
    const { client } = gateway(...rounds.flatMap((round) => [round, [[text]] as Answer]));
    const { run: _, ...ask } = asking().ask;
    const session = createSession(client, { model: params.model, max_tokens: 100, tools: [ask] });
    for (const question of ['1', '2', '3']) {
      await session.run(question);
      await session.resume({ toolResults: [resultOf(question)] }).turn();
    }
    expect(session.messages).toHaveLength(12);
  });

  it('of the server is a repetition', async () => {
    const { client } = gateway(
      [[running], 'pause_turn'],
      [[running, ran, text], 'pause_turn'],
      [[ran, text]],
    );
    const turn = await runTurn(client, params);
    expect(turn.messages.map(({ content }) => content).slice(1)).toEqual([[running], [ran, text], [text]]);
    expect(
      (await runTurn(client, { ...params, messages: [...turn.messages, userMessage('x')] })).answer,
    ).toBe('Done.');
  });
});

it('more cache marks than a request may have: a session keeps the last ones', async () => {
  const { client, sent } = gateway();
  const session = createSession(client, { model: params.model, max_tokens: 100 });
  const marked = { ...text, cache_control: { type: 'ephemeral' as const } } as TextBlockParam;
  for (let turn = 0; turn < 7; turn++) await session.run([marked]);
  expect(JSON.stringify(sent.at(-1)).split('ephemeral')).toHaveLength(5);
});

it('a snapshot that holds what the API refuses is repaired by its next turn, once and for good', async () => {
  const { client, sent } = gateway();
  const defaults = { model: params.model, max_tokens: 100 };
  const first = createSession(client, defaults);
  await first.run('One.');
  await first.run('Two.');
  const { messages, ...snapshot } = viaJson(first.toJSON());
  const faulty = [
    { role: 'user' as const, content: [{ type: 'text', text: ' ' }] },
    { role: 'assistant' as const, content: [running, running, ran, thinking('s1')] },
  ];
  const turns = snapshot.turns.map((turn) => ({ ...turn, firstMessage: Number(turn.firstMessage) + 2 }));
  const session = createSession(client, defaults, {
    snapshot: { ...snapshot, turns, messages: [...faulty, ...messages] } as never,
  });
  const turn = await session.run('Three.');
  expect(turn.notices.map(({ code }) => code)).toEqual(['history-repaired']);
  expect(sent.at(-1)?.[0]).toEqual({ role: 'assistant', content: [running, ran] });
  expect(session.toJSON().turns.map(({ firstMessage }) => firstMessage)).toEqual([1, 3, 5]);
  expect((await session.run('Four.')).notices).toEqual([]);
});

const resultOf = (content: string) => ({ type: 'tool_result' as const, tool_use_id: 'call_0', content });
