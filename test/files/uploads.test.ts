import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Anthropic from '@anthropic-ai/sdk';
import {
  containerUpload,
  contentBlockFor,
  InvalidInputError,
  isInvalidInputError,
  isUploadError,
  runTurn,
  type UploadNotice,
  type UploadSource,
  uploadAll,
  uploadFile,
  userMessage,
} from 'code-execution-kit';
import { bash, type createEmulator } from 'code-execution-kit/emulator';
import { type UploadProgress, uploadPath, uploadStream } from 'code-execution-kit/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uploadName } from '../../src/files/upload/upload-name.ts';
import { serve } from '../support/server.ts';
import { temporary, thrownBy, world } from '../support/world.ts';

const CONTENT = 'region,revenue\nnorth,12\n';
const bytes = new TextEncoder().encode(CONTENT);

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, 5);
  yield bytes.subarray(5);
}

function inProcess() {
  return world([bash('cat "$INPUT_DIR"/*')]);
}

const stored = (emulator: ReturnType<typeof createEmulator>) =>
  emulator.files.map(({ bytes }) => new TextDecoder().decode(bytes));

/** The SDK asks `fetch` for a data URL first, to learn what it can do. */
const posts = ({ requests }: ReturnType<typeof createEmulator>) =>
  requests.filter(({ path }) => path === '/v1/files');

/** A server whose answers are told by attempt, and what reached it. */
async function scripted(answer: (attempt: number) => number | 'hang' | 'cut', wait = false) {
  const bodies: string[] = [];
  const lengths: (string | undefined)[] = [];
  let attempts = 0;
  const baseURL = await serve((request, reply) => {
    const status = answer(attempts++);
    lengths.push(request.headers['content-length']);
    if (status === 'cut') {
      request.once('data', () => request.destroy());
      return;
    }
    if (status === 'hang') {
      request.resume();
      return;
    }
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push(body);
      const headers = { 'content-type': 'application/json', 'retry-after-ms': wait ? '61000' : '1' };
      reply
        .writeHead(status, headers)
        .end(
          status === 200
            ? '{"id":"file_1","type":"file"}'
            : '{"type":"error","error":{"type":"api_error","message":"no"}}',
        );
    });
  });
  const client = new Anthropic({ apiKey: 'none', baseURL });
  return { client, bodies, lengths, attempts: () => attempts };
}

const sources: readonly [string, () => UploadSource][] = [
  ['a Blob', () => new Blob([bytes])],
  ['a Response', () => new Response(bytes)],
  ['a ReadableStream', () => new Response(bytes).body as ReadableStream<Uint8Array>],
  ['a Uint8Array', () => bytes.subarray()],
  ['a Buffer', () => Buffer.from(bytes)],
  ['an ArrayBuffer', () => bytes.slice().buffer],
  ['an async iterable', () => pieces()],
  ['a Node stream', () => Readable.from(pieces())],
];

describe.each(['in process', 'over HTTP'])('uploadFile %s', (how) => {
  it.each(sources)('uploads %s', async (_, source) => {
    const { emulator, client } = inProcess();
    const server = how === 'over HTTP' ? await emulator.listen() : undefined;
    const sender = server ? new Anthropic({ apiKey: 'none', baseURL: server.url }) : client;
    const file = await uploadFile(sender, source(), { name: 'sales.csv', mimeType: 'text/csv' });
    expect(file).toMatchObject({ filename: 'sales.csv', mime_type: 'text/csv', size_bytes: bytes.length });
    expect(stored(emulator)).toEqual([CONTENT]);
    await server?.close();
  });
});

