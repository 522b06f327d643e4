import Anthropic from '@anthropic-ai/sdk';
import { runTurn } from 'code-execution-kit';
import { python } from 'code-execution-kit/emulator';
import { artifactResponse } from 'code-execution-kit/relay';
import { describe, expect, it } from 'vitest';
import { params, thrownBy, world } from '../support/world.ts';

/** A client whose one file has this name and type. */
function clientWith(filename: string, mimeType: string, body: BodyInit = 'abc', headers: HeadersInit = {}) {
  const file = {
    type: 'file',
    id: 'file_1',
    filename,
    mime_type: mimeType,
    size_bytes: 3,
    downloadable: true,
  };
  return new Anthropic({
    apiKey: 'none',
    maxRetries: 0,
    fetch: async (url) =>
      String(url).includes('/content') ? new Response(body, { headers }) : Response.json(file),
  });
}

describe('artifactResponse', () => {
  it('gives a file that code made, with its length and name', async () => {
    const { client } = world([
      python("import os\nopen(os.environ['OUTPUT_DIR'] + '/a.csv', 'w').write('x,1\\n')"),
    ]);
    const turn = await runTurn(client, params);
    const response = await artifactResponse(client, turn.artifacts[0]?.fileId ?? '');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/csv',
      'content-disposition': `attachment; filename="a.csv"; filename*=UTF-8''a.csv`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private',
      'accept-ranges': 'none',
      'content-length': '4',
    });
    expect(response.headers.has('content-security-policy')).toBe(false);
    expect(await response.text()).toBe('x,1\n');
  });

  it.each([
    'text/html',
    'text/html; charset=utf-8',
    'image/svg+xml',
    'application/pdf',
    'application/xhtml+xml',
    'TEXT/HTML',
    'application/xml',
  ])('sandboxes what can run code: %s', async (type) => {
    const headers = (await artifactResponse(clientWith('a', type), 'file_1', { disposition: 'inline' }))
      .headers;
    expect(headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    ['../../etc/passwd', 'filename=".._.._etc_passwd"'],
    ['a"; filename="b.exe', "filename*=UTF-8''a_%3B%20filename%3D_b.exe"],
    ['grüße 🎉.csv', `filename="gr__e __.csv"; filename*=UTF-8''gr%C3%BC%C3%9Fe%20%F0%9F%8E%89.csv`],
    ['a\r\nset-cookie: x=1', 'filename="a__set-cookie_ x=1"'],
    ["it's (1)*.csv", "filename*=UTF-8''it%27s%20%281%29_.csv"],
    ['\u202egnp.exe', 'filename="_gnp.exe"'],
    ['', 'filename="file_1"'],
  ])('encodes the name %j', async (name, header) => {
    const response = await artifactResponse(clientWith(name, 'text/plain'), 'file_1');
    expect(response.headers.get('content-disposition')).toContain(header);
  });

  it.each(['text/html\r\nx: y', 'nothing', ''])('does not pass on the type %j', async (type) => {
    const response = await artifactResponse(clientWith('a.txt', type), 'file_1');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
  });

  it('says no length that is not that of the bytes', async () => {
    const zipped = clientWith('a.txt', 'text/plain', 'abc', {
      'content-length': '2',
      'content-encoding': 'gzip',
    });
    expect((await artifactResponse(zipped, 'file_1')).headers.has('content-length')).toBe(false);
  });

  it('is a 404 for what is not there, and throws what may pass', async () => {
    const { client } = world([]);
    const gone = await artifactResponse(client, 'file_none');
    expect([gone.status, gone.headers.get('cache-control')]).toEqual([404, 'no-store']);
    const busy = new Anthropic({
      apiKey: 'none',
      maxRetries: 0,
      fetch: async () => new Response('{}', { status: 529 }),
    });
    expect(await thrownBy(artifactResponse(busy, 'file_1'))).toMatchObject({ status: 529 });
    const error = await thrownBy(artifactResponse(client, 'file_1', { disposition: 'open' as 'inline' }));
    expect(error).toMatchObject({ code: 'invalid_input' });
  });

  it('ends a cut file with an error, and never short', async () => {
    const short = clientWith('a.txt', 'text/plain', 'ab', { 'content-length': '3' });
    const response = await artifactResponse(short, 'file_1');
    expect(await thrownBy(response.text())).toMatchObject({ code: 'artifact_cut' });
  });
});
