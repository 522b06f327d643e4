import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { createSession, nextParams, runTurn, turnFrom, userMessage } from 'code-execution-kit';
import { describe, expect, it } from 'vitest';
import { expectSendable } from '../support/sendable.ts';
import { bodyOf, clientAnswering, response, sseOf } from '../support/sse.ts';
import { params, thrownBy, timeless, viaJson } from '../support/world.ts';

/*
 * The stop reason says one thing and the content another: every pair of them, what becomes of the turn,
 * whether a handler runs, and that a conversation always goes on.
 */

const text = { type: 'text', text: 'Let me see.' };
const blank = { type: 'text', text: '\n\n' };
const thinking = (signature: string) => ({ type: 'thinking', thinking: 'Hm.', signature });
const running = {
  type: 'server_tool_use',
  id: 'srvtoolu_1',
  name: 'bash_code_execution',
  input: { command: 'ls' },
};
const code = {
  type: 'server_tool_use',
  id: 'srvtoolu_2',
  name: 'code_execution',
  input: { code: 'await ask({})' },
};
const call = { type: 'tool_use', id: 'toolu_1', name: 'ask', input: { n: 1 } };
const byCode = { ...call, caller: { type: 'code_execution_20260120', tool_id: 'srvtoolu_2' } };

/** Contents of a response; a call that is `cut` has an input that ends in the middle. */
const CONTENTS: Record<string, { readonly blocks: readonly object[]; readonly cut?: string }> = {
  nothing: { blocks: [] },
  'a blank text': { blocks: [blank] },
  'a text': { blocks: [text] },
  'thinking around a blank text': { blocks: [thinking('s1'), blank, thinking('s2'), text] },
  'an open call of the server': { blocks: [thinking('s1'), text, running] },
  'a call': { blocks: [text, call] },
  'a call by code': { blocks: [text, code, byCode] },
  'a call with half its input': {
    blocks: [text, { ...call, input: {} }],
    cut: '{"folder":"/data","only":"/data/tmp/ca',
  },
  'a call with two inputs': { blocks: [text, { ...call, input: {} }], cut: '{"folder":"/a"}{"folder":"/b"}' },
  'two calls, one of them cut': {
    blocks: [
      { ...call, id: 'toolu_0' },
      { ...call, input: {} },
    ],
    cut: '{"n":',
  },
};
const hasCall = (content: string) => /^(a|two) calls?\b/.test(content);

/** By stop reason: the outcome without a call of the caller's tools, and with one. */
const OUTCOMES: Record<string, readonly [without: string, withCall: string]> = {
  end_turn: ['completed', 'completed'],
  stop_sequence: ['completed', 'completed'],
  max_tokens: ['truncated', 'truncated'],
  model_context_window_exceeded: ['truncated', 'truncated'],
  refusal: ['refused', 'refused'],
  pause_turn: ['paused', 'awaiting-tools'],
  tool_use: ['unknown', 'awaiting-tools'],
  tomorrow: ['unknown', 'unknown'],
  null: ['unknown', 'unknown'],
};

const rows = Object.entries(OUTCOMES).flatMap(([reason, [without, withCall]]) =>
  Object.keys(CONTENTS).map((content) => ({
    reason,
    content,
    outcome: hasCall(content) ? withCall : without,
  })),
);

/** The stream of one response; the last block's input comes in pieces where it is cut. */
function streamOf(
  reason: string,
  { blocks, cut }: { readonly blocks: readonly object[]; readonly cut?: string },
) {
  const events = response(blocks, { stopReason: (reason === 'null' ? null : reason) as string });
  if (cut === undefined) return sseOf(events);
  const index = blocks.length - 1;
  const stop = events.findIndex((event) => (event as { type: string; index?: number }).index === index) + 1;
  const delta = (partial: string) => ({
    type: 'content_block_delta',
    index,
    delta: { type: 'input_json_delta', partial_json: partial },
  });
  return sseOf([
    ...events.slice(0, stop),
    delta(cut.slice(0, 9)),
    delta(cut.slice(9)),
    ...events.slice(stop),
  ]);
}

const done = sseOf(response([{ type: 'text', text: 'Done.' }]));
const bodiesOf = (client: { readonly sent: readonly RequestInit[] }) =>
  client.sent.map(({ body }) => JSON.parse(String(body)) as { messages: MessageParam[] });

