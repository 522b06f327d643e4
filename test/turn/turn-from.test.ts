import {
  codeExecutionTool,
  initialTurnState,
  isInvalidInputError,
  readCheckpoint,
  reduceTurn,
  resumeTurn,
  runTurn,
  type TurnEvent,
  turnFrom,
  withoutRaw,
} from 'code-execution-kit';
import { bash, callTool, cannedSandbox, pause, python, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { foldedBy, foldedFrom } from '../support/whole-messages.ts';
import { params as question, thrownBy, timeless, viaJson, world } from '../support/world.ts';

const params = { ...question, tools: [codeExecutionTool()] };
const sandbox = cannedSandbox(({ source }) => ({ stdout: source, files: { [`${source}.txt`]: source } }));
const tool = { name: 'ask', input_schema: { type: 'object' as const }, run: () => 'yes' };
const scripts = {
  'a pause': [say('One.'), bash('a'), pause(), python('b'), say('Two.')],
  'a call of a tool': [say('One.'), callTool('ask', {}), bash('c'), say('Two.')],
  'pauses and calls': [pause(), callTool('ask', {}), pause(bash('d')), callTool('ask', {}), say('Two.')],
};

describe('turnFrom', () => {
  it.each(Object.entries(scripts))('gives the turn that was run: over %s', async (_, script) => {
    const { client } = world(script, { sandbox });
    const sent = { ...params, tools: [codeExecutionTool(), tool] };
    const turn = await runTurn(client, sent as never, { describe: false });
    expect(timeless(foldedFrom(sent as never, turn))).toEqual(timeless(foldedBy(turn)));
    expect(turn.responses.length).toBeGreaterThan(1);
  });

  it('goes on with an earlier turn, as if it were one', async () => {
    const { client } = world(scripts['a pause'], { sandbox });
    const { responses } = await runTurn(client, params, { describe: false });
    const [first, second] = responses as [never, never];
    const earlier = turnFrom(params, [first]);
    expect(earlier).toMatchObject({ outcome: 'paused', responses: [{}], answer: '' });
    const both = turnFrom(params, [second], { earlier });
    expect(foldedBy(both)).toEqual(foldedBy(turnFrom(params, responses)));
  });

  it('makes a checkpoint of a pause, from which resumeTurn goes on', async () => {
    const { client } = world(scripts['a pause'], { sandbox });
    const paused = await runTurn(client, params, { stopWhen: () => true });
    const { checkpoint } = turnFrom(params, paused.responses);
    expect(checkpoint).toMatchObject({
      phase: 'ready',
      mayRerun: false,
      runnableTools: [],
      spent: { pauses: 1, toolRounds: 0, durationMs: 0, outputTokens: paused.usage.output_tokens },
      container: paused.container?.id,
    });
    const turn = await resumeTurn(client, viaJson(checkpoint) as never).turn();
    expect(turn).toMatchObject({ outcome: 'completed', answer: 'Two.' });
    expect(turn.executions.map(({ stdout }) => stdout)).toEqual(['a', 'b']);
  });

  it('makes a checkpoint of waiting calls, which takes their results', async () => {
    const { client } = world([callTool('ask', { n: 1 }), say('Two.')], { sandbox });
    const { run: _, ...definition } = tool;
    const waiting = await runTurn(client, { ...params, tools: [...params.tools, definition] });
    const { checkpoint, outcome } = turnFrom(params, waiting.responses);
    expect([outcome, checkpoint?.phase, checkpoint?.spent.toolRounds]).toEqual([
      'awaiting-tools',
      'awaiting-tools',
      1,
    ]);
    const id = waiting.toolUses[0]?.id as string;
    const toolResults = [{ type: 'tool_result' as const, tool_use_id: id, content: 'yes' }];
    const turn = await resumeTurn(client, checkpoint as never, { toolResults }).turn();
    expect(turn).toMatchObject({ outcome: 'completed', answer: 'Two.' });
  });

  it('reads the answer, or says why it cannot', async () => {
    const { client } = world([say('{"n":1}')]);
    const { responses } = await runTurn(client, params);
    expect(turnFrom(params, responses).parsed).toBe(null);
    expect(turnFrom(params, responses, { parse: (text) => JSON.parse(text) as unknown }).parsed).toEqual({
      n: 1,
    });
    const failing = turnFrom(params, responses, {
      parse: () => {
        throw new Error('not so');
      },
    });
    expect(failing).toMatchObject({
      parsed: null,
      notices: [{ code: 'answer-not-parsed', responseIndex: 0 }],
    });
  });

  it.each([[[]], [undefined], [{}], [[{ role: 'user', content: 'x' }]]])('refuses %j', async (history) => {
    expect(isInvalidInputError(await thrownBy(async () => turnFrom(params, history as never)))).toBe(true);
  });
});

describe('withoutRaw', () => {
  it('leaves nothing of the blocks, and folds to the same', async () => {
    const events: TurnEvent[] = [];
    const { client } = world(
      [say('x'), bash('SECRET'), pause(), callTool('ask', { key: 'in-the-open' }), say('Two.')],
      { sandbox: cannedSandbox(() => ({ stdout: 'out' })) },
    );
    const turn = await runTurn(client, { ...question, tools: [tool] } as never, {
      onEvent: (event) => void events.push(event),
    });
    const bare = events.map((event) => withoutRaw(event));
    const state = bare.reduce(reduceTurn, initialTurnState());
    expect(state).toEqual(withoutRaw(events.reduce(reduceTurn, initialTurnState())));
    expect(withoutRaw(turn)).toEqual(state);
    expect(state.executions).toMatchObject([{ command: 'SECRET', stdout: 'out', call: null, result: null }]);
    expect(JSON.stringify(bare)).not.toContain('bash_code_execution_result');
    expect(JSON.stringify(bare)).not.toContain('"type":"server_tool_use"');
  });

  it('takes unknown parts and the responses of notices away, and says that they were there', () => {
    const responseIndex = 0;
    const notice = { code: 'response-repeated', message: 'm', responseIndex, response: { id: 'x' } };
    expect(withoutRaw({ type: 'notice', notice, seq: 1 } as never)).toEqual({
      type: 'notice',
      notice: { code: 'response-repeated', message: 'm', responseIndex },
      seq: 1,
    });
    expect(withoutRaw({ type: 'unknown', responseIndex, raw: { type: 'news' }, seq: 2 })).toEqual({
      type: 'unknown',
      responseIndex,
      raw: null,
      seq: 2,
    });
    const usage = {
      type: 'usage' as const,
      responseIndex,
      usage: { input_tokens: 1, output_tokens: 2 },
      seq: 3,
    };
    expect(withoutRaw(usage)).toEqual(usage);
  });
});

describe('readCheckpoint', () => {
  it('takes what a turn gave, also over JSON, and names what is damaged', async () => {
    const { client } = world(scripts['a pause'], { sandbox });
    const { checkpoint } = await runTurn(client, params, { stopWhen: () => true });
    expect(await readCheckpoint(viaJson(checkpoint))).toEqual(viaJson(checkpoint));
    const spoiled = { ...viaJson(checkpoint), spent: { ...checkpoint?.spent, pauses: -1 } };
    expect((await thrownBy(readCheckpoint(spoiled))).message).toMatch(/spent\.pauses/);
    const other = { ...viaJson(checkpoint), version: 99 };
    expect((await thrownBy(readCheckpoint(other))).message).toMatch(/version/);
  });
});