describe('uploadFile', () => {
  it('takes name and type from a File, and its result goes into a turn', async () => {
    const { client } = inProcess();
    const file = await uploadFile(client, new File([CONTENT], 'größe.csv', { type: 'text/csv' }));
    expect(file).toMatchObject({ filename: 'größe.csv', mime_type: 'text/csv' });
    const content = [{ type: 'text' as const, text: 'x' }, containerUpload(file)];
    const params = { model: 'claude-opus-5-5', max_tokens: 100 };
    const turn = await runTurn(client, { ...params, messages: [{ role: 'user', content }] });
    expect(turn.executions[0]).toMatchObject({ stdout: CONTENT });
  });

  it('takes the type of a Response, and of a Blob', async () => {
    const { client } = inProcess();
    const response = new Response(CONTENT, { headers: { 'content-type': 'text/csv; charset=utf-8' } });
    expect(await uploadFile(client, response, { name: 'a' })).toMatchObject({ mime_type: 'text/csv' });
    const blob = new Blob([CONTENT], { type: 'image/png' });
    expect(await uploadFile(client, blob, { name: 'a' })).toMatchObject({ mime_type: 'image/png' });
  });

  it.each<[unknown, RegExp]>([
    ['sales.csv', /got "sales\.csv".*call uploadPath of "code-execution-kit\/node"/],
    [new URL('file:///sales.csv'), /call uploadPath/],
    [new Response('not here', { status: 404 }), /status is 404/],
    [{ name: 'a.csv' }, /got an object with name/],
    [null, /got null/],
  ])('refuses %o and sends nothing', async (source, message) => {
    const { emulator, client } = inProcess();
    const error = await uploadFile(client, source as never, { name: 'a' }).catch((thrown) => thrown);
    expect(error.message).toMatch(message);
    expect(isInvalidInputError(error)).toBe(true);
    expect(emulator.requests).toEqual([]);
  });

  it('refuses a response that was read', async () => {
    const response = new Response('x');
    await response.text();
    await expect(uploadFile(inProcess().client, response, { name: 'a' })).rejects.toThrow(/read already/);
  });

  it('needs a name where the source has none', async () => {
    const { client } = inProcess();
    await expect(uploadFile(client, bytes, {} as never)).rejects.toThrow(/uploadFile needs a `name`/);
    await expect(uploadFile(client, new File(['x'], ''))).rejects.toThrow(/uploadFile needs a `name`/);
  });

  it('checks sizes, known ones before anything is read', async () => {
    const { emulator, client } = inProcess();
    const options = { name: 'a', maxBytes: bytes.length - 1 };
    let isRead = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          isRead = true;
          controller.enqueue(bytes);
        },
      },
      { highWaterMark: 0 },
    );
    const announced = new Response(body, { headers: { 'content-length': String(bytes.length) } });
    await expect(uploadFile(client, announced, options)).rejects.toThrow(/24 bytes and maxBytes is 23/);
    expect(isRead).toBe(false);
    await expect(uploadFile(client, bytes, options)).rejects.toSatisfy(isInvalidInputError);
    const error = await uploadFile(client, pieces(), options).catch((thrown) => thrown);
    expect(isUploadError(error) && error.code).toBe('too_large');
    await uploadFile(client, pieces(), { name: 'a', maxBytes: bytes.length });
    expect(posts(emulator)).toHaveLength(1);
  });

  it('closes a stream that is too large, fails, or is not waited for', async () => {
    const { client } = inProcess();
    let closed = 0;
    const endless = (chunk: unknown) =>
      (async function* () {
        try {
          for (;;) yield chunk as Uint8Array;
        } finally {
          closed++;
        }
      })();
    await uploadFile(client, endless(bytes), { name: 'a', maxBytes: 999 }).catch(() => {});
    const error = await uploadFile(client, endless('text'), { name: 'a' }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'source_failed', message: expect.stringMatching(/gave "text"/) });
    expect(closed).toBe(2);
    const controller = new AbortController();
    let isCancelled = false;
    const silent = new ReadableStream<Uint8Array>({
      cancel() {
        isCancelled = true;
      },
    });
    const upload = uploadFile(client, silent, { name: 'a', signal: controller.signal });
    controller.abort();
    await expect(upload).rejects.toMatchObject({ name: 'UploadError', code: 'aborted' });
    expect(isCancelled).toBe(true);
  });

  it('leaves retries to the SDK, as many as asked', async () => {
    const { client, attempts } = await scripted(() => 500);
    await expect(uploadFile(client, bytes, { name: 'a', retries: 1 })).rejects.toMatchObject({ status: 500 });
    expect(attempts()).toBe(2);
  });
});

