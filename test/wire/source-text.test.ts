import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePartialJson } from '../../src/wire/partial-json.ts';
import { type SourceField, SourceTextDecoder, sourceFieldsOf } from '../../src/wire/source-text.ts';

function decode(toolName: string, fragments: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  const onText = (field: SourceField, text: string) => {
    expect(text).not.toBe('');
    texts[field] = (texts[field] ?? '') + text;
  };
  const decoder = new SourceTextDecoder(sourceFieldsOf(toolName), onText);
  for (const fragment of fragments) decoder.write(fragment);
  decoder.end();
  return texts;
}

/** A text cut at any places, also inside escapes and pairs. */
function cuts(text: string, at: readonly number[]): string[] {
  const places = [...new Set(at.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => text.slice(start, places[index] ?? text.length));
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      '"',
      '\\',
      '\n',
      '\t',
      '\u0000',
      '/',
      '{',
      '}',
      ',',
      ':',
      '😀',
      '\ud83d',
      '\ude00',
      'é',
      'a',
    ),
  }),
);
const places = fc.array(fc.nat(), { maxLength: 20 });

describe('SourceTextDecoder', () => {
  it('gives the exact value of each source field, in any key order and cut anywhere', () => {
    const others = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 });
    const property = fc.property(
      fc.constantFrom(
        'code_execution',
        'bash_code_execution',
        'text_editor_code_execution',
        'future_code_execution',
      ),
      fc.record({ code: anyText, command: anyText, file_text: anyText, old_str: anyText, new_str: anyText }),
      others,
      fc.boolean(),
      places,
      fc.constantFrom(undefined, 1),
      (tool, sources, other, othersFirst, at, indent) => {
        const rest = Object.fromEntries(Object.entries(other).filter(([key]) => !(key in sources)));
        const input = othersFirst ? { ...rest, ...sources } : { ...sources, ...rest };
        const expected = sourceFieldsOf(tool).map((field) => [field, sources[field]]);
        const written = decode(tool, cuts(JSON.stringify(input, null, indent), at));
        expect(written).toEqual(Object.fromEntries(expected.filter(([, text]) => text !== '')));
      },
    );
    fc.assert(property, { numRuns: 3000 });
  });

  it('reads escaped keys and every kind of escape, one character at a time', () => {
    const json = '{"\\u0063ode" : "\\u00e9\\n\\t\\"\\\\\\/\\b\\f\\r\\ud83d\\ude00 \\ud83d"}';
    expect(decode('code_execution', [...json])).toEqual({ code: JSON.parse(json).code });
  });

  it('keeps half a surrogate pair until its other half comes', () => {
    const texts: string[] = [];
    const decoder = new SourceTextDecoder(['code'], (_, text) => texts.push(text));
    decoder.write('{"code":"a\\ud83d');
    decoder.write('\\ude00');
    expect(texts).toEqual(['a', '😀']);
  });

  it('passes over texts below the top level and over the name of an editor command', () => {
    const input = {
      nested: { code: 'no' },
      list: ['code', { code: 'no' }],
      command: 'create',
      file_text: 'yes',
    };
    expect(decode('text_editor_code_execution', [JSON.stringify(input)])).toEqual({ file_text: 'yes' });
  });
});

describe('parsePartialJson', () => {
  it.each([
    ['{"code":"ab', {}, { code: 'ab' }],
    ['{"code":"a\\', {}, { code: 'a' }],
    ['{"code":"a\\u00e', {}, { code: 'a' }],
    [
      '{"command":"create","path":"/x","file_text":"li',
      { command: 'create', path: '/x' },
      { command: 'create', path: '/x', file_text: 'li' },
    ],
    ['{"a":{"b":[1,2', { a: { b: [1] } }, { a: { b: [1] } }],
    ['{"a":tru', {}, {}],
    ['{"a":true', { a: true }, { a: true }],
    ['{"a":[null', { a: [null] }, { a: [null] }],
    ['{"a":-1', {}, {}],
    ['{"a":true,"b', { a: true }, { a: true }],
    ['{', {}, {}],
    ['', undefined, undefined],
    ['oops', undefined, undefined],
  ])('reads %s', (text, dropped, kept) => {
    expect(parsePartialJson(text, { keepCutString: false })).toEqual(dropped);
    expect(parsePartialJson(text, { keepCutString: true })).toEqual(kept);
  });

  it('reads every beginning of an object', () => {
    const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (value, at) => {
      const text = JSON.stringify(value);
      const cut = text.slice(0, 1 + (at % text.length));
      for (const keepCutString of [true, false]) {
        const read = parsePartialJson(cut, { keepCutString }) as object;
        expect(Object.keys(value).slice(0, Object.keys(read).length).sort()).toEqual(
          Object.keys(read).sort(),
        );
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
