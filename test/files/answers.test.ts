import Anthropic from '@anthropic-ai/sdk';
import {
  type Artifact,
  artifactsOf,
  deleteFiles,
  describeArtifacts,
  downloadArtifact,
  isArtifactError,
  isRedirectError,
  pipeArtifacts,
  runTurn,
  uploadFile,
} from 'code-execution-kit';
import { bash, cannedSandbox, say } from 'code-execution-kit/emulator';
import { uploadPath, uploadStream } from 'code-execution-kit/node';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { NO_REDIRECT } from '../../src/sdk/redirects.ts';
import { serve } from '../support/server.ts';
import { params, thrownBy, world } from '../support/world.ts';

const CONTENT = 'a,b\n1,2\n';
const fileOf = (id: string, facts: object = {}) => ({
  id,
  type: 'file',
  filename: `${id}.csv`,
  mime_type: 'text/csv',
  size_bytes: CONTENT.length,
  created_at: '2026-11-22T10:00:00Z',
  downloadable: true,
  expires_at: null,
  ...facts,
});
const listedOf = (ids: readonly string[]): Artifact[] =>
  artifactsOf({
    content: [
      {
        type: 'bash_code_execution_tool_result',
        tool_use_id: 'srvtoolu_1',
        content: { type: 'bash_code_execution_result', content: ids.map((file_id) => ({ file_id })) },
      },
    ],
  });

/** A client that gets this for a list of files, and the file's bytes for its content. */
function clientAnswering(
  list: (url: URL) => Response | Promise<Response>,
  content = () => new Response(CONTENT, { headers: { 'content-type': 'text/csv' } }),
  maxRetries = 0,
) {
  const paths: string[] = [];
  const fetch = async (input: string | URL | Request) => {
    const url = new URL(String(input));
    // The SDK tries whether a `fetch` takes forms.
    if (url.protocol === 'data:') return new Response('');
    paths.push(url.pathname);
    return url.pathname.endsWith('/content') ? content() : list(url);
  };
  return { client: new Anthropic({ apiKey: 'none', maxRetries, fetch }), paths };
}

const json = (body: unknown) => Response.json(body);
const html = (text = '<html>\u001b[31mlog in</html>') =>
  new Response(text, { headers: { 'content-type': 'text/html; charset=utf-8' } });
const saved = async (client: Anthropic, artifacts: readonly Artifact[]) =>
  pipeArtifacts(client, artifacts, async ({ name, body }) => [name, await new Response(body).text()]);

afterEach(() => {
  vi.useRealTimers();
});

