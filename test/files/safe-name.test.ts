import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Names, nameKey, numberedName, safeName } from '../../src/files/download/safe-name.ts';

describe('safeName', () => {
  it.each([
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['..', 'file_1'],
    ['', 'file_1'],
    ['/', '_'],
    ['C:\\windows\\x.dll', 'C__windows_x.dll'],
    ['con.txt', '_con.txt'],
    ['LPT1', '_LPT1'],
    ['name. . ', 'name'],
    ['a\u0000b\u001b[31m.csv', 'a_b_[31m.csv'],
    ['invoice\u202Efdp.exe', 'invoice_fdp.exe'],
    ['\ud800.csv', '_.csv'],
    ['résumé.csv', 'résumé.csv'],
    ['re\u0301sume\u0301.csv', 'r\u00e9sum\u00e9.csv'],
    [`${'ä'.repeat(200)}.csv`, `${'ä'.repeat(125)}.csv`],
    [`${'😀'.repeat(64)}`, '😀'.repeat(63)],
    [`.${' '.repeat(300)}x`, 'file_1'],
    [`con${' '.repeat(300)}x`, '_con'],
    [`nul${'\u00a0'.repeat(300)}x.txt`, '_nul.txt'],
    [`a.${'x'.repeat(300)}`, `a.${'x'.repeat(253)}`],
  ])('makes %j safe', (name, expected) => {
    expect(safeName(name, 'file_1')).toBe(expected);
  });

  it.each([
    // Devices of Windows, with any extension and blanks before it, and nothing that only has their letters.
    ['falcon', 'falcon'],
    ['falcon.txt', 'falcon.txt'],
    ['console.txt', 'console.txt'],
    ['con .txt', '_con .txt'],
    ['coma.txt', 'coma.txt'],
    ['com1.txt', '_com1.txt'],
    ['COM²', '_COM²'],
    ['lpt9', '_lpt9'],
    ['CONIN$', '_CONIN$'],
    ['conout$.x', '_conout$.x'],
    [' \u00a0a.csv', 'a.csv'],
    // It fits to the byte, with a dot before its extension.
    [`${'x'.repeat(250)}..csv`, `${'x'.repeat(250)}..csv`],
    [`${'x'.repeat(255)}`, 'x'.repeat(255)],
    [`${'x'.repeat(256)}`, 'x'.repeat(255)],
  ])('makes %j %j', (name, expected) => {
    expect(safeName(name, 'file_1')).toBe(expected);
  });

  it('has a name where neither the name nor the id leaves one', () => {
    expect(safeName('...', ' . ')).toBe('file');
  });

  it('looks at the beginning and the end of a long one', () => {
    for (const length of [1024, 1025, 20_000, 1_000_000]) {
      expect(safeName(`a${'b'.repeat(length)}.csv`, 'file_1')).toBe(`a${'b'.repeat(250)}.csv`);
      for (const unit of ['. ', '.', ' ', 'x\u0301', '\u0301', '\u200d', '\ud800']) {
        const name = safeName(unit.repeat(length), 'file_1');
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(name).not.toMatch(/^$|[.\s]$/);
      }
    }
  });

  it('never leaves the folder, whatever the name', () => {
    const folder = '/folder';
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400, size: 'max' }),
      fc.string({
        unit: fc.constantFrom('.', '/', '\\', '~', ' ', '\u0000', '\u202e', 'a', 'é', '😀', ':'),
        maxLength: 400,
        size: 'max',
      }),
      fc.constantFrom('.', '..', '...', 'nul', 'aux.c', '~', '-rf', '.part', 'COM¹'),
    );
    const property = fc.property(hostile, fc.integer({ min: 2, max: 9999 }), (raw, number) => {
      for (const name of [safeName(raw, 'file_1'), numberedName(safeName(raw, 'file_1'), number)]) {
        expect(dirname(join(folder, 'in', name))).toBe(join(folder, 'in'));
        expect(basename(name)).toBe(name);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(name).toMatch(/^[^\p{Cc}/\\]+$/u);
        expect(name).not.toMatch(/[. ]$/);
      }
      expect(nameKey(safeName(raw, 'file_1'))).not.toBe('');
    });
    fc.assert(property, { numRuns: 5000 });
  });
});

describe('names that a file system may take for the same', () => {
  it.each([
    ['a', 'A'],
    ['ß', 'SS'],
    ['ẞ', 'ss'],
    ['ſ', 's'],
    ['é', 'e\u0301'],
    ['ﬁ', 'fi'],
    ['a\u200bb', 'AB'],
    ['Σ', 'ς'],
  ])('have one key: %j and %j', (one, other) => {
    expect(nameKey(one)).toBe(nameKey(other));
    expect(new Names([`${one}.csv`]).claim(`${other}.csv`)).toBe(`${other} (2).csv`);
  });

  it.each([
    ['a', 'b'],
    ['ab', 'a b'],
    ['a.b', 'ab'],
    ['\u200b', '\u200c'],
  ])('are not %j and %j', (one, other) => {
    expect(nameKey(one)).not.toBe(nameKey(other));
    expect(new Names([one]).claim(other)).toBe(other);
  });

  it('are given out once each, and those that were there not at all', () => {
    const names = new Names(['a (2).csv', 'B.csv']);
    const claimed = ['a.csv', 'A.csv', 'a.csv', 'b.csv', 'c'].map((name) => names.claim(name));
    expect(claimed).toEqual(['a.csv', 'A (3).csv', 'a (4).csv', 'b (2).csv', 'c']);
  });
});

describe('a number in a name', () => {
  it.each([
    ['report.csv', 'report (2).csv'],
    ['.csv', '.csv (2)'],
    ['abc', 'abc (2)'],
    // An extension has 20 characters at most, with its dot.
    [`a.${'x'.repeat(19)}`, `a (2).${'x'.repeat(19)}`],
    [`a.${'x'.repeat(20)}`, `a.${'x'.repeat(20)} (2)`],
    // Cut within dots, of which none is left before the number.
    [`${'x'.repeat(249)}...${'y'.repeat(30)}`, `${'x'.repeat(249)} (2)`],
    [`${'x'.repeat(251)}.csv`, `${'x'.repeat(247)} (2).csv`],
  ])('of %j is %j', (name, expected) => {
    expect(numberedName(name, 2)).toBe(expected);
  });
});