describe('every upload', () => {
  const ways = [
    [
      'uploadFile',
      (client: Anthropic, options: object) => uploadFile(client, bytes, { name: 'a.csv', ...options }),
    ],
    [
      'uploadPath',
      async (client: Anthropic, options: object) => {
        const path = join(await temporary(), 'a.csv');
        await writeFile(path, bytes);
        return uploadPath(client, path, options);
      },
    ],
    [
      'uploadStream',
      (client: Anthropic, options: object) =>
        uploadStream(client, Readable.from(pieces()), { name: 'a.csv', ...options }),
    ],
  ] as const;

  describe.each(ways)('%s', (_, upload) => {
    it('expires when told so', async () => {
      const { client } = inProcess();
      const file = await upload(client, { expiresInSeconds: 3600 });
      const lifetime = Date.parse(file.expires_at ?? '') - Date.parse(file.created_at);
      expect(lifetime).toBe(3_600_000);
      expect((await upload(client, {})).expires_at).toBe(null);
    });

    it('repairs a name and tells of it, or refuses it', async () => {
      const { emulator, client } = inProcess();
      const notices: UploadNotice[] = [];
      const options = {
        name: 'Q3: "sales"?/\n*.csv',
        onNotice: (notice: UploadNotice) => notices.push(notice),
      };
      const file = await upload(client, options);
      expect(file.filename).toBe('Q3_ _sales_____.csv');
      expect(notices).toMatchObject([{ code: 'name-repaired', name: options.name, sentAs: file.filename }]);
      const rejecting = upload(client, { ...options, badName: 'reject' });
      await expect(rejecting).rejects.toThrow(/the API refuses ":" in a file name/);
      expect(posts(emulator)).toHaveLength(1);
    });

    it.each([
      [{ expiresInSeconds: 60 }, /expiresInSeconds must be a whole number from 3600 to 7776000, got 60/],
      [{ maxBytes: -1 }, /maxBytes must be/],
      [{ retries: 1.5 }, /retries must be/],
      [{ mimeType: 'csv' }, /mimeType must be/],
      [{ badName: 'keep' }, /badName must be/],
    ])('refuses %o', async (options, message) => {
      const { emulator, client } = inProcess();
      await expect(upload(client, options)).rejects.toThrow(message);
      expect(emulator.requests).toEqual([]);
    });

    it('ends before it begins, and midway', async () => {
      const { client, attempts } = await scripted(() => 'hang');
      const aborted = { name: 'UploadError', code: 'aborted' };
      await expect(upload(client, { signal: AbortSignal.abort() })).rejects.toMatchObject(aborted);
      expect(attempts()).toBe(0);
      const signal = AbortSignal.timeout(100);
      await expect(upload(client, { signal })).rejects.toMatchObject(aborted);
      expect(attempts()).toBe(1);
    });
  });
});

describe('names', () => {
  it('are such as the API takes, whatever they were', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 600, size: 'max' }),
      fc.string({
        unit: fc.constantFrom('.', '/', '\\', '😀', '\ud83d', 'a', ':', '\n', ' '),
        minLength: 1,
        maxLength: 400,
        size: 'max',
      }),
    );
    const property = fc.property(names, (name) => {
      const notices: UploadNotice[] = [];
      const sentAs = uploadName(name, 'test', { onNotice: (notice) => notices.push(notice) });
      expect([...sentAs].some((one) => one < ' ' || '<>:"|?*\\/'.includes(one))).toBe(false);
      expect(sentAs.length).toBeGreaterThan(0);
      expect(sentAs.length).toBeLessThanOrEqual(255);
      expect(sentAs).not.toMatch(/^\.+$|\p{Cs}/u);
      expect(notices.length).toBe(sentAs === name ? 0 : 1);
      expect(uploadName(sentAs, 'test', { badName: 'reject' })).toBe(sentAs);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('keep their extension when they are cut', () => {
    expect(uploadName(`${'a'.repeat(300)}.csv`, 'test', {})).toBe(`${'a'.repeat(251)}.csv`);
  });
});

