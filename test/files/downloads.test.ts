import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import {
  type Artifact,
  type ArtifactInput,
  type ArtifactProgress,
  deleteFiles,
  downloadArtifact,
  isArtifactError,
  pipeArtifacts,
  runTurn,
} from 'code-execution-kit';
import { bash, cannedSandbox, createEmulator, type EmulatorOptions } from 'code-execution-kit/emulator';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listed } from '../support/artifacts.ts';
import { serve } from '../support/server.ts';
import { params } from '../support/world.ts';

/** Artifacts of a turn on the emulator, over HTTP or in process, and its client. */
async function artifactsOf(
  count: number,
  options: EmulatorOptions & { http?: boolean; describe?: boolean } = {},
) {
  const files = Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.txt`, `content ${i}`]));
  const emulator = createEmulator({
    script: [bash('make')],
    sandbox: cannedSandbox(() => ({ stdout: '', returnCode: 0, files })),
    ...options,
  });
  const server = options.http ? await emulator.listen() : undefined;
  onTestFinished(() => emulator[Symbol.asyncDispose]());
  const client = new Anthropic({
    apiKey: 'none',
    ...(server ? { baseURL: server.url } : { fetch: emulator.fetch }),
  });
  const turn = await runTurn(client, params, { describe: options.describe ?? true });
  const artifacts = [...turn.artifacts].sort(
    (a, b) => Number.parseInt(a.name ?? '0', 10) - Number.parseInt(b.name ?? '0', 10),
  );
  expect(artifacts).toHaveLength(count);
  return { emulator, client, artifacts };
}

/** A server whose downloads are cut so many times; then they are whole. */
async function cutServer(cuts: number, how: 'length' | 'chunked' = 'length') {
  const whole = 'x'.repeat(100_000);
  let downloads = 0;
  const baseURL = await serve((request, reply) => {
    const file = { id: 'file_1', filename: 'a.csv', mime_type: 'text/csv', size_bytes: whole.length };
    if (!request.url?.endsWith('/content')) {
      const isList = request.url?.includes('ids');
      reply.setHeader('content-type', 'application/json');
      reply.end(JSON.stringify(isList ? { data: [file], next_page: null } : file));
      return;
    }
    reply.setHeader('content-type', 'text/csv');
    if (how === 'length') reply.setHeader('content-length', whole.length);
    reply.flushHeaders();
    if (++downloads > cuts) reply.end(whole);
    // Without a length, a proxy can end a body early as if it were whole.
    else if (how === 'chunked') reply.end(whole.slice(0, 40_000));
    else reply.write(whole.slice(0, 40_000), () => setTimeout(() => reply.destroy(), 20));
  });
  return {
    client: new Anthropic({ apiKey: 'none', baseURL, maxRetries: 0 }),
    whole,
    artifact: { ...listed, fileId: 'file_1' },
    downloads: () => downloads,
  };
}

const textOf = (body: ReadableStream<Uint8Array>) => new Response(body).text();

describe('downloadArtifact', () => {
  it.each(['length', 'chunked'] as const)('begins again when a body is cut (%s)', async (how) => {
    const { client, whole, downloads } = await cutServer(2, how);
    const download = await downloadArtifact(client, 'file_1');
    expect((await download.text()) === whole).toBe(true);
    expect(downloads()).toBe(3);
  });

  it('gives up after its retries', async () => {
    const { client, downloads } = await cutServer(9);
    const download = await downloadArtifact(client, 'file_1', { retries: 1 });
    await expect(download.bytes()).rejects.toMatchObject({ code: 'artifact_cut', retryable: true });
    expect(downloads()).toBe(2);
  });

  it('ends a stream that is cut with an error, and does not join two downloads', async () => {
    const { client, downloads } = await cutServer(1);
    const download = await downloadArtifact(client, 'file_1');
    await expect(textOf(download.stream())).rejects.toMatchObject({ code: 'artifact_cut' });
    expect(downloads()).toBe(1);
  });

  it('tells of a server that breaks off a download', async () => {
    const baseURL = await serve((request, reply) => {
      if (!request.url?.endsWith('/content')) {
        reply.end('{"id":"file_1","filename":"a.csv","mime_type":"text/csv","size_bytes":1000}');
        return;
      }
      reply.writeHead(200, { 'content-type': 'text/csv', 'content-length': '1000' });
      reply.write('x'.repeat(10), () => reply.destroy());
    });
    const client = new Anthropic({ apiKey: 'none', baseURL });
    const download = await downloadArtifact(client, 'file_1');
    await expect(download.bytes()).rejects.toMatchObject({
      code: 'artifact_cut',
      cause: expect.any(TypeError),
    });
    await expect(download.text()).rejects.toThrow(/was read already/);
  });

  it('takes no more than maxBytes', async () => {
    for (const how of ['length', 'chunked'] as const) {
      const { client, whole } = await cutServer(0, how);
      const small = await downloadArtifact(client, 'file_1');
      await expect(small.bytes({ maxBytes: 99_999 })).rejects.toMatchObject({ code: 'artifact_too_large' });
      const enough = await downloadArtifact(client, 'file_1');
      expect(await enough.bytes({ maxBytes: 100_000 })).toHaveLength(whole.length);
    }
  });

  it('types files that are expired, missing, or not downloadable, also without an error code', async () => {
    const { client, artifacts } = await artifactsOf(1);
    const upload = await client.files.upload({ file: new File(['x'], 'x.txt') });
    await expect(downloadArtifact(client, upload.id)).rejects.toMatchObject({
      code: 'artifact_not_downloadable',
      cause: { errorCode: 'file_not_downloadable' },
    });
    await expect(downloadArtifact(client, 'file_none')).rejects.toMatchObject({
      code: 'artifact_missing',
      cause: { status: 404 },
    });
    const bare = (status: number) =>
      new Anthropic({
        apiKey: 'none',
        maxRetries: 0,
        fetch: async () => Response.json({ type: 'error', error: { type: 'x', message: 'x' } }, { status }),
      });
    const [artifact] = artifacts as [Artifact];
    const past = { ...artifact, expiresAt: '2020-01-01T00:00:00Z' };
    await expect(downloadArtifact(bare(404), past)).rejects.toMatchObject({ code: 'artifact_expired' });
    await expect(downloadArtifact(bare(404), artifact)).rejects.toMatchObject({ code: 'artifact_missing' });
    const inert = { ...artifact, downloadable: false };
    await expect(downloadArtifact(bare(400), inert)).rejects.toMatchObject({
      code: 'artifact_not_downloadable',
    });
    await expect(downloadArtifact(bare(500), artifact)).rejects.toBeInstanceOf(Anthropic.InternalServerError);
  });

  it('types a file that expired by the code of the API', async () => {
    const error = { type: 'not_found_error', message: 'x', details: { error_code: 'file_expired' } };
    const fetch = async () => Response.json({ type: 'error', error }, { status: 404 });
    const client = new Anthropic({ apiKey: 'none', fetch });
    const artifact: Artifact = { ...listed, fileId: 'file_1', status: 'described' };
    await expect(downloadArtifact(client, artifact)).rejects.toMatchObject({
      code: 'artifact_expired',
      cause: expect.any(Anthropic.FileExpiredError),
    });
  });
});

describe('pipeArtifacts', () => {
  it.each([false, true])('hands each to the sink with a name of its own (http: %s)', async (http) => {
    const { client, artifacts } = await artifactsOf(20, { http, describe: false });
    const bucket = new Map<string, string>();
    const piped = await pipeArtifacts(
      client,
      artifacts,
      async ({ name, body, contentLength, mimeType, attempt }) => {
        expect([mimeType, attempt]).toEqual(['text/plain', 1]);
        const text = await textOf(body);
        expect(contentLength).toBe(text.length);
        bucket.set(name, text);
        return name.toUpperCase();
      },
    );
    expect(piped.map(({ fileId }) => fileId)).toEqual(artifacts.map(({ fileId }) => fileId));
    expect(bucket.size).toBe(20);
    expect(bucket.get('7.txt')).toBe('content 7');
    expect(piped.find(({ name }) => name === '7.txt')).toMatchObject({ value: '7.TXT', sizeBytes: 9 });
  });

  it('keeps to its concurrency, 8 by default', async () => {
    const { client, artifacts } = await artifactsOf(30);
    for (const [options, expected] of [
      [{}, 8],
      [{ concurrency: 3 }, 3],
    ] as const) {
      let running = 0;
      let most = 0;
      const sink = async ({ body }: { body: ReadableStream }) => {
        most = Math.max(most, ++running);
        await sleep(5);
        await textOf(body);
        running--;
      };
      await pipeArtifacts(client, artifacts, sink, options);
      expect(most).toBe(expected);
    }
  });

  it('calls the sink again with all of a body that was cut', async () => {
    const { client, artifact, whole } = await cutServer(2);
    const attempts: number[] = [];
    const steps: string[] = [];
    const [piped] = await pipeArtifacts(
      client,
      [artifact],
      async ({ body, attempt }) => {
        attempts.push(attempt);
        return textOf(body).catch(() => {
          throw new Error('the bucket has an error of its own');
        });
      },
      { onProgress: ({ type }) => steps.push(type) },
    );
    expect(piped?.value === whole).toBe(true);
    expect(attempts).toEqual([1, 2, 3]);
    expect(steps.filter((type) => type !== 'bytes')).toEqual([
      'start',
      'retry',
      'start',
      'retry',
      'start',
      'end',
    ]);
  });

  it('does not believe a sink that took a cut body for whole', async () => {
    const { client, artifact } = await cutServer(9);
    const sink = async ({ body }: { body: ReadableStream }) => textOf(body).catch(() => 'fine');
    const error = await pipeArtifacts(client, [artifact], sink).catch((thrown) => thrown);
    expect(isArtifactError(error) && error.failed).toMatchObject([{ error: { code: 'artifact_cut' } }]);
  });

  it('does not download again because a sink failed', async () => {
    const { client, artifacts, emulator } = await artifactsOf(3);
    const before = emulator.requests.length;
    const sink = ({ name, body }: ArtifactInput) => {
      if (name === '1.txt') throw new Error('full');
      return textOf(body);
    };
    const error = await pipeArtifacts(client, artifacts, sink).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'artifacts_not_saved',
      saved: [{ name: '0.txt' }, { name: '2.txt' }],
      failed: [{ fileId: artifacts[1]?.fileId, error: { message: 'full' } }],
    });
    expect(emulator.requests.length - before).toBe(3);
  });

  it('holds all downloads for as long as a 429 says', async () => {
    const { client, artifacts } = await artifactsOf(30, { describe: false });
    let refusedAt = 0;
    let isHeld = false;
    const sent: { readonly at: number; readonly isHeld: boolean }[] = [];
    let downloads = 0;
    const limited = client.withOptions({
      fetch: async (url, init) => {
        sent.push({ at: performance.now(), isHeld });
        if (String(url).endsWith('/content') && ++downloads === 10) {
          refusedAt = performance.now();
          // Those that had passed the gate are under way; nothing is sent from then on.
          setImmediate(() => {
            isHeld = true;
          });
          return Response.json({}, { status: 429, headers: { 'retry-after-ms': '300' } });
        }
        await sleep(5);
        return new Response(...(await clone(url, init)));
      },
    });
    const clone = async (url: unknown, init: unknown) => {
      const response = await (client as unknown as { fetch: typeof fetch }).fetch(
        url as string,
        init as RequestInit,
      );
      return [await response.arrayBuffer(), { headers: response.headers, status: response.status }] as const;
    };
    const waits: ArtifactProgress[] = [];
    await pipeArtifacts(limited, artifacts, ({ body }) => textOf(body), {
      onProgress: (step) => {
        if (step.type === 'wait') waits.push(step);
      },
    });
    expect(sent.filter(({ at, isHeld: held }) => held && at < refusedAt + 299)).toEqual([]);
    expect(sent).toHaveLength(1 + 30 + 1);
    expect(waits).toMatchObject([{ type: 'wait', waitMs: 300 }]);
  });

  it('gives up where no request passes any more', async () => {
    const { client, artifacts } = await artifactsOf(4);
    const refusing = client.withOptions({
      fetch: async () => Response.json({}, { status: 429, headers: { 'retry-after-ms': '1' } }),
    });
    const error = await pipeArtifacts(refusing, artifacts, () => 'x').catch((thrown) => thrown);
    expect(error.failed).toHaveLength(4);
    expect(error.failed[0].error).toBeInstanceOf(Anthropic.RateLimitError);
  });

  it('completes a thousand under a limit of requests', async () => {
    const { client, artifacts, emulator } = await artifactsOf(1000, {
      describe: false,
      filesRateLimit: { requests: 500, perMs: 1500 },
    });
    let waits = 0;
    const piped = await pipeArtifacts(client, artifacts, ({ body }) => textOf(body), {
      onProgress: ({ type }) => void (type === 'wait' && waits++),
    });
    expect(new Set(piped.map(({ value }) => value)).size).toBe(1000);
    expect(waits).toBeGreaterThan(0);
    // Nearly nothing is sent in vain.
    expect(emulator.requests.filter(({ path }) => path.includes('/files')).length).toBeLessThan(1100);
  });

  it('sends again what may pass, and fails what does not', async () => {
    const { client, artifacts } = await artifactsOf(2);
    let failures = 0;
    const shaky = client.withOptions({
      fetch: async (url, init) => {
        if (String(url).includes(artifacts[0]?.fileId ?? '') && failures++ < 2) {
          if (failures === 1) throw new TypeError('fetch failed');
          return Response.json({}, { status: 503, headers: { 'retry-after-ms': '1' } });
        }
        return (client as unknown as { fetch: typeof fetch }).fetch(url as string, init as RequestInit);
      },
    });
    expect(await pipeArtifacts(shaky, artifacts, ({ body }) => textOf(body))).toHaveLength(2);
    failures = 0;
    const error = await pipeArtifacts(shaky, artifacts, ({ body }) => textOf(body), { retries: 0 }).catch(
      (thrown) => thrown,
    );
    expect([error.saved.length, error.failed.length]).toEqual([1, 1]);
  });

  it('begins nothing more after an abort, and tells what arrived', async () => {
    const { client, artifacts, emulator } = await artifactsOf(30);
    const controller = new AbortController();
    const before = emulator.requests.length;
    let arrived = 0;
    const error = await pipeArtifacts(
      client,
      artifacts,
      async ({ body }) => {
        await textOf(body);
        if (++arrived === 5) controller.abort(new Error('enough'));
      },
      { signal: controller.signal, concurrency: 2 },
    ).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'aborted', cause: { message: 'enough' } });
    expect(error.saved.length).toBeLessThanOrEqual(6);
    expect(error.saved.length + error.failed.length).toBe(30);
    expect(emulator.requests.length - before).toBeLessThan(9);
  });

  it('keeps to its limits, in the order of the artifacts', async () => {
    const { client, artifacts, emulator } = await artifactsOf(12);
    const before = emulator.requests.length;
    // content 0 … content 9 are 9 bytes, content 10 and content 11 are 10.
    const error = await pipeArtifacts(client, artifacts, ({ body }) => textOf(body), {
      maxBytes: 9,
      maxTotalBytes: 50,
    }).catch((thrown) => thrown);
    expect(error.saved.map(({ name }: { name: string }) => name)).toEqual([
      '0.txt',
      '1.txt',
      '2.txt',
      '3.txt',
      '4.txt',
    ]);
    expect(error.failed.at(-1).error.message).toMatch(/maxBytes is 9 bytes/);
    expect(error.failed[0].error).toMatchObject({
      code: 'artifact_too_large',
      message: expect.stringMatching(/maxTotalBytes is 50/),
    });
    expect(emulator.requests.length - before).toBe(5);
  });

  it('counts what comes, whatever the metadata say', async () => {
    const { client, artifacts } = await artifactsOf(2);
    const lying = artifacts.map((artifact) => ({ ...artifact, sizeBytes: 1, mimeType: 'image/png' }));
    const read = ({ body }: { body: ReadableStream }) => textOf(body);
    for (const limit of [{ maxBytes: 5 }, { maxTotalBytes: 5 }]) {
      const error = await pipeArtifacts(client, lying, read, limit).catch((thrown) => thrown);
      expect(error.failed).toMatchObject([
        { error: { code: 'artifact_too_large' } },
        { error: { code: 'artifact_too_large' } },
      ]);
    }
  });

  it('reports what arrived, so that it can be deleted', async () => {
    const { client, artifacts, emulator } = await artifactsOf(3);
    const sink = ({ name, body }: ArtifactInput) => {
      if (name === '1.txt') throw new Error('full');
      return textOf(body);
    };
    const error = await pipeArtifacts(client, artifacts, sink).catch((thrown) => thrown);
    await deleteFiles(client, error.saved);
    expect(emulator.files.map(({ filename }) => filename)).toEqual(['1.txt']);
  });

  it.each<[string, (input: ArtifactInput) => unknown]>([
    ['reads nothing', () => 'forgot'],
    ['does not wait for it', ({ body }) => void textOf(body).catch(() => {})],
    [
      'reads a part',
      async ({ body }) => {
        const reader = body.getReader();
        await reader.read();
        reader.releaseLock();
      },
    ],
  ])('does not take what a sink did not read for arrived: one that %s', async (_, sink) => {
    const { client, artifact } = await cutServer(0);
    const error = await pipeArtifacts(client, [artifact], sink).catch((thrown) => thrown);
    expect(error).toMatchObject({ saved: [], failed: [{ error: { code: 'artifact_not_read' } }] });
  });

  it('takes a body for read by whoever counts its bytes and asks for no more', async () => {
    const { client, artifacts } = await artifactsOf(1);
    const sink = async ({ body, contentLength }: ArtifactInput) => {
      const { value } = await body.getReader().read();
      return [value?.byteLength, contentLength];
    };
    const [piped] = await pipeArtifacts(client, artifacts, sink);
    expect(piped?.value).toEqual([9, 9]);
  });

  it('ends the stream of a sink that is no longer waited for with an error, not as if it were whole', async () => {
    const { client, artifact } = await cutServer(0);
    let late: Promise<string> | undefined;
    const unknownType = { ...artifact, mimeType: 'image/png' };
    const sink = ({ body }: ArtifactInput) => {
      late = new Promise((resolve) => setTimeout(resolve, 20)).then(() => textOf(body));
      late.catch(() => {});
    };
    await pipeArtifacts(client, [unknownType], sink).catch(() => {});
    await expect(late).rejects.toMatchObject({ code: 'artifact_cut' });
  });

  it('does not wait for a sink after an abort', async () => {
    const { client, artifacts } = await artifactsOf(2);
    const controller = new AbortController();
    const piped = pipeArtifacts(
      client,
      artifacts,
      () => {
        controller.abort();
        return new Promise(() => {});
      },
      { signal: controller.signal },
    );
    await expect(piped).rejects.toMatchObject({ code: 'aborted', saved: [] });
  });

  it.each([
    ['an image without a length that ends early', 'image/png', 1000, {}, 400],
    ['a text whose length contradicts its metadata', 'text/csv', 1000, { 'content-length': '400' }, 400],
    ['an answer without a word', 'text/csv', 1000, { 'content-length': '0' }, 0],
    ['a text with more than its metadata say', 'text/csv', 400, {}, 1000],
  ])('does not take %s for whole', async (_, mimeType, sizeBytes, headers, sent) => {
    let downloads = 0;
    const fetch = async () => {
      downloads++;
      return new Response('x'.repeat(sent), { headers });
    };
    const client = new Anthropic({ apiKey: 'none', fetch: fetch as never });
    const artifact: Artifact = { ...listed, fileId: 'file_1', status: 'described', mimeType, sizeBytes };
    const error = await pipeArtifacts(client, [artifact], ({ body }) => textOf(body)).catch(
      (thrown) => thrown,
    );
    expect(error.failed).toMatchObject([{ error: { code: 'artifact_cut', retryable: true } }]);
    expect(downloads).toBe(3);
  });

  it('takes an image for whole that grew by its credentials', async () => {
    const fetch = async () => new Response('x'.repeat(500), { headers: { 'content-length': '500' } });
    const client = new Anthropic({ apiKey: 'none', fetch: fetch as never });
    const facts = { status: 'described', mimeType: 'image/png', sizeBytes: 400 } as const;
    const [piped] = await pipeArtifacts(client, [{ ...listed, fileId: 'file_1', ...facts }], ({ body }) =>
      textOf(body),
    );
    expect(piped?.sizeBytes).toBe(500);
  });

  it('fails what would have to wait for too long, whatever the status', async () => {
    const fetch = async () => Response.json({}, { status: 503, headers: { 'retry-after': '3600' } });
    const client = new Anthropic({ apiKey: 'none', fetch: fetch as never });
    const facts = { ...listed, fileId: 'file_1', status: 'described' } as const;
    const error = await pipeArtifacts(client, [facts], ({ body }) => textOf(body)).catch((thrown) => thrown);
    expect(error.failed).toMatchObject([{ error: { status: 503 } }]);
  });

  it('fetches the others when the metadata of some cannot be had', async () => {
    const { client, artifacts, emulator } = await artifactsOf(150, { describe: false });
    const last = artifacts[149]?.fileId ?? '';
    const failing = client.withOptions({
      maxRetries: 0,
      fetch: async (url, init) =>
        String(url).includes(last) && !String(url).includes('/content')
          ? Response.json({}, { status: 500 })
          : emulator.fetch(url as string, init),
    });
    const piping = pipeArtifacts(failing, artifacts, ({ body }) => textOf(body), { retries: 0 });
    const { saved, failed } = await piping.catch((thrown) => thrown);
    expect([saved.length, failed.length]).toEqual([100, 50]);
    expect(failed[0]).toMatchObject({ error: { status: 500 } });
  });

  it('gives the room of what did not arrive to the others', async () => {
    const { client, artifacts } = await artifactsOf(3);
    const image = artifacts.map((artifact, index) => ({
      ...artifact,
      ...(index === 0 ? { mimeType: 'image/png', sizeBytes: 1 } : {}),
    }));
    const error = await pipeArtifacts(client, image, ({ body }) => textOf(body), {
      maxTotalBytes: 19,
      concurrency: 1,
    }).catch((thrown) => thrown);
    // The first has 9 bytes and was announced with 1: it may take no room from the others.
    expect(error.saved.map(({ name }: { name: string }) => name)).toEqual(['1.txt', '2.txt']);
  });

  it('loses nothing by a promise of onProgress that rejects', async () => {
    const { client, artifacts } = await artifactsOf(2);
    const onProgress = () => Promise.reject(new Error('my fault'));
    const all = [{ ...listed, fileId: 'file_none', status: 'missing' as const }, ...artifacts];
    const piping = pipeArtifacts(client, all, ({ body }) => textOf(body), { onProgress });
    // One of the last event may come too late to be reported; none is unhandled.
    expect((await piping.catch((thrown) => thrown)).saved).toHaveLength(2);
  });

  it('tells of a listener that throws, once everything is there', async () => {
    const { client, artifacts } = await artifactsOf(3);
    let calls = 0;
    const onProgress = () => {
      calls++;
      throw new Error('my fault');
    };
    const error = await pipeArtifacts(client, artifacts, ({ body }) => textOf(body), { onProgress }).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'listener_failed', cause: { message: 'my fault' }, failed: [] });
    expect([error.saved.length, calls]).toEqual([3, 1]);
  });

  it('gives a body of known length where the runtime has such streams', async () => {
    const { client, artifacts } = await artifactsOf(1);
    class FixedLengthStream extends TransformStream {
      constructor(length: number) {
        super();
        Object.assign(this.readable, { knownLength: length });
      }
    }
    Object.assign(globalThis, { FixedLengthStream });
    try {
      const [piped] = await pipeArtifacts(client, artifacts, async ({ body }) => [
        (body as { knownLength?: number }).knownLength,
        await textOf(body),
      ]);
      expect(piped?.value).toEqual([9, 'content 0']);
    } finally {
      Reflect.deleteProperty(globalThis, 'FixedLengthStream');
    }
  });

  it('refuses what it cannot use, before any request', async () => {
    const { client, artifacts, emulator } = await artifactsOf(1);
    const before = emulator.requests.length;
    const sink = () => {};
    await expect(pipeArtifacts({} as never, artifacts, sink)).rejects.toThrow(/pipeArtifacts needs a client/);
    await expect(pipeArtifacts(client, 'x' as never, sink)).rejects.toThrow(/takes a list of artifacts/);
    await expect(pipeArtifacts(client, artifacts, {} as never)).rejects.toThrow(
      /takes a function as its sink/,
    );
    await expect(pipeArtifacts(client, artifacts, sink, { concurrency: 0 })).rejects.toThrow(
      /concurrency must be a whole/,
    );
    await expect(pipeArtifacts(client, artifacts, sink, { maxBytes: Number.NaN })).rejects.toThrow(
      /maxBytes must be/,
    );
    expect(await pipeArtifacts(client, [], sink)).toEqual([]);
    expect(emulator.requests.length).toBe(before);
  });
});

describe('deleteFiles', () => {
  it('tells of each file what became of it', async () => {
    const { client, artifacts, emulator } = await artifactsOf(3);
    const upload = await client.files.upload({ file: new File(['x'], 'x.txt') });
    const refusing = client.withOptions({
      fetch: async (url, init) =>
        String(url).includes(artifacts[2]?.fileId ?? '')
          ? Response.json({}, { status: 403 })
          : (client as unknown as { fetch: typeof fetch }).fetch(url as string, init as RequestInit),
    });
    const results = await deleteFiles(refusing, [...artifacts, upload, 'file_none']);
    expect(results).toMatchObject([
      { fileId: artifacts[0]?.fileId, status: 'deleted', error: null },
      { status: 'deleted' },
      { status: 'failed', error: { status: 403 } },
      { fileId: upload.id, status: 'deleted' },
      { fileId: 'file_none', status: 'missing', error: null },
    ]);
    expect(emulator.files).toHaveLength(1);
    await expect(deleteFiles(client, [''])).rejects.toThrow(/takes a list of file ids/);
  });
});
