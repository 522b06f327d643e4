import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { codeExecutionTool, runTurn } from 'code-execution-kit';
import { createEmulator, httpError, recorder, replay, say, stop } from 'code-execution-kit/emulator';
import { describe, expect, it, vi } from 'vitest';
import { KEY, params, recordings } from '../support/recording.ts';
import { thrownBy } from '../support/world.ts';

const place = recordings();
const { record, replayed, fixtures } = place;

describe('what can go wrong', () => {
  const recorded = async () => {
    const emulator = createEmulator({ script: [say('Hello.')] });
    const recording = record({ fetch: emulator.fetch });
    await runTurn(recording.client, params);
    await recording.flush();
    return join(place.directory, '0001-post-v1-messages.json');
  };
  it.each([
    [
      'half of it',
      (text: string) => text.slice(0, 200),
      /0001-post-v1-messages\.json is damaged: it is not JSON/,
    ],
    [
      'its status',
      (text: string) => text.replace('"status": 200', '"status": "ok"'),
      /json is damaged: response\.status: /,
    ],
    [
      'its body',
      (text: string) => text.replace(/"type": "text"(?=,\s+"text": "event)/, '"type": "txt"'),
      /json is damaged: response\.body\.type: /,
    ],
    [
      'its version',
      (text: string) => text.replace('"version": 1', '"version": 2'),
      /json is damaged: version: /,
    ],
    ['all of it', () => 'null', /json is damaged: the whole: /],
  ])('a damaged fixture: %s', async (_, damage, message) => {
    const file = await recorded();
    await writeFile(file, damage(await readFile(file, 'utf8')));
    const error = await thrownBy(() => replay(place.directory));
    expect(error).toMatchObject({ name: 'EmulatorError', code: 'fixture_damaged' });
    expect((error as Error).message).toMatch(message);
  });

  it('no fixtures', async () => {
    expect(await thrownBy(() => replay(place.directory))).toMatchObject({ code: 'fixtures_missing' });
    await mkdir(place.directory);
    // What a killed process leaves is no fixture.
    await writeFile(join(place.directory, '.0001-post-v1-messages.json.tmp'), '{');
    const error = await thrownBy(() => replay(place.directory));
    expect(error).toMatchObject({
      code: 'fixtures_missing',
      message: expect.stringContaining(place.directory),
    });
    expect(await thrownBy(() => replay(''))).toMatchObject({ code: 'invalid_input' });
  });

  it('fixtures that are there already', async () => {
    await recorded();
    expect(await thrownBy(() => record({}))).toMatchObject({
      code: 'fixtures_exist',
      message: expect.stringMatching(/holds 1 fixture already/),
    });
  });

  it('a directory that is a file', async () => {
    await writeFile(place.directory, '');
    expect(await thrownBy(() => record({}))).toMatchObject({ code: 'fixture_not_written' });
  });

  it('no client', async () => {
    for (const client of [undefined, {}, new Anthropic({ apiKey: KEY }).beta])
      expect(
        await thrownBy(() => recorder({ client: client as never, directory: place.directory })),
      ).toMatchObject({
        code: 'invalid_input',
      });
  });

  it('no Node', async () => {
    await recorded();
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never);
    expect(await thrownBy(() => replay(place.directory))).toMatchObject({ code: 'not_node' });
    expect(await thrownBy(() => record({}))).toMatchObject({ code: 'not_node' });
  });

  it('a fixture that cannot be written spoils no answer, and stops the next request', async () => {
    const emulator = createEmulator({ script: [say('Hello.'), stop(), say('Again.')] });
    const error = vi.fn();
    const logger = { error, warn: vi.fn(), info: vi.fn(), debug: vi.fn() };
    const recording = record({ fetch: emulator.fetch, logger });
    // The name is taken, by something that a file cannot replace.
    await mkdir(join(place.directory, '0001-post-v1-messages.json'));
    expect((await runTurn(recording.client, params)).answer).toBe('Hello.');
    const failure = await thrownBy(recording.flush());
    expect(failure).toMatchObject({ name: 'EmulatorError', code: 'fixture_not_written' });
    expect((failure as Error).message).toMatch(/exchange 1 \(POST \/v1\/messages\)/);
    expect(error).toHaveBeenCalledWith((failure as Error).message);
    expect(await thrownBy(runTurn(recording.client, params))).toBe(failure);
    expect(emulator.requests).toHaveLength(1);
    expect(await readdir(place.directory)).toEqual(['0001-post-v1-messages.json']);
    await expect(
      (async () => {
        await using disposed = recording;
        void disposed;
      })(),
    ).rejects.toBe(failure);
  });

  it.each([
    ['gives nothing', () => undefined, /redact must return an exchange/],
    [
      'throws',
      () => {
        throw new Error('of its own');
      },
      /of its own/,
    ],
  ])('a redact function that %s', async (_, redact, message) => {
    const emulator = createEmulator({ script: [say('Hello.')] });
    const logger = { error: vi.fn(), warn: vi.fn(), info: vi.fn(), debug: vi.fn() };
    const recording = record({ fetch: emulator.fetch, logger }, redact as never);
    await runTurn(recording.client, params);
    await expect(recording.flush()).rejects.toThrow(message);
    expect(await fixtures()).toEqual({});
  });

  it('half a file: a fixture gets its name when it is whole', async () => {
    const { promises } = process.getBuiltinModule('node:fs');
    const written: string[] = [];
    const { writeFile: write } = promises;
    vi.spyOn(promises, 'writeFile').mockImplementation(async (file, data) => {
      await write(file, data);
      written.push(...(await readdir(place.directory)));
    });
    await recorded();
    expect(written).toEqual(['.0001-post-v1-messages.json.tmp']);
    expect(Object.keys(await fixtures())).toEqual(['0001-post-v1-messages.json']);
  });

  it('a client’s own middleware, which goes on', async () => {
    const seen: string[] = [];
    const emulator = createEmulator({ script: [say('Hello.')] });
    const recording = record({
      fetch: emulator.fetch,
      middleware: [
        (request, next) => {
          seen.push(request.url);
          return next(request);
        },
      ],
    });
    await runTurn(recording.client, params);
    expect(seen).toHaveLength(1);
  });

  it('a client that is not the recorder’s is not recorded', async () => {
    const emulator = createEmulator({ script: [say('Hello.')] });
    const client = new Anthropic({ apiKey: KEY, fetch: emulator.fetch });
    await using recording = recorder({ client, directory: place.directory });
    await runTurn(client, params);
    const typed: Anthropic = recording.client;
    expect(typed).not.toBe(client);
    await recording.flush();
    expect(await fixtures()).toEqual({});
  });

  it('an error that the SDK answers with a retry keeps its body, and is not waited for in a replay', async () => {
    const emulator = createEmulator({ script: [say('Hello.')] });
    emulator.inject(httpError(429, { headers: { 'retry-after-ms': '1', 'retry-after': '60' } }));
    const recording = record({ fetch: emulator.fetch });
    const body = { ...params, tools: [codeExecutionTool()] };
    const real = await recording.client.messages.create(body, { maxRetries: 1 });
    await recording.flush();
    expect(recording.exchanges[0]?.response).toMatchObject({
      status: 429,
      headers: { 'retry-after': '60' },
      end: 'whole',
      body: { json: { error: { type: 'rate_limit_error' } } },
    });
    const { served, client } = replayed();
    const refusal = await thrownBy(client.messages.create(body, { maxRetries: 0 }));
    expect(refusal.headers.get('retry-after-ms')).toBe('1');
    expect((await client.messages.create(body)).content).toEqual(real.content);
    served.assertDone();
  });
});
