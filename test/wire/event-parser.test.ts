import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEventParser } from '../../src/wire/event-parser.ts';

const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '\n', '}', '{', ' ', ',', ':', 'é', '😀', '\ud83d'),
});
const delta = fc.oneof(
  fc.record({ type: fc.constant('text_delta'), text }),
  fc.record({ type: fc.constant('input_json_delta'), partial_json: text }),
  fc.record({ type: fc.constant('thinking_delta'), thinking: text }),
  fc.record({ type: fc.constant('text_delta'), text, extra: text }),
  fc.record({ type: fc.constant('text_delta'), text: fc.oneof(fc.integer(), fc.constant(null)) }),
  fc.record({ type: fc.constant('signature_delta'), signature: text }),
);
const event = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('content_block_delta'), index: fc.nat(12), delta }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('content_block_delta'),
      index: fc.nat(2),
      delta,
      more: fc.anything(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('ping', 'message_stop') }) },
);
/** What may stand around and after an event's JSON. */
const written = fc.record({
  event,
  padding: fc.constantFrom('', ' ', '    ', '\t'),
  spaced: fc.boolean(),
  cut: fc.boolean(),
});

it('gives what JSON.parse gives, for any events in any order', () => {
  const property = fc.property(fc.array(written, { maxLength: 20 }), (list) => {
    const parse = createEventParser();
    for (const { event: one, padding, spaced, cut } of list) {
      const json = spaced ? JSON.stringify(one, null, 1) : JSON.stringify(one);
      const data = cut ? json.slice(0, -1) : `${json.slice(0, -1)}${padding}}`;
      expect(parse(data)).toEqual(parsed(data));
    }
  });
  fc.assert(property, { numRuns: 3000 });
});

it.each([
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"},"x":"b"}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a","x":"b"}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}} ',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":}}',
  '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":1}}',
])('is not misled after a delta by %s', (data) => {
  const parse = createEventParser();
  parse('{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"first"}}');
  expect(parse(data)).toEqual(parsed(data));
});

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