describe('uploadPath', () => {
  async function fileOf(size: number) {
    const path = join(await temporary(), 'data.csv');
    await writeFile(path, Buffer.alloc(size, 'x'));
    return path;
  }

  it('sends the whole file anew after failures, as often as told', async () => {
    const { client, bodies, lengths } = await scripted((attempt) => (attempt < 2 ? 503 : 200));
    const progress: UploadProgress[] = [];
    const file = await uploadPath(client, await fileOf(3_000_000), {
      onProgress: (now) => progress.push(now),
    });
    expect(file.id).toBe('file_1');
    expect(bodies.map((body) => /x{3000000}/.test(body))).toEqual([true, true, true]);
    expect(new Set(bodies.map(({ length }) => String(length)))).toEqual(new Set(lengths));
    expect(progress.filter(({ bytes, total }) => bytes === total)).toHaveLength(3);
  });

  it('goes on after a lost connection', async () => {
    const { client, bodies } = await scripted((attempt) => (attempt === 0 ? 'cut' : 200));
    await uploadPath(client, await fileOf(3_000_000));
    expect(bodies).toHaveLength(1);
  });

  it.each<[string, () => number, object, number]>([
    ['an error that stays', () => 500, {}, 3],
    ['what asking again does not change', () => 400, {}, 1],
    ['a file that is too large', () => 413, {}, 1],
    ['no retries', () => 503, { retries: 0 }, 1],
  ])('gives up: %s', async (_, answer, options, expected) => {
    const { client, attempts } = await scripted(answer);
    await expect(uploadPath(client, await fileOf(10), options)).rejects.toMatchObject({ status: answer() });
    expect(attempts()).toBe(expected);
  });

  it('does not wait for more than a minute, and takes the number of retries from the client', async () => {
    const slow = await scripted(() => 429, true);
    await expect(uploadPath(slow.client, await fileOf(10))).rejects.toMatchObject({ status: 429 });
    expect(slow.attempts()).toBe(1);
    const { client, attempts } = await scripted(() => 503);
    const patient = client.withOptions({ maxRetries: 4 });
    await expect(uploadPath(patient, await fileOf(10))).rejects.toMatchObject({ status: 503 });
    expect(attempts()).toBe(5);
  });

  it('tells how far it is, up to the end', async () => {
    const { client } = await scripted(() => 200);
    const progress: UploadProgress[] = [];
    await uploadPath(client, await fileOf(5_000_000), { onProgress: (now) => progress.push(now) });
    expect(progress.length).toBeGreaterThan(2);
    expect(progress.map(({ bytes }) => bytes)).toEqual(
      progress.map(({ bytes }) => bytes).toSorted((a, b) => a - b),
    );
    expect(progress.at(-1)).toEqual({ bytes: 5_000_000, total: 5_000_000 });
    const empty: UploadProgress[] = [];
    await uploadPath(client, await fileOf(0), { onProgress: (now) => empty.push(now) });
    expect(empty).toEqual([{ bytes: 0, total: 0 }]);
  });

  it('fails with what a listener throws', async () => {
    const { client } = await scripted(() => 200);
    const onProgress = () => {
      throw new RangeError('mine');
    };
    const error = await thrownBy(uploadPath(client, await fileOf(10), { onProgress }));
    expect(error).toMatchObject({ name: 'UploadError', code: 'listener_failed', cause: { message: 'mine' } });
    const named = { name: 'a:b', onNotice: onProgress };
    expect(await thrownBy(uploadFile(client, new Blob(['x']), named))).toMatchObject({
      code: 'listener_failed',
    });
  });

  it('does not send what is larger than the API takes, or than allowed', async () => {
    const { emulator, client } = inProcess();
    const path = await fileOf(0);
    await truncate(path, 500 * 1024 * 1024 + 1);
    await expect(uploadPath(client, path)).rejects.toThrow(/524288001 bytes and the API takes 524288000/);
    await truncate(path, 11);
    await expect(uploadPath(client, path, { maxBytes: 10 })).rejects.toSatisfy(isInvalidInputError);
    expect(emulator.requests).toEqual([]);
  });

  it('tells of a file that shrinks', async () => {
    const { client } = await scripted(() => 200);
    const path = await fileOf(30_000_000);
    const onProgress = () => truncate(path, 5_000_000);
    await expect(uploadPath(client, path, { onProgress })).rejects.toMatchObject({ code: 'wrong_size' });
  });
});

