import { readFile } from 'node:fs/promises';
import type Anthropic from '@anthropic-ai/sdk';
import { downloadArtifact, runTurn, userMessage } from 'code-execution-kit';
import {
  createEmulator,
  cutAfter,
  type Exchange,
  httpError,
  pause,
  python,
  say,
  sliceInto,
  stallAfter,
  stop,
} from 'code-execution-kit/emulator';
import { uploadPath } from 'code-execution-kit/node';
import { describe, expect, it } from 'vitest';
import { MultipartReader } from '../../src/recording/multipart.ts';
import {
  answering,
  eventStream,
  KEY,
  params,
  rawStream,
  reasonOf,
  recordings,
  saying,
} from '../support/recording.ts';
import { slices } from '../support/sse.ts';
import { thrownBy, timeless } from '../support/world.ts';

const place = recordings();
const { record, replayed, fixtures, ends } = place;

/** As it would come back from a file. */
const plain = timeless;

describe('a turn', () => {
  /** An upload, a refused request that is sent again, a pause, an artifact and its download. */
  async function work(client: Anthropic) {
    const file = await uploadPath(client, 'LICENSE', { name: 'data.csv', mimeType: 'text/csv' });
    const message = userMessage(`My key is ${KEY}.`, { files: [file] });
    const turn = await runTurn(client, { ...params, messages: [message] });
    const bytes: Uint8Array[] = [];
    for (const artifact of turn.artifacts)
      bytes.push(await (await downloadArtifact(client, artifact)).bytes());
    return { turn, bytes };
  }

  const script = [
    python(`
import os
print(len(open(os.environ["INPUT_DIR"] + "/data.csv").read()))
open(os.environ["OUTPUT_DIR"] + "/a.json", "w").write('{ "b":  1 }\\n')
open(os.environ["OUTPUT_DIR"] + "/c.bin", "wb").write(bytes(range(256)))`),
    pause(),
    say('Grüße 😀, done.'),
  ];

  it.each(['in process', 'over HTTP'])('comes again as it was: recorded %s', async (how) => {
    const emulator = createEmulator({ script });
    emulator.inject(httpError(529));
    const { url: baseURL, close } = await emulator.listen();
    ends.push(close);
    const recording = record(how === 'over HTTP' ? { baseURL } : { fetch: emulator.fetch });
    const real = await work(recording.client);
    await recording.flush();

    const files = await fixtures();
    expect(Object.keys(files)).toEqual([
      '0001-post-v1-files.json',
      '0002-post-v1-messages.json',
      '0003-post-v1-messages.json',
      '0004-post-v1-messages.json',
      '0005-get-v1-files.json',
      expect.stringMatching(/^0006-get-v1-files-file-\d+-content\.json$/),
      expect.stringMatching(/^0007-get-v1-files-file-\d+-content\.json$/),
    ]);
    expect(recording.exchanges).toEqual(Object.values(files).map((text) => JSON.parse(text)));
    for (const text of Object.values(files)) {
      expect(text).not.toContain('secret03');
      expect(text).not.toMatch(/req_(?!redacted)/);
    }
    expect(recording.exchanges[0]?.request.body).toEqual({
      type: 'multipart',
      parts: [{ name: 'file', filename: 'data.csv', type: 'text/csv', sizeBytes: expect.any(Number) }],
    });
    expect(recording.exchanges[1]?.response).toMatchObject({ status: 529, body: { type: 'json' } });

    const { served, client } = replayed();
    const again = await work(client);
    expect(plain(again.turn)).toEqual(plain(real.turn));
    expect(again.bytes).toEqual(real.bytes);
    expect(again.bytes).toEqual([
      new TextEncoder().encode('{ "b":  1 }\n'),
      Uint8Array.from({ length: 256 }, (_, i) => i),
    ]);
    expect(served.requests.map(({ method }) => method)).toEqual([
      'POST',
      'POST',
      'POST',
      'POST',
      'GET',
      'GET',
      'GET',
    ]);
    expect(served.requests[0]?.body).toBeNull();
    served.assertDone();
  });

  it('whose prompt changed is refused, naming the first path that differs', async () => {
    const emulator = createEmulator({ script: [say('One.'), stop(), say('Two.')] });
    const recording = record({ fetch: emulator.fetch });
    await runTurn(recording.client, saying('Please plot the revenue by month, in blue.'));
    await runTurn(recording.client, saying('Something else.'));
    await recording.flush();

    const { served, client } = replayed();
    const error = await thrownBy(
      runTurn(client, saying('Please plot the revenue by month, in red.'), { retries: 2 }),
    );
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(reasonOf(error)).toBe(
      'replay: POST /v1/messages was recorded differently. The nearest is 0001-post-v1-messages.json: ' +
        'messages.0.content.0.text: recorded …"plot the revenue by month, in blue.", asked …"plot the revenue by month, in red.". ' +
        'Record again if this is meant.',
    );
    // Its client was told not to try again.
    await thrownBy(client.messages.create(saying('Plot it.'), { maxRetries: 2 }));
    expect(served.requests).toHaveLength(2);
  });

  it.each([
    ['more', { temperature: 1 }, /: temperature: recorded nothing, asked 1\./],
    ['something else', { messages: 'Go.' }, /: messages: recorded \[\{.*\}\], asked "Go\."\./],
    ['less', { max_tokens: undefined }, /: max_tokens: recorded 100, asked nothing\./],
  ])('that asks %s is refused', async (_, change, message) => {
    const emulator = createEmulator({ script: [say('One.')] });
    const recording = record({ fetch: emulator.fetch });
    await recording.client.messages.create(params);
    await recording.flush();
    const asked = replayed().client.messages.create({ ...params, ...change } as typeof params);
    expect(reasonOf(await thrownBy(Promise.resolve(asked)))).toMatch(message);
  });

  it('is compared without the order of keys, and refused when it was aborted', async () => {
    const emulator = createEmulator({ script: [say('One.')] });
    const recording = record({ fetch: emulator.fetch });
    await recording.client.messages.create(params);
    await recording.flush();
    const { served } = replayed();
    const { messages, max_tokens, model } = params;
    const init = { method: 'POST', body: JSON.stringify({ messages, max_tokens, model }) };
    const headers = { 'content-type': 'application/json' };
    const post = (signal?: AbortSignal) =>
      served.fetch('https://else.example/v1/messages', { ...init, headers, signal: signal ?? null });
    await expect(post(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(served.requests).toEqual([]);
    const abort = new AbortController();
    const answer = await post(abort.signal);
    abort.abort();
    await expect(answer.text()).rejects.toMatchObject({ name: 'AbortError' });
    served.assertDone();
  });

  it('of which something is left over is told so', async () => {
    const emulator = createEmulator({ script: [say('One.'), stop(), say('Two.')] });
    const recording = record({ fetch: emulator.fetch });
    await runTurn(recording.client, saying('First.'));
    await runTurn(recording.client, saying('Second.'));
    await recording.flush();
    const { served, client } = replayed();
    await runTurn(client, saying('Second.'));
    let error: unknown;
    try {
      served.assertDone();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name: 'EmulatorError', code: 'fixtures_left_over' });
    expect((error as Error).message).toMatch(
      /^1 of 2 .*\n {2}0001-post-v1-messages\.json {2}POST \/v1\/messages {2}200$/,
    );
  });

  it('comes beside another one, and equal ones each once', async () => {
    const emulator = createEmulator({
      script: ({ text }) => [python(`print("${text}")`), pause(), say(({ stdout }) => `${text} ${stdout}`)],
    });
    const recording = record({ fetch: emulator.fetch });
    const both = (client: Anthropic, texts: readonly string[]) =>
      Promise.all(texts.map((text) => runTurn(client, saying(text))));
    const [a, b] = await both(recording.client, ['A', 'B']);
    const counted = createEmulator({ script: [say('1'), stop(), say('2')] });
    const same = recording.client.withOptions({ fetch: counted.fetch });
    await both(same, ['same', 'same']);
    await recording.flush();

    const { served, client } = replayed();
    const [b2, a2] = await both(client, ['B', 'A']);
    expect(plain([a2, b2])).toEqual(plain([a, b]));
    const answers = (await both(client, ['same', 'same'])).map(({ answer }) => answer);
    expect(answers.sort()).toEqual(['1', '2']);
    served.assertDone();
    await expect(runTurn(client, saying('same'))).rejects.toThrow(/asked more often than it was recorded/);
  });
});

describe('a stream', () => {
  const noted = (recording: { readonly exchanges: readonly Exchange[] }) => recording.exchanges[0]?.response;

  it('is kept to the byte, in any chunking', async () => {
    const emulator = createEmulator({ script: [say('Grüße 😀')] });
    emulator.inject(sliceInto(1));
    const recording = record({ fetch: emulator.fetch });
    const sent = await (await rawStream(recording.client)).text();
    await recording.flush();
    expect(noted(recording)).toMatchObject({ end: 'whole', body: { type: 'text', text: sent } });
    expect(noted(recording)?.headers).toEqual({ 'content-type': 'text/event-stream; charset=utf-8' });

    const { client } = replayed();
    const again = await rawStream(client);
    const chunks: string[] = [];
    for await (const chunk of again.body ?? []) chunks.push(new TextDecoder().decode(chunk));
    expect(chunks.join('')).toBe(sent);
    expect(chunks.length).toBe(sent.split('\n\n').length - 1);
    expect(again.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  });

  it.each(['end', 'break', 'error'] as const)('that is cut breaks as it did: %s', async (how) => {
    const emulator = createEmulator({ script: [say('Hello, this is long enough.')] });
    emulator.inject(cutAfter(6, how));
    const recording = record({ fetch: emulator.fetch });
    const real = await thrownBy(runTurn(recording.client, params));
    await recording.flush();
    expect(real).toMatchObject({ name: 'TurnInterruptedError' });
    expect(noted(recording)?.end).toBe(how === 'break' ? 'broken' : 'whole');

    const again = await thrownBy(runTurn(replayed().client, params));
    const { code, message, state } = again as Error & { code: string; state: object };
    expect(plain({ code, message, state })).toEqual(
      plain({ code: real.code, message: real.message, state: real.state }),
    );
  });

  it('that breaks inside a character keeps its bytes', async () => {
    const bytes = new TextEncoder().encode('event: ping\ndata: {"type":"ping","x":"😀"}\n\n').slice(0, 39);
    const read = async (client: Anthropic) => {
      const received: number[] = [];
      const error = await thrownBy(
        (async () => {
          for await (const chunk of (await rawStream(client)).body ?? []) received.push(...chunk);
        })(),
      );
      return { received, error: (error as Error | undefined)?.message };
    };
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(bytes),
      pull: (controller) => controller.error(new TypeError('terminated')),
    });
    const recording = record({ fetch: answering(eventStream(broken)) });
    const real = await read(recording.client);
    await recording.flush();
    expect(real).toEqual({ received: [...bytes], error: 'terminated' });
    expect(noted(recording)).toMatchObject({
      end: 'broken',
      body: { type: 'text', tail: expect.any(String) },
    });
    expect(await read(replayed().client)).toEqual(real);
  });

  it('reaches its caller live, no faster than it is read, and ends when the caller stops', async () => {
    let pulls = 0;
    let isCancelled = false;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull: (controller) =>
          controller.enqueue(
            new TextEncoder().encode(`event: ping\ndata: {"type":"ping","n":${++pulls}}\n\n`),
          ),
        cancel() {
          isCancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const recording = record({ fetch: answering(eventStream(endless)) });
    const reader = (await rawStream(recording.client)).body?.getReader();
    await reader?.read();
    await reader?.read();
    expect(pulls).toBe(2);
    // Nobody knows yet how it ends.
    await recording.flush();
    expect(noted(recording)).toMatchObject({ end: 'aborted' });
    expect((await fixtures())['0001-post-v1-messages.json']).toContain('\\"n\\":2');
    await reader?.read();
    await reader?.cancel();
    expect(isCancelled).toBe(true);
    await recording.flush();
    expect(Object.keys(await fixtures())).toHaveLength(1);
    expect((await fixtures())['0001-post-v1-messages.json']).toContain('\\"n\\":3');
  });

  it('that was aborted ends there, and says why', async () => {
    const emulator = createEmulator({ script: [say('Hello, this is long enough.')] });
    emulator.inject(stallAfter(6));
    const { url: baseURL, close } = await emulator.listen();
    ends.push(close);
    const recording = record({ baseURL });
    const abort = new AbortController();
    const read = async (client: Anthropic, signal?: AbortSignal) => {
      let text = '';
      for await (const chunk of (await rawStream(client, 'Go.', signal)).body ?? []) {
        text += new TextDecoder().decode(chunk);
        if (text.split('\n\n').length === 7) abort.abort();
      }
    };
    expect(await thrownBy(read(recording.client, abort.signal))).toMatchObject({ name: 'AbortError' });
    await recording.flush();
    const { end, body } = noted(recording) ?? {};
    expect(end).toBe('aborted');
    expect(body?.type === 'text' && body.text.split('\n\n')).toHaveLength(7);
    expect(await thrownBy(read(replayed().client))).toMatchObject({
      message: 'terminated',
      cause: {
        message: expect.stringMatching(/0001-post-v1-messages\.json.*the caller stopped reading here/),
      },
    });
  });

  it('is one that the SDK reads', async () => {
    const emulator = createEmulator({ script: [say('Hello.')] });
    const recording = record({ fetch: emulator.fetch });
    const real = await recording.client.messages.stream(params).finalMessage();
    await recording.flush();
    expect(await replayed().client.messages.stream(params).finalMessage()).toEqual(real);
  });
});

describe('files and batches', () => {
  it('compare uploads by name, type and size, however they are sent', async () => {
    const emulator = createEmulator();
    const recording = record({ fetch: emulator.fetch });
    const upload = (client: Anthropic, name: string, content: string) =>
      client.files.upload({ file: new File([content], name, { type: 'text/plain' }) });
    const license = await readFile('LICENSE', 'utf8');
    const whole = await upload(recording.client, 'a ü.txt', license);
    await upload(recording.client, 'empty.txt', '');
    await recording.flush();
    expect(recording.exchanges.map(({ request }) => request.body)).toMatchObject([
      { parts: [{ filename: 'a ü.txt', type: 'text/plain', sizeBytes: Buffer.byteLength(license) }] },
      { parts: [{ filename: 'empty.txt', sizeBytes: 0 }] },
    ]);

    const { client } = replayed();
    await expect(upload(client, 'a ü.txt', `${license}.`)).rejects.toThrow(
      /body\.parts\.0\.sizeBytes: recorded \d+, asked \d+/,
    );
    expect(await upload(client, 'a ü.txt', license)).toEqual(whole);
  });

  it('compare an upload that is streamed with one that is not', async () => {
    const emulator = createEmulator();
    const recording = record({ fetch: emulator.fetch });
    const real = await uploadPath(recording.client, 'LICENSE', { mimeType: 'text/plain' });
    expect(emulator.files[0]?.bytes.length).toBe(real.size_bytes);
    await recording.flush();
    // It is another one each time.
    expect(Object.values(await fixtures()).join('')).not.toContain('boundary');
    const file = new File([await readFile('LICENSE')], 'LICENSE', { type: 'text/plain' });
    expect(await replayed().client.files.upload({ file })).toEqual(real);
  });

  it('read multipart bodies in any chunking', async () => {
    const form = new FormData();
    form.append('file', new File(['\r\n--\r\n-\r\n\r\n', new Uint8Array(300)], 'x%"y.bin'));
    form.append('purpose', 'ä');
    form.append('empty', new File([], 'e', { type: 'text/csv' }));
    const whole = new Response(form);
    const contentType = whole.headers.get('content-type') ?? '';
    const bytes = new Uint8Array(await whole.arrayBuffer());
    for (const longest of [1, 3, 60, bytes.length]) {
      const reader = new MultipartReader(contentType);
      for (const slice of slices(bytes, longest)) reader.push(slice);
      expect(reader.parts).toEqual([
        { name: 'file', filename: 'x%"y.bin', type: 'application/octet-stream', sizeBytes: 311 },
        { name: 'purpose', value: 'ä' },
        { name: 'empty', filename: 'e', type: 'text/csv', sizeBytes: 0 },
      ]);
    }
  });

  it('give lists again as often as they are asked for, and results of batches', async () => {
    const emulator = createEmulator({ script: [say('A'), stop(), say('B')] });
    const recording = record({ fetch: emulator.fetch, baseURL: 'https://gateway.example/anthropic' });
    // The emulator knows no prefix; the API after a gateway would not see it either.
    const after = recording.client.withOptions({
      fetch: (url, init) => emulator.fetch(String(url).replace('/anthropic/', '/'), init),
    });
    const work = async (client: Anthropic) => {
      const requests = ['a', 'b'].map((custom_id) => ({ custom_id, params }));
      const { id } = await client.messages.batches.create({ requests });
      const { processing_status: status } = await client.messages.batches.retrieve(id);
      const results: unknown[] = [];
      for await (const result of await client.messages.batches.results(id)) results.push(result);
      return { id, status, results, list: (await client.messages.batches.list()).data };
    };
    await after.get('/v1/models?limit=1&before_id=claude-sonnet-5-5');
    const real = await work(after);
    await recording.flush();
    expect(real.results).toHaveLength(2);
    expect(recording.exchanges.map(({ request }) => request.path).slice(0, 2)).toEqual([
      '/v1/models?before_id=claude-sonnet-5-5&limit=1',
      '/v1/messages/batches',
    ]);

    const { served, client } = replayed();
    const models = '/v1/models?before_id=claude-sonnet-5-5&limit=1';
    await expect(Promise.resolve(client.delete(models))).rejects.toThrow(/no DELETE was recorded/);
    await client.get(models);
    const again = await work(client);
    expect(again).toEqual(real);
    for (let count = 0; count < 3; count++)
      expect((await client.messages.batches.list()).data).toEqual(real.list);
    served.assertDone();
    expect(reasonOf(await thrownBy(Promise.resolve(client.messages.batches.list({ limit: 5 }))))).toMatch(
      /path: recorded "\/v1\/messages\/batches", asked "\/v1\/messages\/batches\?limit=5"/,
    );
  });
});
