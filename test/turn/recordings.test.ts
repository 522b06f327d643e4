import {
  executionsOf,
  initialTurnState,
  isTurnInterruptedError,
  isTurnLimitError,
  reduceTurn,
  runTurn,
  streamTurn,
  type TurnEvent,
  turnEvents,
  withoutRaw,
} from 'code-execution-kit';
import { afterAll, describe, expect, it } from 'vitest';
import { damageIn, eventSchema, stateSchema } from '../../src/turn/schemas.ts';
import { deepFreeze } from '../support/freeze.ts';
import { messages, recordings, streams } from '../support/recordings.ts';
import { bodyOf, clientAnswering, randomNumbers, sdkMessage, slices } from '../support/sse.ts';
import { foldedBy, foldedFrom } from '../support/whole-messages.ts';
import { timeless } from '../support/world.ts';

const params = deepFreeze({
  model: 'claude-opus-5-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'x' }],
});

const thawed = structuredClone(params);

const results = { read: 0 };
afterAll(() => console.log(`recordings: ${results.read} of ${streams.length + messages.length}`));

/**
 * One turn over these bytes: its events, and the turn, where
 * the recording ends in a pause that nothing continues.
 */
async function read(body: BodyInit) {
  const stream = streamTurn(clientAnswering(body), params, {
    maxPauses: 0,
    describe: false,
    now: () => new Date(0),
  });
  const events: TurnEvent[] = [];
  try {
    for await (const event of stream) events.push(event);
    return { events, turn: await stream.turn() };
  } catch (error) {
    if (!isTurnLimitError(error)) throw error;
    return { events, turn: error.turn };
  }
}

const encoder = new TextEncoder();

/** Where each event ends, in characters. */
function endsOfEvents(sse: string): number[] {
  return [...sse.matchAll(/\n\n+/g)].map(({ index, 0: gap }) => index + gap.length);
}

const countOf = (text: string, type: string) => text.split(`"type":"${type}"`).length - 1;

/** Each place where a stream can be cut between two events, as in CI; else a hundred of them. */
const ALL_CUTS = process.env['ALL_CUTS'] === '1';