describe('uploadStream', () => {
  it.each<[string, () => Parameters<typeof uploadStream>[1]]>([
    ['a Node stream', () => Readable.from(pieces())],
    ['a web stream', () => new Response(bytes).body as ReadableStream<Uint8Array>],
    ['an async iterable', () => pieces()],
    ['a function', (): (() => AsyncIterable<Uint8Array>) => () => pieces()],
  ])('uploads %s, of known size and not', async (_, source) => {
    const { emulator, client } = inProcess();
    const file = await uploadStream(client, source(), { name: 'a.csv' });
    expect(file).toMatchObject({ filename: 'a.csv', mime_type: 'text/csv', size_bytes: bytes.length });
    await uploadStream(client, source(), { name: 'a.csv', sizeBytes: bytes.length });
    expect(stored(emulator)).toEqual([CONTENT, CONTENT]);
  });

  it('announces the size where it is known, and an empty one', async () => {
    const { client, bodies, lengths } = await scripted(() => 200);
    const progress: UploadProgress[] = [];
    const onProgress = (now: UploadProgress) => progress.push(now);
    await uploadStream(client, pieces(), { name: 'a.csv', onProgress });
    await uploadStream(client, pieces(), { name: 'a.csv', sizeBytes: bytes.length });
    await uploadStream(client, Readable.from([]), { name: 'a.csv', sizeBytes: 0 });
    expect(lengths).toEqual([undefined, String(bodies[1]?.length), String(bodies[2]?.length)]);
    expect(progress.at(-1)).toEqual({ bytes: bytes.length, total: null });
  });

  it.each([
    [bytes.length + 1, /announced with 25 bytes and had 24/],
    [bytes.length - 1, /announced with 23 bytes and had more/],
    [0, /announced with 0 bytes and had more/],
  ])('tells of a stream that has not the %i bytes announced', async (sizeBytes, message) => {
    const { client, bodies } = await scripted(() => 200);
    const error = await uploadStream(client, pieces(), { name: 'a', sizeBytes }).catch((thrown) => thrown);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ name: 'UploadError', code: 'wrong_size' });
    expect(bodies).toEqual([]);
  });

  it('stops a stream that turns out too large, breaks off or gives text, and destroys it', async () => {
    const { client } = await scripted(() => 200);
    const large = Readable.from(pieces());
    await expect(uploadStream(client, large, { name: 'a', maxBytes: 10 })).rejects.toMatchObject({
      code: 'too_large',
    });
    const broken = new Readable({
      read() {
        this.push(bytes);
        this.destroy(new Error('reset by the store'));
      },
    });
    await expect(uploadStream(client, broken, { name: 'a' })).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringMatching(/reset by the store/),
    });
    const silent = new Readable({ read() {} });
    setTimeout(() => silent.destroy(), 50);
    await expect(uploadStream(client, silent, { name: 'a' })).rejects.toMatchObject({
      code: 'source_failed',
    });
    const text = Readable.from(pieces()).setEncoding('utf8');
    await expect(uploadStream(client, text, { name: 'a' })).rejects.toThrow(/no encoding set/);
    const refused = Readable.from(pieces());
    await expect(uploadStream(client, refused, { name: 'a', sizeBytes: -1 })).rejects.toThrow(/sizeBytes/);
    expect([large, broken, silent, text, refused].map(({ destroyed }) => destroyed)).toEqual(
      Array(5).fill(true),
    );
  });

  it('tries a stream once, and a function anew', async () => {
    const { client, attempts, bodies } = await scripted((attempt) => (attempt < 2 ? 529 : 200));
    await expect(uploadStream(client, pieces(), { name: 'a' })).rejects.toMatchObject({ status: 529 });
    expect(attempts()).toBe(1);
    let opened = 0;
    const open = async () => {
      opened++;
      return pieces();
    };
    await uploadStream(client, open, { name: 'a' });
    expect(opened).toBe(2);
    expect(bodies.every((body) => body.includes(CONTENT))).toBe(true);
  });

  it.each<[unknown, RegExp]>([
    ['sales.csv', /takes a stream, got "sales\.csv".*uploadPath/],
    [bytes, /takes a stream, got a Uint8Array/],
    [Readable.from([]).destroy(), /read or destroyed already/],
  ])('refuses %o', async (source, message) => {
    const { client } = inProcess();
    await expect(uploadStream(client, source as never, { name: 'a' })).rejects.toThrow(message);
  });
});

