import { readFileSync } from 'node:fs';
import * as kit from 'code-execution-kit';
import * as batch from 'code-execution-kit/batch';
import * as catalog from 'code-execution-kit/catalog';
import * as emulator from 'code-execution-kit/emulator';
import * as node from 'code-execution-kit/node';
import * as relay from 'code-execution-kit/relay';
import { expect, it } from 'vitest';
import { limitsOf, resolveTurnOptions } from '../../src/run/options.ts';

it('exports these names, and no others', () => {
  const namesOf = (entry: object) => Object.keys(entry).sort();
  expect({
    '.': namesOf(kit),
    './node': namesOf(node),
    './relay': namesOf(relay),
    './catalog': namesOf(catalog),
    './batch': namesOf(batch),
    './emulator': namesOf(emulator),
  }).toEqual({
    '.': [
      'ArtifactError',
      'CodeExecutionError',
      'Container',
      'ContainerLostError',
      'InvalidInputError',
      'RedirectError',
      'StdoutError',
      'TurnInterruptedError',
      'TurnLimitError',
      'UploadError',
      'artifactInstructions',
      'artifactsOf',
      'checkHistory',
      'codeExecutionTool',
      'containerOf',
      'containerUpload',
      'contentBlockFor',
      'createSession',
      'deleteFiles',
      'describeArtifacts',
      'downloadArtifact',
      'executionsOf',
      'initialTurnState',
      'isArtifactError',
      'isCodeExecutionError',
      'isContainerLostError',
      'isInvalidInputError',
      'isPrefixMismatch',
      'isRedirectError',
      'isStdoutError',
      'isTurnInterruptedError',
      'isTurnLimitError',
      'isUploadError',
      'nextParams',
      'parseStdout',
      'pipeArtifacts',
      'readCheckpoint',
      'reduceTurn',
      'resumeTurn',
      'runTurn',
      'skill',
      'streamTurn',
      'turnEvents',
      'turnFrom',
      'uploadAll',
      'uploadFile',
      'userMessage',
      'withoutRaw',
    ],
    './relay': [
      'RelayError',
      'artifactResponse',
      'isRelayError',
      'memoryStore',
      'readEvents',
      'resumeResponse',
      'toResponse',
      'toUIMessageStreamResponse',
    ],
    './catalog': ['describeSandbox', 'estimateCost', 'maxCost', 'prices', 'sandbox', 'toolFor'],
    './batch': [
      'BatchError',
      'cancelBatch',
      'continueBatch',
      'createBatch',
      'deleteBatch',
      'isBatchError',
      'readBatch',
      'runBatch',
      'waitForBatch',
    ],
    './node': ['fileStore', 'saveArtifacts', 'uploadPath', 'uploadSkill', 'uploadStream'],
    './emulator': [
      'EmulatorError',
      'bash',
      'callTool',
      'cannedSandbox',
      'create',
      'createEmulator',
      'cutAfter',
      'delay',
      'fails',
      'httpError',
      'inParallel',
      'pause',
      'python',
      'recorder',
      'refuse',
      'refuseConnection',
      'replace',
      'replay',
      'say',
      'search',
      'sliceInto',
      'stallAfter',
      'stop',
      'systemSandbox',
      'think',
      'view',
    ],
  });
});

it('has the defaults that docs/options.md tells', () => {
  const table = readFileSync(new URL('../../docs/options.md', import.meta.url), 'utf8');
  const rows = [...table.matchAll(/^\| `(\w+)` +\| ([^|]+)\|/gm)].map(([, name, value]) => [
    name,
    value?.trim(),
  ]);
  const told = Object.fromEntries(rows.filter(([, value]) => value !== '–'));
  const options = resolveTurnOptions();
  const { now: _, request: __, ...defaults } = { ...options, ...limitsOf(options) };
  const stated = Object.entries(defaults).filter(([, value]) => value != null);
  expect(told).toEqual(Object.fromEntries(stated.map(([name, value]) => [name, String(value)])));
  expect(rows.map(([name]) => name).sort()).toEqual(Object.keys(options).sort());
});

it('recognises errors of another copy of the package', () => {
  const foreign = Object.assign(new Error('x'), {
    name: 'TurnLimitError',
    [Symbol.for('code-execution-kit.error')]: true,
  });
  expect(foreign).not.toBeInstanceOf(kit.TurnLimitError);
  expect(kit.isTurnLimitError(foreign)).toBe(true);
  expect(kit.isCodeExecutionError(foreign)).toBe(true);
  expect(kit.isTurnInterruptedError(foreign)).toBe(false);
  expect(kit.isCodeExecutionError(new Error('x'))).toBe(false);
  expect(kit.isCodeExecutionError(null)).toBe(false);
});
