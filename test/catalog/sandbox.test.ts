import { describeSandbox, sandbox } from 'code-execution-kit/catalog';
import { expect, it } from 'vitest';
import { viaJson } from '../support/world.ts';

it('each fact of the sandbox has its date and its source, and nothing of it can be changed', () => {
  expect(viaJson(sandbox)).toEqual(sandbox);
  for (const [name, fact] of Object.entries(sandbox)) {
    expect(fact.asOf, name).toMatch(/^202\d-\d\d(-\d\d)?$/);
    expect(fact.source, name).toMatch(/^https:\/\//);
    expect(Object.isFrozen(fact), name).toBe(true);
  }
  expect(() => Object.assign(sandbox.cpus, { value: 64 })).toThrow(TypeError);
  expect(() => (sandbox.commands.value as string[]).push('curl')).toThrow(TypeError);
  expect(sandbox.memoryBytes.value).toBe(5 * 1024 ** 3);
  expect([sandbox.python.value, sandbox.network.value, sandbox.callSeconds.value]).toEqual([
    '3.11',
    false,
    null,
  ]);
});

it('describes the sandbox to Claude in a short text, from the same data', () => {
  const text = describeSandbox();
  expect(text.split('\n').length).toBeLessThanOrEqual(8);
  expect(text.length).toBeLessThan(1200);
  for (const library of Object.values(sandbox.libraries.value).flat()) expect(text).toContain(library);
  expect(text).toContain('Python 3.11, 1 CPU, 5 GiB of memory, 5 GiB of disk.');
  expect(text).toContain('It has no network');
  expect(text).toContain('stopped after 90 s');
});