describe('what is no upload', () => {
  const aborted = () => AbortSignal.timeout(30);
  const { client } = {
    client: new Anthropic({ apiKey: 'none', fetch: (async () => new Response('<html>')) as never }),
  };

  it('is not waited for after an abort: a source that does not open, or has no bytes and no end', async () => {
    const never = () => new Promise<never>(() => {});
    await expect(uploadStream(client, never, { name: 'x', signal: aborted() })).rejects.toMatchObject({
      code: 'aborted',
    });
    const silent = new Readable({ read() {} });
    const options = { name: 'x', sizeBytes: 0, signal: aborted() };
    await expect(uploadStream(client, silent, options)).rejects.toMatchObject({ code: 'aborted' });
  });

  it('is a source that cannot be opened', async () => {
    const open = () => Promise.reject(new Error('no credentials'));
    await expect(uploadStream(client, open, { name: 'x' })).rejects.toMatchObject({
      code: 'source_failed',
      cause: { message: 'no credentials' },
    });
  });

  it('is an answer that is no file', async () => {
    const bytes = new TextEncoder().encode('x');
    await expect(uploadFile(client, bytes, { name: 'x' })).rejects.toMatchObject({ code: 'invalid_answer' });
    await expect(uploadStream(client, Readable.from([bytes]), { name: 'x' })).rejects.toMatchObject({
      code: 'invalid_answer',
    });
  });

  it('is a stream of texts, or one that somebody else reads', async () => {
    const texts = new ReadableStream<never>({ start: (controller) => controller.enqueue('text' as never) });
    const fetch = async (_: unknown, { body }: { body: AsyncIterable<Uint8Array> }) => {
      for await (const _piece of body);
      return Response.json({ id: 'file_1' });
    };
    const reading = new Anthropic({ apiKey: 'none', fetch: fetch as never });
    await expect(uploadStream(reading, texts, { name: 'x' })).rejects.toMatchObject({
      code: 'source_failed',
    });
    const read = new ReadableStream<Uint8Array>();
    read.getReader();
    await expect(uploadStream(client, read, { name: 'x' })).rejects.toThrow(InvalidInputError);
    await expect(uploadFile(client, read, { name: 'x' })).rejects.toThrow(InvalidInputError);
  });

  it('is a URL of the web, or a URL as a text', async () => {
    await expect(uploadPath(client, new URL('https://example.org/a'))).rejects.toThrow(/file: URL/);
    await expect(uploadPath(client, 'file:///tmp/a')).rejects.toThrow(/new URL/);
  });
});

describe('types by extension', () => {
  it('are those of today', async () => {
    const forms: string[] = [];
    const fetch = async (_: unknown, { body }: { body: AsyncIterable<Uint8Array> }) => {
      let text = '';
      for await (const piece of body) text += Buffer.from(piece);
      forms.push(/content-type: (.*)\r/i.exec(text)?.[1] ?? '');
      return Response.json({ id: 'file_1' });
    };
    const client = new Anthropic({ apiKey: 'none', fetch: fetch as never });
    for (const name of ['a.csv', 'a.ipynb', 'a.xlsx', 'a'])
      await uploadStream(client, Readable.from([Buffer.from('x')]), { name });
    expect(forms).toEqual([
      'text/csv',
      'application/x-ipynb+json',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      'application/octet-stream',
    ]);
  });
});