describe.skipIf(recordings.length === 0)('recorded exchanges', () => {
  describe.each(streams)('stream $name', ({ sse }) => {
    it('gives the message that the SDK gives', async () => {
      const { turn } = await read(sse);
      expect(turn.responses).toEqual([await sdkMessage(sse)]);
      // Recorded: texts of a space between citations. The API takes none back.
      const sendable = turn.responses[0]?.content.filter((one) => one.type !== 'text' || one.text.trim());
      expect(turn.messages.at(-1)?.content).toEqual(sendable);
      results.read++;
    });

    it('gives the same events and the same message in any chunks', async () => {
      const whole = await read(sse);
      const bytes = encoder.encode(sse);
      const crlf = sse.replaceAll('\n', '\r\n');
      const ways: [string, BodyInit][] = [
        ['random chunks', bodyOf(slices(bytes, 700))],
        ['small random chunks', bodyOf(slices(bytes, 40))],
        ['CRLF', crlf],
        ['CRLF in random chunks', bodyOf(slices(encoder.encode(crlf), 300))],
        ['CR', sse.replaceAll('\n', '\r')],
        ['a byte order mark', `\ufeff${sse}`],
      ];
      if (bytes.length < 60_000) ways.push(['per byte', bodyOf(slices(bytes, 1))]);
      for (const [way, body] of ways) expect(await read(body), way).toEqual(whole);
    });

    it('folds to the executions of that message, and stays plain JSON', async () => {
      const { events, turn } = await read(sse);
      const message = await sdkMessage(sse);
      let state = initialTurnState();
      for (const event of events) state = deepFreeze(reduceTurn(state, event));
      expect(timeless(state.executions)).toEqual(executionsOf(message));
      expect(turn.executions).toEqual(state.executions);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
      expect(JSON.parse(JSON.stringify({ events, state }))).toEqual({ events, state });
      expect(foldedFrom(params, turn)).toEqual(timeless(foldedBy(turn)));
      for (const event of events) expect(damageIn(eventSchema(), withoutRaw(event))).toBeUndefined();
      expect(damageIn(stateSchema(), turn)).toBeUndefined();
    });

    it('gives the same events over the SDK stream, a Response and a body', async () => {
      const isLast = ({ type }: TurnEvent) =>
        type === 'turn-end' || type === 'turn-error' || type === 'pause';
      const until = (events: TurnEvent[]) => events.slice(0, events.findIndex(isLast));
      const expected = until((await read(sse)).events);
      const sources: [string, Parameters<typeof turnEvents>[0]][] = [
        ['SDK', await clientAnswering(sse).messages.create({ ...thawed, stream: true })],
        ['Response', new Response(sse)],
        ['body', bodyOf(slices(encoder.encode(sse), 500))],
      ];
      for (const [way, source] of sources) {
        const events: TurnEvent[] = [];
        for await (const event of turnEvents(source, { container: null })) events.push(event);
        expect(until(events), way).toEqual(timeless(expected));
        expect(isLast(events.at(-1) as TurnEvent), way).toBe(true);
      }
    });

    it('writes out the source of each execution exactly', async () => {
      const written = new Map<string, string>();
      for (const event of (await read(sse)).events) {
        if (event.type !== 'code-delta') continue;
        const key = `${event.id} ${event.field}`;
        written.set(key, (written.get(key) ?? '') + event.text);
      }
      const expected = (await sdkMessage(sse)).content.flatMap((block) => {
        if (block.type !== 'server_tool_use' || !block.name.endsWith('code_execution')) return [];
        const input = block.input as Record<string, string>;
        const isEditor = block.name.startsWith('text_editor');
        const fields = isEditor ? ['file_text', 'old_str', 'new_str'] : ['code', 'command'];
        return fields
          .filter((field) => input[field])
          .map((field) => [`${block.id} ${field}`, input[field]] as const);
      });
      expect(written).toEqual(new Map(expected));
    });

    it('keeps every whole block when it is cut, after any event and at any byte', async () => {
      const message = await sdkMessage(sse);
      const bytes = encoder.encode(sse);
      const end = sse.indexOf('event: message_stop');
      const places = endsOfEvents(sse).filter((place) => place < end);
      const step = ALL_CUTS ? 1 : Math.ceil(places.length / 100);
      const cuts = places.filter((_, index) => index % step === 0).map((place) => sse.slice(0, place));
      const bytesBeforeEnd = encoder.encode(sse.slice(0, end)).length;
      const random = randomNumbers();
      for (let cut = 0; cut < (ALL_CUTS ? 200 : 50); cut++) {
        cuts.push(
          new TextDecoder().decode(bytes.subarray(0, (random.next().value as number) % bytesBeforeEnd)),
        );
      }
      for (const cut of cuts) {
        const error = await runTurn(clientAnswering(cut), params).catch((thrown) => thrown);
        if (!isTurnInterruptedError(error)) throw new Error(`cut at ${cut.length}: ${error}`);
        expect(error.code).toBe('stream_cut');
        // Blocks whose stop event is whole, blank line and all.
        const received = cut.slice(0, endsOfEvents(cut).at(-1) ?? 0);
        const complete = message.content.slice(0, countOf(received, 'content_block_stop'));
        const partial = error.responses[0]?.content ?? [];
        expect(partial.slice(0, complete.length)).toEqual(complete);
        // Results are whole from their first event on, and calls only with their last.
        const answered = executionsOf({ content: partial }).filter(({ result }) => result !== null);
        const kept = error.state.executions.filter(({ result }) => result !== null);
        expect(timeless(kept)).toEqual(answered);
        const called = executionsOf({ content: complete }).map(({ id }) => id);
        const ids = error.state.executions.filter(({ status }) => status !== 'writing').map(({ id }) => id);
        expect(ids).toEqual(called);
        expect(error.state).toMatchObject({ status: 'interrupted', error: { code: 'stream_cut' } });
      }
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
