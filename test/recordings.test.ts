import {
  executionsOf,
  initialTurnState,
  reduceTurn,
  runTurn,
  streamTurn,
  type TurnEvent,
} from 'code-execution-kit';
import { afterAll, describe, expect, it } from 'vitest';
import { deepFreeze } from './support/freeze.ts';
import { messages, recordings, streams } from './support/recordings.ts';
import { clientAnswering, sdkMessage } from './support/sse.ts';

const params = deepFreeze({
  model: 'claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'x' }],
});

const results = { read: 0 };
afterAll(() => console.log(`recordings: ${results.read} of ${streams.length + messages.length}`));

describe.skipIf(recordings.length === 0)('recorded exchanges', () => {
  describe.each(streams)('stream $name', ({ sse }) => {
    it('gives the message that the SDK gives', async () => {
      // One response only: what follows a recorded pause is another recording.
      const turn = await runTurn(clientAnswering(sse), params, { maxPauses: 0 }).catch((error) => error.turn);
      expect(turn.responses).toEqual([await sdkMessage(sse)]);
      expect(turn.messages.at(-1).content).toEqual(turn.responses[0].content);
      results.read++;
    });

    it('folds to the executions of that message, and stays plain JSON', async () => {
      const stream = streamTurn(clientAnswering(sse), params, { maxPauses: 0, describe: false });
      const events: TurnEvent[] = [];
      let state = initialTurnState();
      try {
        for await (const event of stream) {
          events.push(event);
          state = deepFreeze(reduceTurn(state, event));
        }
      } catch (error) {
        expect(error).toMatchObject({ name: 'TurnLimitError' });
      }
      const message = await sdkMessage(sse);
      expect(state.executions).toEqual(executionsOf(message));
      expect(state).toEqual(stream.state);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
      expect(JSON.parse(JSON.stringify({ events, state }))).toEqual({ events, state });
    });

    it('writes out the source of each execution exactly', async () => {
      const written = new Map<string, string>();
      for await (const event of streamTurn(clientAnswering(sse), params, { maxPauses: 1, describe: false })) {
        if (event.type === 'pause') break;
        if (event.type !== 'code-delta') continue;
        const key = `${event.id} ${event.field}`;
        written.set(key, (written.get(key) ?? '') + event.text);
      }
      const expected = (await sdkMessage(sse)).content.flatMap((block) => {
        if (block.type !== 'server_tool_use' || !block.name.endsWith('code_execution')) return [];
        const input = block.input as Record<string, string>;
        const fields = block.name.startsWith('text_editor')
          ? ['file_text', 'old_str', 'new_str']
          : ['code', 'command'];
        return fields
          .filter((field) => input[field])
          .map((field) => [`${block.id} ${field}`, input[field]] as const);
      });
      expect(written).toEqual(new Map(expected));
    });
  });

  it.each(messages)('finds every result and every waiting call: $name', ({ body }) => {
    const executions = executionsOf(deepFreeze(body));
    const blocks = body.content as { type: string; id: string; name: string; tool_use_id: string }[];
    const resultIds = blocks
      .filter(({ type }) => type.endsWith('code_execution_tool_result'))
      .map((one) => one.tool_use_id);
    const callIds = blocks
      .filter(({ type, name }) => type === 'server_tool_use' && name.endsWith('code_execution'))
      .map(({ id }) => id);
    expect(executions.filter(({ result }) => result !== null).map(({ id }) => id)).toEqual(resultIds);
    expect(executions.filter(({ call }) => call !== null).map(({ id }) => id)).toEqual(callIds);
    for (const { id, status } of executions) expect(status === 'pending').toBe(!resultIds.includes(id));
    results.read++;
  });

  it('pairs calls and results over the responses of a turn', () => {
    const recording = recordings.find(({ name }) => name.includes('programmatic-tool-calling'));
    const history = (recording?.responses ?? []).map(({ body }) => body as { content: unknown[] });
    const [execution, ...others] = executionsOf(history);
    expect(others).toEqual([]);
    expect(execution).toMatchObject({ kind: 'python', status: 'succeeded', returnCode: 0, responseIndex: 0 });
    expect(execution?.call).not.toBeNull();
  });
});

it.runIf(recordings.length === 0)('has no recordings beside it: their tests are skipped', () => {
  console.log('recordings: none beside the project, their tests are skipped');
});