describe('an iterable that throws when it is asked for its iterator', () => {
  const { client } = inProcess();
  const hostile = {
    [Symbol.asyncIterator]() {
      throw new Error('no iterator');
    },
  } as AsyncIterable<Uint8Array>;

  it.each<[string, () => Promise<unknown>]>([
    ['uploadFile', () => uploadFile(client, hostile, { name: 'a' })],
    ['uploadStream', () => uploadStream(client, hostile, { name: 'a' })],
    ['uploadStream of a function', () => uploadStream(client, () => hostile, { name: 'a' })],
  ])('is a source that failed, for %s', async (_, upload) => {
    const error = await thrownBy(upload());
    expect([isUploadError(error), error.code]).toEqual([true, 'source_failed']);
    expect(error.message).toContain('no iterator');
  });
});

describe('uploadAll', () => {
  it('uploads so many at a time, in order', async () => {
    const { client } = inProcess();
    let running = 0;
    let most = 0;
    const files = await uploadAll(
      ['a', 'b', 'c', 'd', 'e'],
      async (name, index) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 20 - index * 4));
        const file = await uploadFile(client, bytes, { name });
        running--;
        return file;
      },
      { concurrency: 2 },
    );
    expect(files.map(({ filename }) => filename)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(most).toBe(2);
    expect(userMessage('x', { files }).content).toHaveLength(6);
  });

  it('reports every one when one fails', async () => {
    const { client } = inProcess();
    const names = ['a.csv', '', 'c.csv'];
    const error = await uploadAll(names, (name) => uploadFile(client, bytes, { name })).catch(
      (thrown) => thrown,
    );
    expect(isUploadError(error)).toBe(true);
    expect(error.message).toMatch(/1 of 3 files could not be uploaded.*needs a `name`/);
    expect(error.uploaded).toMatchObject([
      { index: 0, file: { filename: 'a.csv' } },
      { index: 2, file: { filename: 'c.csv' } },
    ]);
    expect(error.failed).toMatchObject([{ index: 1, error: { name: 'InvalidInputError' } }]);
  });

  it('begins no more once aborted', async () => {
    const { client } = inProcess();
    const controller = new AbortController();
    const upload = async (name: string) => {
      const file = await uploadFile(client, bytes, { name });
      controller.abort();
      return file;
    };
    const options = { concurrency: 1, signal: controller.signal };
    const error = await uploadAll(['a', 'b', 'c'], upload, options).catch((thrown) => thrown);
    expect(error.uploaded).toMatchObject([{ index: 0 }]);
    expect(error.failed).toMatchObject([
      { index: 1, error: { code: 'aborted' } },
      { index: 2, error: { code: 'aborted' } },
    ]);
  });

  it('takes no files, and no other concurrency than one that works', async () => {
    expect(await uploadAll([], async () => ({}) as never)).toEqual([]);
    await expect(uploadAll(['a'], async () => ({}) as never, { concurrency: 0 })).rejects.toThrow(
      /concurrency/,
    );
  });
});

describe('contentBlockFor', () => {
  it.each([
    ['application/pdf', 'document'],
    ['text/plain', 'document'],
    ['image/png', 'image'],
    ['image/webp', 'image'],
    ['image/svg+xml', 'container_upload'],
    ['text/csv', 'container_upload'],
  ])('makes of %s a %s', (mime_type, type) => {
    const cacheControl = { type: 'ephemeral' as const };
    const block = contentBlockFor({ id: 'file_1', mime_type }, { cacheControl });
    const place =
      type === 'container_upload' ? { file_id: 'file_1' } : { source: { type: 'file', file_id: 'file_1' } };
    expect(block).toEqual({ type, ...place, cache_control: cacheControl });
  });

  it('needs a type', () => {
    expect(() => contentBlockFor('file_1' as never)).toThrow(/with its mime_type, got "file_1"/);
  });
});
