import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameKey, numberedName, safeName } from '../../src/files/download/safe-name.ts';

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
