import { turnEvents } from 'code-execution-kit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyOf, response, sseOf } from '../support/sse.ts';
import { drained, thrownBy } from '../support/world.ts';

const CASES = Number(process.env['LIMIT_CASES'] ?? 200);
const encoder = new TextEncoder();
const events = response([{ type: 'text', text: 'Kept.' }]);
const begun = sseOf(events.slice(0, 3));
const ended = sseOf(events.slice(3));

function* chunksOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** What becomes of a body in chunks of so many bytes. */
async function read(text: string, size: number, maxEventBytes: number) {
  const body = bodyOf(chunksOf(encoder.encode(text), size));
  const headers = { 'content-type': 'text/event-stream' };
  return drained(turnEvents(new Response(body, { headers }), { maxEventBytes })).catch((error) => error);
}

const KIB = 1024;
const SIZES = [1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, KIB * KIB, Number.MAX_SAFE_INTEGER];
const LIMIT = 100 * KIB;
const large = 'x'.repeat(LIMIT);
const OVERSIZED = {
  'an event': sseOf([{ type: 'weather', large }]),
  'an event without a name': `data: {"type":"weather","large":"${large}"}\n\n`,
  'an event of many lines': `${`data: ${'x'.repeat(500)}\n`.repeat(210)}\n`,
  'an event that never ends': `data: ${large}${large}`,
  'a line without a field': `${large}x\n\n`,
  'a comment': `: ${large}x\n\n`,
};

describe('an oversized event is too_large, with all that came before', () => {
  for (const [name, text] of Object.entries(OVERSIZED)) {
    it.each(SIZES)(`${name}, in chunks of %i bytes`, async (size) => {
      const error = await read(begun + text + ended, size, LIMIT);
      expect(error).toMatchObject({ name: 'TurnInterruptedError', code: 'too_large' });
      expect(error.message).toContain('maxEventBytes');
      expect(error.state.text).toBe('Kept.');
      const first = await read(text, size, LIMIT);
      expect(first).toMatchObject({ name: 'TurnInterruptedError', code: 'too_large' });
      expect(first.state.text).toBe('');
    });
  }

  it.each(SIZES)('JSON, in chunks of %i bytes', async (size) => {
    const error = await read(`{"content":["${large}"]}`, size, LIMIT);
    expect(error).toMatchObject({ code: 'too_large', state: { text: '' } });
  });
});

it(
  `the limit is the same in any chunks, to the character (${CASES} cases)`,
  async () => {
    const limit = 1000;
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: limit - 30, max: limit + 30 }),
      fc.constantFrom('\n', '\r', '\r\n'),
      fc.boolean(),
      async (size, length, newline, isFirst) => {
        const empty = JSON.stringify({ type: 'weather', text: '' }).length;
        const data = JSON.stringify({ type: 'weather', text: 'ä'.repeat(length - empty) });
        const event = `event: weather\ndata: ${data}\n\n`;
        const text = (isFirst ? event + begun : begun + event) + ended;
        const result = await read(text.replaceAll('\n', newline), size, limit);
        if (length > limit) expect(result).toMatchObject({ code: 'too_large' });
        else expect(result.at(-1)).toMatchObject({ type: 'turn-end' });
      },
    );
    await fc.assert(property, { numRuns: CASES });
  },
  60_000 + CASES * 50,
);

it('what was received stands where a body gives what is no bytes', async () => {
  async function* body() {
    yield encoder.encode(begun);
    yield 42;
  }
  const source = { body: body(), headers: new Headers(), status: 200 } as unknown as Response;
  const error = await thrownBy(drained(turnEvents(source)));
  expect(error).toMatchObject({ code: 'invalid_stream', state: { text: 'Kept.' } });
  expect(error.message).toContain('gave 42');
});
