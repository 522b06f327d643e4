import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parsePartialJson } from '../../src/wire/partial-json.ts';

const options = { keepCutString: true };

it('reads whole JSON as JSON.parse does, and any beginning of it as a part of it', () => {
  const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (value, at) => {
    const text = JSON.stringify(value);
    expect(parsePartialJson(text, options)).toEqual(JSON.parse(text));
    const part = parsePartialJson(text.slice(0, at % (text.length + 1)), options);
    if (part !== undefined) expect(isPartOf(part, JSON.parse(text))).toBe(true);
  });
  fc.assert(property, { numRuns: 2000 });
});

it('closes what is nested 20,000 deep', () => {
  const depth = 20_000;
  let value = parsePartialJson(`{"command":"a","b":${'[1,'.repeat(depth)}`, options) as { b: unknown };
  expect(value).toMatchObject({ command: 'a' });
  let count = 0;
  for (let inner: unknown = value.b; Array.isArray(inner); inner = inner[1]) count++;
  expect(count).toBe(depth);
  value = parsePartialJson(`{"b":${'{"c":'.repeat(depth)}`, options) as { b: unknown };
  expect(Object.keys(value)).toEqual(['b']);
});

/** Whether a value has nothing that the whole has not: texts may be shorter, lists and objects smaller. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (typeof part === 'string') return typeof whole === 'string' && whole.startsWith(part);
  if (Array.isArray(part)) {
    return Array.isArray(whole) && part.every((one, index) => isPartOf(one, whole[index]));
  }
  if (typeof part === 'object' && part !== null) {
    const other = whole as Record<string, unknown>;
    return Object.entries(part).every(([key, one]) => key in other && isPartOf(one, other[key]));
  }
  return Object.is(part, whole);
}
