import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';
import { type TurnParams, userMessage } from 'code-execution-kit';
import { createEmulator, type EmulatorOptions, type Fault } from 'code-execution-kit/emulator';
import { expect, onTestFinished } from 'vitest';
import { deepFreeze } from './freeze.ts';

/** A question that says nothing: what happens is in the script of the emulator. */
export const params = deepFreeze({
  model: 'claude-opus-5-5',
  max_tokens: 1000,
  messages: [userMessage('Go.')],
});

export type WorldOptions = Omit<EmulatorOptions, 'script'> &
  Pick<ClientOptions, 'logger' | 'logLevel'> & {
    readonly faults?: readonly Fault[];
    readonly apiKey?: string;
    readonly maxRetries?: number;
  };

/** An emulator, the SDK's client for it, and the bodies of the messages that were asked for. */
export function world(
  script: EmulatorOptions['script'],
  { faults = [], apiKey = 'none', maxRetries = 0, logger, logLevel = 'off', ...options }: WorldOptions = {},
) {
  const emulator = createEmulator({ script, ...options });
  emulator.inject(...faults);
  const client = new Anthropic({ apiKey, maxRetries, logger, logLevel, fetch: emulator.fetch });
  const bodies = () =>
    emulator.requests.flatMap(({ path, body }) => (path === '/v1/messages' ? [body as TurnParams] : []));
  return { emulator, client, bodies, posts: () => bodies().length };
}

/** What a promise is rejected with, or a function throws; the test fails where nothing is thrown. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into errors of every kind.
export async function thrownBy(what: PromiseLike<unknown> | (() => unknown)): Promise<any> {
  try {
    await (typeof what === 'function' ? what() : what);
  } catch (error) {
    return error;
  }
  expect.unreachable('nothing was thrown');
}

/** All that an iteration gives. */
export async function drained<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

export const viaJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));

/** A copy of plain data without the times that a run's clock gave: whole messages have none. */
export const timeless = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (key, held) => (key === 'startedAt' || key === 'endedAt' ? null : held)));

/** A folder that is there until the test ends. */
export async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