describe.each(rows)('$reason with $content', ({ reason, content, outcome }) => {
  const sse = streamOf(reason, CONTENTS[content] as never);
  const isUnfinished = outcome === 'paused' || outcome === 'awaiting-tools';

  it(`is ${outcome}`, async () => {
    const turn = await runTurn(clientAnswering(sse), params, { stopWhen: () => true });
    expect([turn.outcome, turn.stopReason]).toEqual([outcome, reason === 'null' ? null : reason]);
    expect('checkpoint' in turn).toBe(isUnfinished);
    expect(turn.responses).toHaveLength(1);
    const same = turnFrom(params, turn.responses);
    expect([same.outcome, same.messages]).toEqual([turn.outcome, turn.messages]);
    const codes = turn.notices.map((notice) => notice.code);
    expect(codes.includes('no-calls')).toBe(reason === 'tool_use' && !hasCall(content));
    const isDropped = !isUnfinished && /call/.test(content);
    expect(codes.includes('calls-dropped')).toBe(isDropped);
    // After a turn that is finished another message can follow, and that of one that is not can be sent.
    if (isUnfinished)
      expect(nextParams(params, turn.responses[0] as never) !== undefined).toBe(outcome === 'paused');
    else expectSendable([...turn.messages, userMessage('Go on.')]);
  });

  it('runs a handler only for a whole input, and goes on', async () => {
    const inputs: unknown[] = [];
    const ask = {
      name: 'ask',
      input_schema: { type: 'object' as const },
      run: (input: unknown) => inputs.push(input),
    };
    const client = clientAnswering(sse, done);
    const turn = await runTurn(client, { ...params, tools: [ask] } as never);
    expect(turn.outcome).toBe(isUnfinished ? 'completed' : outcome);
    expect(client.sent).toHaveLength(isUnfinished ? 2 : 1);
    for (const { messages } of bodiesOf(client)) expectSendable(messages);
    const isCut = CONTENTS[content]?.cut !== undefined;
    const whole = content.startsWith('two') ? [{ n: 1 }] : isCut ? [] : [{ n: 1 }];
    expect(inputs).toEqual(outcome === 'awaiting-tools' ? whole : []);
    if (outcome !== 'awaiting-tools' || !isCut) return;
    const results = bodiesOf(client).at(-1)?.messages.at(-1)?.content;
    expect(results).toContainEqual({
      type: 'tool_result',
      tool_use_id: 'toolu_1',
      content: expect.stringContaining('incomplete'),
      is_error: true,
    });
    expect(turn.toolUses.at(-1)).toMatchObject({ id: 'toolu_1', inputComplete: false });
  });

  it('leaves a session that goes on', async () => {
    const ways = isUnfinished ? (['resume', 'interrupt', 'discard'] as const) : (['run'] as const);
    for (const way of ways) {
      const client = clientAnswering(sse, done, done);
      const session = createSession(client, { model: params.model, max_tokens: 100 });
      const first = await session.run('Begin.', { stopWhen: () => true });
      expect(session.unfinished !== null).toBe(isUnfinished);
      const toolResults = first.toolUses.map(({ id }) => ({
        type: 'tool_result' as const,
        tool_use_id: id,
        content: 'yes',
      }));
      if (way === 'resume') {
        await session.resume(toolResults.length > 0 ? { toolResults } : { rerun: true }).turn();
      } else if (way === 'interrupt') await session.resume({ interrupt: 'Stop that.' }).turn();
      else if (way === 'discard') session.discard();
      const restored = createSession(
        client,
        { model: params.model, max_tokens: 100 },
        {
          snapshot: viaJson(session.toJSON()),
        },
      );
      const last = await restored.run('And now?');
      expect(last.answer).toBe('Done.');
      for (const { messages } of bodiesOf(client)) expectSendable(messages);
      expectSendable(restored.messages);
    }
  });
});

it('holds what the response said verbatim, whatever is sent back', async () => {
  const { blocks } = CONTENTS['thinking around a blank text'] as { blocks: readonly object[] };
  const client = clientAnswering(streamOf('pause_turn', { blocks }), done);
  const turn = await runTurn(client, params);
  expect(turn.responses[0]?.content).toEqual(blocks);
  // With a blank text goes the thinking after it, which is bound to it.
  const sent = [thinking('s1'), text];
  expect(bodiesOf(client)[1]?.messages.at(-1)).toEqual({ role: 'assistant', content: sent });
  expect(turn.messages[1]).toEqual({ role: 'assistant', content: sent });
  expect(timeless(turn.text)).toContain('Done.');
});

it.each([
  { stop_reason: null, stop_sequence: null },
  { container: { id: 'container_1', expires_at: '2026-11-26T12:00:00Z' } },
])('a later message_delta %j takes no reason back', async (delta) => {
  const events = response([text], { stopReason: 'pause_turn' });
  const later = { type: 'message_delta', delta, usage: { output_tokens: 1 } };
  const client = clientAnswering(sseOf([...events.slice(0, -1), later, ...events.slice(-1)]), done);
  expect(await runTurn(client, params)).toMatchObject({
    outcome: 'completed',
    answer: expect.stringContaining('Done.'),
  });
});

it.each(['null', '[]', '"x"', '5', 'true', '[{"folder":"/a"}]'])(
  'the input %s is no object: no handler runs',
  async (cut) => {
    const inputs: unknown[] = [];
    const ask = {
      name: 'ask',
      input_schema: { type: 'object' },
      run: (input: unknown) => inputs.push(input),
    };
    const client = clientAnswering(streamOf('tool_use', { blocks: [{ ...call, input: {} }], cut }), done);
    const turn = await runTurn(client, { ...params, tools: [ask] } as never);
    expect([turn.outcome, inputs, turn.toolUses[0]?.inputComplete]).toEqual(['completed', [], false]);
    expect(bodiesOf(client)[1]?.messages[1]?.content).toMatchObject([{ id: 'toolu_1', input: {} }]);
    expect(bodiesOf(client)[1]?.messages[2]?.content).toMatchObject([{ is_error: true }]);
  },
);

describe('a response that breaks off after its stop reason', () => {
  const events = response([text]).slice(0, -1);
  const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Busy.' } };
  it.each([
    ['ends', bodyOf([sseOf(events)])],
    ['fails', bodyOf([sseOf([...events, overloaded])])],
  ])('%s, and is not asked for again', async (_, body) => {
    const client = clientAnswering(body, done);
    const error = await thrownBy(runTurn(client, params, { interruptedRetries: 2 }));
    expect([client.sent.length, error.retryable, error.responses[0].stop_reason]).toEqual([
      1,
      false,
      'end_turn',
    ]);
    expect(error.responses[0].content).toEqual([text]);
  });
});
