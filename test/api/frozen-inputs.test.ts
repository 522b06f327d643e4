import * as given from 'code-execution-kit';
import * as givenCatalog from 'code-execution-kit/catalog';
import * as givenNode from 'code-execution-kit/node';
import { expect, it } from 'vitest';
import * as catalog from '../../src/catalog/index.ts';
import * as kit from '../../src/index.ts';
import * as node from '../../src/node/index.ts';

/** They read what they are given, and take nothing that a caller could change after them. */
const TAKE_NO_DATA = ['artifactInstructions', 'initialTurnState'];

it('freezes what tests pass to every function that takes data', () => {
  const isClass = (value: unknown) => /^class\b/.test(String(value));
  const notFrozen = (entry: object, through: object) =>
    Object.entries(entry)
      .filter(([name, value]) => typeof value === 'function' && !isClass(value) && !/^is[A-Z]/.test(name))
      .filter(([name, value]) => through[name as keyof typeof through] === value)
      .map(([name]) => name);
  expect(notFrozen(kit, given).sort()).toEqual(TAKE_NO_DATA);
  expect(notFrozen(node, givenNode)).toEqual([]);
  expect(notFrozen(catalog, givenCatalog)).toEqual(['describeSandbox']);
  const files = ['file_1'];
  given.userMessage('Hello.', { files });
  expect(() => files.push('file_2')).toThrow(TypeError);
});