/** An emulator whose turn makes files, and a client of it whose lists are answered otherwise. */
function turnWith(list: (url: URL) => Response | Promise<Response>, count = 1) {
  const files = Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.csv`, CONTENT]));
  const { emulator } = world([bash('make'), say('Done.')], { sandbox: cannedSandbox(() => ({ files })) });
  let lists = 0;
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const url = new URL(String(input));
    if (url.pathname !== '/v1/files') return emulator.fetch(url, init);
    lists++;
    return await list(url);
  };
  return { client: new Anthropic({ apiKey: 'none', maxRetries: 0, fetch }), lists: () => lists };
}

describe('a look-up', () => {
  it.each([
    [1, 3],
    [100, 7],
    [250, 7 + 7 + 5],
  ])(
    'of %i files whose list has no end sends %i requests at most, and ends the turn',
    async (count, most) => {
      let page = 0;
      const warnings: Error[] = [];
      const listener = (warning: Error) => warnings.push(warning);
      process.on('warning', listener);
      onTestFinished(() => void process.off('warning', listener));
      const endless = () => json({ data: [], next_page: `page_${++page}` });
      const { client, lists } = turnWith(endless, count);
      const turn = await runTurn(client, params);
      expect(turn.answer).toBe('Done.');
      expect(turn.notices).toMatchObject([
        { code: 'describe-failed', message: expect.stringContaining('no end') },
      ]);
      expect(new Set(turn.artifacts.map(({ status }) => status))).toEqual(new Set(['listed']));
      expect(lists()).toBe(most);
      const error = await thrownBy(describeArtifacts(client, turn.artifacts));
      expect([isArtifactError(error), error.code]).toEqual([true, 'describe_failed']);
      expect(lists()).toBe(2 * most);
      // Of too many listeners on one signal.
      await new Promise(setImmediate);
      expect(warnings).toEqual([]);
    },
  );

  it('keeps what it found before a list went on without end, and stops once all is found', async () => {
    let calls = 0;
    const { client } = turnWith((url) => {
      const [first] = url.searchParams.getAll('ids[]') as [string];
      return json({ data: calls++ === 0 ? [fileOf(first)] : [], next_page: 'page_x' });
    }, 2);
    const turn = await runTurn(client, params);
    expect(turn.artifacts.map(({ status }) => status)).toEqual(['described', 'listed']);
    const { client: other, paths } = clientAnswering(() =>
      json({ data: [fileOf('file_1')], next_page: 'page_x' }),
    );
    expect(await describeArtifacts(other, listedOf(['file_1']))).toMatchObject([{ status: 'described' }]);
    expect(paths).toHaveLength(1);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ['never comes', () => new Promise(() => {})],
    [
      'never ends',
      () => new Response(new ReadableStream(), { headers: { 'content-type': 'application/json' } }),
    ],
  ])('that %s is waited for as long as a whole look-up may take', async (_, answer) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const list = () => {
      asked();
      return answer();
    };
    const { client } = turnWith(list);
    const running = runTurn(client, params);
    await isAsked;
    await vi.advanceTimersByTimeAsync(20_000);
    const turn = await running;
    expect(turn.notices).toMatchObject([
      { code: 'describe-failed', message: expect.stringContaining('within 20 seconds') },
    ]);
    const { client: other } = clientAnswering(answer);
    for (const call of [
      () => describeArtifacts(other, listedOf(['file_1'])),
      () => pipeArtifacts(other, listedOf(['file_1']), () => {}),
    ]) {
      const thrown = thrownBy(call());
      await vi.advanceTimersByTimeAsync(20_000);
      const error = await thrown;
      expect(isArtifactError(error) && error.cause).toMatchObject({ code: 'look_up_timeout' });
    }
  });

  it.each<[string, () => Response, string]>([
    ['{}', () => json({}), 'listed'],
    ['null', () => json(null), 'listed'],
    ['data that is no list', () => json({ data: 'file_1', next_page: null }), 'listed'],
    ['an HTML page', () => html(), 'listed'],
    [
      'HTML as JSON',
      () => new Response('<html>', { headers: { 'content-type': 'application/json' } }),
      'listed',
    ],
    ['nothing', () => new Response(null, { status: 204 }), 'listed'],
    ['an error as JSON', () => json({ type: 'error', error: { message: 'no' } }), 'listed'],
    ['other files', () => json({ data: [fileOf('file_x')], next_page: null }), 'listed'],
    ['nulls', () => json({ data: [null], next_page: null }), 'listed'],
    ['a list without an end', () => json({ data: [] }), 'listed'],
    ['the end of an older list', () => json({ data: [], has_more: false }), 'missing'],
    ['an empty list, as the API says it', () => json({ data: [], next_page: null }), 'missing'],
  ])('answered with %s', async (_, answer, status) => {
    const { client, paths } = clientAnswering(answer);
    const artifacts = listedOf(['file_1']);
    expect(await describeArtifacts(client, artifacts)).toMatchObject([{ status }]);
    const { client: ofTurn } = turnWith(answer);
    const turn = await runTurn(ofTurn, params);
    expect(turn.artifacts).toMatchObject([{ status }]);
    expect(turn.notices.map(({ code }) => code)).toEqual(status === 'listed' ? ['describe-failed'] : []);
    if (status === 'missing') {
      expect(await thrownBy(saved(client, artifacts))).toMatchObject({
        failed: [{ error: { code: 'artifact_missing' } }],
      });
      expect(paths).not.toContain('/v1/files/file_1/content');
      return;
    }
    // What is not known is asked for.
    expect(await saved(client, artifacts)).toMatchObject([{ value: ['file_1', CONTENT] }]);
    expect(await (await downloadArtifact(client, 'file_1')).text()).toBe(CONTENT);
  });

  it('takes only what is of its kind: nulls, doubles, sizes as text or negative, names that are none', async () => {
    const data = [
      null,
      fileOf('file_1', { size_bytes: '8', filename: 5 }),
      fileOf('file_2', { size_bytes: -1, mime_type: {}, expires_at: 7, downloadable: 'yes' }),
      fileOf('file_1', { size_bytes: '8', filename: 5 }),
    ];
    const { client } = clientAnswering(() => json({ data, next_page: null }));
    const artifacts = await describeArtifacts(client, listedOf(['file_1', 'file_2', 'file_3']));
    expect(artifacts).toMatchObject([
      { status: 'described', name: null, sizeBytes: null, mimeType: 'text/csv' },
      { status: 'described', sizeBytes: null, mimeType: null, expiresAt: null, downloadable: null },
      { status: 'listed' },
    ]);
  });

  it('reads a list of a client that is not the SDK’s', async () => {
    const { client } = clientAnswering(() => json({}));
    const files = {
      list: async function* () {
        yield fileOf('file_1');
      },
    };
    const own = { files: { ...files, download: () => client.files.download('x') } } as unknown as Anthropic;
    const artifacts = await describeArtifacts(own, listedOf(['file_1', 'file_2']));
    expect(artifacts.map(({ status }) => status)).toEqual(['described', 'missing']);
  });
});

describe('what is not the file', () => {
  const facts = {
    csv: {},
    png: { filename: 'a.png', mime_type: 'image/png' },
    html: { filename: 'a.html', mime_type: 'text/html' },
    json: { filename: 'a.json', mime_type: 'application/json' },
    notebook: { filename: 'a.ipynb', mime_type: 'application/octet-stream' },
    svg: { filename: 'a.svg', mime_type: 'image/svg+xml' },
  };
  const answered = (type: string, text: string, length?: number) => () =>
    new Response(text, {
      headers: {
        'content-type': type,
        ...(length === undefined ? {} : { 'content-length': String(length) }),
      },
    });
  const PAGE = `\ufeff \n<!doctype html><title>\u001b[31mlog\u202e in</title>${'x'.repeat(500)}`;
  const ERROR = '{"error":"no healthy upstream"}';

  it.each<[keyof typeof facts, string, string, number | undefined]>([
    ['csv', 'text/html; charset=utf-8', PAGE, undefined],
    ['csv', 'TEXT/HTML', PAGE, PAGE.length],
    ['png', 'text/html', PAGE, undefined],
    ['png', 'application/json', ERROR, ERROR.length],
    ['csv', 'application/problem+json', ERROR, undefined],
    ['html', 'application/json', ERROR, undefined],
    // One of its own kind whose size is another.
    ['json', 'application/json', ERROR, ERROR.length],
    ['notebook', 'text/html', PAGE, undefined],
  ])('is said to be that: %s answered as %s', async (kind, type, text, length) => {
    const list = (url: URL) =>
      url.pathname === '/v1/files'
        ? json({ data: [fileOf('file_1', facts[kind])], next_page: null })
        : json(fileOf('file_1', facts[kind]));
    const { client, paths } = clientAnswering(list, answered(type, text, length), 2);
    const error = await thrownBy(downloadArtifact(client, 'file_1'));
    expect(isArtifactError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'artifact_replaced', answer: { status: 200, contentType: type } });
    expect(error.answer.text).toMatch(
      text === PAGE ? /^<!doctype html><title> \[31mlog {2}in</ : /^\{"error"/,
    );
    expect(error.answer.text.length).toBeLessThanOrEqual(300);
    expect(error.answer.text).not.toMatch(/\p{C}/u);
    expect(error.message).toContain('HTTP 200');
    const failed = await thrownBy(saved(client, listedOf(['file_1'])));
    expect(failed.failed).toMatchObject([{ error: { code: 'artifact_replaced' } }]);
    expect(paths.filter((path) => path.endsWith('/content'))).toHaveLength(2);
  });

  it.each<[keyof typeof facts, string, string, 'known' | 'chunked']>([
    ['html', 'text/html', '<p>1</p>', 'known'],
    ['html', 'text/html', '<p>1</p>', 'chunked'],
    ['json', 'application/json', '{"a": 1}', 'known'],
    ['json', 'application/json', '{"a": 1}', 'chunked'],
    ['notebook', 'application/json', '{"a": 1}', 'chunked'],
    ['svg', 'text/html', '<svg/> xx', 'chunked'],
    // A gateway that labels whatever it passes on as JSON.
    ['csv', 'application/json', CONTENT, 'known'],
    ['csv', 'application/json', CONTENT, 'chunked'],
    ['csv', 'text/html', '<1,2\n3,4', 'known'],
  ])('is no genuine %s as %s: %j, its length %s', async (kind, type, text, length) => {
    const list = () => json(fileOf('file_1', facts[kind]));
    const { client } = clientAnswering(
      list,
      answered(type, text, length === 'known' ? text.length : undefined),
    );
    const download = await downloadArtifact(client, 'file_1');
    expect(await download.text()).toBe(text);
  });

  it('is not looked for without an end in an answer of blanks', async () => {
    let pieces = 0;
    const blanks = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new TextEncoder().encode(' '.repeat(++pieces && 10_000))),
        }),
        { headers: { 'content-type': 'text/html' } },
      );
    const { client } = clientAnswering(() => json(fileOf('file_1')), blanks);
    const download = await downloadArtifact(client, 'file_1');
    await download.cancel();
    expect(pieces).toBeLessThan(20);
  });
});

describe('a redirect', () => {
  /** Two servers: the first sends everything on to the second, which says what it got. */
  async function twoServers(status: number) {
    const received: string[] = [];
    const other = await serve((request, reply) => {
      received.push(`${request.method} ${request.headers['x-gateway-key']}`);
      request.resume().on('end', () => reply.end('{}'));
    });
    const baseURL = await serve((request, reply) => {
      request.resume().on('end', () => {
        reply.writeHead(status, { location: `${other}${request.url}` }).end();
      });
    });
    const client = new Anthropic({
      apiKey: 'none',
      baseURL,
      maxRetries: 0,
      defaultHeaders: { 'x-gateway-key': 'secret' },
    });
    return { baseURL, client, received, other };
  }
  const file = new File([CONTENT], 'a.csv');
  const CALLS: readonly [string, (client: Anthropic) => Promise<unknown>][] = [
    ['list', (client) => describeArtifacts(client, listedOf(['file_1']))],
    ['metadata', (client) => downloadArtifact(client, 'file_1')],
    [
      'download',
      (client) => downloadArtifact(client, { ...(listedOf(['file_1'])[0] as Artifact), status: 'described' }),
    ],
    [
      'pipe',
      (client) =>
        pipeArtifacts(client, listedOf(['file_1']), () => {}).catch((error) => {
          throw error.failed[0].error;
        }),
    ],
    [
      'delete',
      async (client) => {
        const [result] = await deleteFiles(client, ['file_1']);
        throw result?.error;
      },
    ],
    ['upload', (client) => uploadFile(client, file)],
    ['upload of a path', (client) => uploadPath(client, new URL(import.meta.url))],
    ['upload of a stream', (client) => uploadStream(client, new Blob([CONTENT]).stream(), { name: 'a.csv' })],
  ];
  const isUpload = (name: string) => /^upload of/.test(name);

  it.each(CALLS)('of a %s is not followed, and no key reaches the other host', async (name, call) => {
    for (const status of [301, 302, 303, 307, 308]) {
      const { client, received, other } = await twoServers(status);
      const error = await thrownBy(call(client));
      expect([isRedirectError(error), received]).toEqual([true, []]);
      if (isUpload(name)) continue;
      expect(error).toMatchObject({ code: 'redirected', status });
      expect(error.location).toMatch(other);
      expect(error.message).toContain(other);
    }
  });

  it('is asked not to be followed in a word that every runtime knows', async () => {
    const asked: unknown[] = [];
    const fetch = async (_: unknown, init?: RequestInit) => {
      asked.push(init?.redirect);
      return json({});
    };
    const client = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch });
    await describeArtifacts(client, listedOf(['file_1']));
    await deleteFiles(client, ['file_1']);
    await downloadArtifact(client, 'file_1');
    expect(asked).toEqual(Array(4).fill(NO_REDIRECT.redirect));
  });

  it('is followed where fetchOptions of the client say so', async () => {
    const { baseURL, received } = await twoServers(307);
    const client = new Anthropic({ apiKey: 'none', baseURL, fetchOptions: { redirect: 'follow' } });
    await describeArtifacts(client, listedOf(['file_1']));
    await deleteFiles(client, ['file_1']);
    expect(received).toEqual(['GET undefined', 'DELETE undefined']);
  });

  it('that the runtime hides is one, too, and is not sent again', async () => {
    let requests = 0;
    const opaque = () => {
      requests++;
      const hidden = new Response(null);
      return Object.defineProperties(hidden, {
        status: { value: 0 },
        ok: { value: false },
        type: { value: 'opaqueredirect' },
      });
    };
    const { client } = clientAnswering(opaque, opaque);
    for (const [name, call] of CALLS) {
      if (isUpload(name)) continue;
      requests = 0;
      const error = await thrownBy(call(client));
      expect([name, isRedirectError(error), error.status, requests]).toEqual([name, true, 0, 1]);
    }
  });
});

describe('an answer that is none', () => {
  it.each<[string, () => Response]>([
    ['a page', () => html()],
    ['a page as JSON', () => new Response('<html>', { headers: { 'content-type': 'application/json' } })],
    ['an error with 200', () => json({ error: 'no' })],
  ])('is neither an upload nor a deletion: %s', async (_, answer) => {
    const { client } = clientAnswering(answer);
    expect(await thrownBy(uploadFile(client, new File(['x'], 'a.csv')))).toMatchObject({
      code: 'invalid_answer',
    });
    expect(await deleteFiles(client, ['file_1'])).toMatchObject([{ status: 'failed' }]);
  });
});
