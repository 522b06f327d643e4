import { codeExecutionTool, runTurn } from 'code-execution-kit';
import { createEmulator, type Exchange, python, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
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
import { response, sseOf } from '../support/sse.ts';
import { thrownBy } from '../support/world.ts';

const place = recordings();
const { record, replayed, fixtures } = place;

const UUID = '3f0e9c1a-7a52-4d2b-9d3e-2f1f0a6b7c8d';

describe('redaction', () => {
  it('takes out keys, ids of requests and users, and headers', async () => {
    const text = `Use ${KEY} or "Bearer abc.def-0123456789" as bearer authentication.`;
    const events = response([{ type: 'text', text }]);
    const error = {
      type: 'error',
      error: {
        type: 'overloaded_error',
        message: `Organisation ${UUID} (request req_011CabcDEF) must wait.`,
      },
      request_id: 'req_011CabcDEF',
    };
    const untouched = 'event: ping\ndata: { "type":  "ping" }\n\n';
    const headers = { 'request-id': 'req_011CabcDEF', 'anthropic-organization-id': UUID, 'retry-after': '7' };
    const recording = record({
      defaultHeaders: { 'x-tenant': 'tenant-7', 'anthropic-beta': 'files-api-2025-04-14' },
      fetch: answering(
        eventStream(untouched + sseOf(events), headers),
        Response.json(error, { status: 529, headers }),
        Response.json({ type: 'message_batch', id: 'msgbatch_1' }),
      ),
    });
    const user = { user_id: 'user-of-mine', kept: 'yes' };
    await (
      await recording.client.messages
        .create({
          ...saying(`Key: ${KEY}; Authorization: Bearer abcdefgh12345678`),
          metadata: user,
          stream: true,
        })
        .asResponse()
    ).text();
    await thrownBy(recording.client.messages.create(params));
    await recording.client.messages.batches.create({
      requests: [{ custom_id: 'a', params: { ...params, metadata: user } }],
    });
    await recording.flush();

    const [first, second, third] = recording.exchanges;
    expect(first?.request.headers).toEqual({
      'anthropic-beta': 'files-api-2025-04-14',
      'anthropic-version': expect.stringMatching(/^\d{4}-/),
      'content-type': 'application/json',
    });
    expect(first?.response.headers).toEqual({ 'content-type': 'text/event-stream', 'retry-after': '7' });
    expect(first?.request.body).toMatchObject({
      json: { metadata: { user_id: 'redacted', kept: 'yes' } },
    });
    expect(third?.request.body).toMatchObject({
      json: { requests: [{ params: { metadata: { user_id: 'redacted' } } }] },
    });
    expect(second?.response.body).toEqual({
      type: 'json',
      json: {
        type: 'error',
        error: {
          type: 'overloaded_error',
          message: 'Organisation 00000000-0000-0000-0000-000000000000 (request req_redacted) must wait.',
        },
        request_id: 'req_redacted',
      },
    });
    const all = Object.values(await fixtures()).join('');
    for (const secret of ['secret03', 'abc.def', 'abcdefgh1', 'req_011', UUID, 'user-of-mine', 'tenant-7']) {
      expect(all).not.toContain(secret);
    }

    // What is left is still a stream, and what held no secret is as it was.
    const { client } = replayed();
    const again = saying(`Key: sk-ant-another-1; Authorization: Bearer zyxwvuts87654321`);
    const sse = await (
      await client.messages
        .create({ ...again, metadata: { ...user, user_id: 'else' }, stream: true })
        .asResponse()
    ).text();
    const expected = text.replace(KEY, 'sk-ant-redacted').replace('abc.def-0123456789', 'redacted');
    expect(sse).toBe(untouched + sseOf(response([{ type: 'text', text: expected }])));
  });

  it('leaves line ends as they are', async () => {
    const sse = (first: string, second: string) =>
      [first, second]
        .map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }))
        .map((event) => `event: ${event.type}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`)
        .join('');
    const recording = record({ fetch: answering(eventStream(sse(KEY.slice(0, 9), `${KEY.slice(9)}.`))) });
    await (await rawStream(recording.client)).text();
    await recording.flush();
    expect(await (await rawStream(replayed().client)).text()).toBe(sse('sk-ant-redacted', '.'));
  });

  it('finds what is spread over the pieces of a stream', async () => {
    const text = `😀 The key is ${KEY}, and the other one "Bearer abc.def-0123456789". ${KEY}${KEY}!`;
    const emulator = createEmulator({ script: [python(`# ${KEY}`), say(text)] });
    const recording = record({ fetch: emulator.fetch });
    await runTurn(recording.client, params);
    await recording.flush();
    const turn = await runTurn(replayed().client, params);
    expect(turn.answer).toBe(
      '😀 The key is sk-ant-redacted, and the other one "Bearer redacted". sk-ant-redacted!',
    );
    expect(turn.executions[0]).toMatchObject({ code: '# sk-ant-redacted' });
    // Events that hold no part of a secret are as they came.
    expect(recording.exchanges[0]?.response.body).toMatchObject({
      text: expect.stringContaining('event: ping\ndata: {"type":"ping"}\n\n'),
    });
  });

  it('takes out the client’s own key, whatever it looks like', async () => {
    const apiKey = 'gateway.key/ofNoKnownForm';
    const stored = 'col\ngateway.key/ofNoKnownForm\n';
    const recording = record({
      apiKey,
      fetch: answering(
        Response.json({ id: 'file_1', echo: apiKey, request_id: 'req_011CabcDEF' }),
        new Response(stored, { headers: { 'content-type': 'text/csv' } }),
      ),
    });
    await recording.client.files.retrieveMetadata('file_1');
    expect(await (await recording.client.files.download('file_1')).text()).toBe(stored);
    await recording.flush();
    expect(Object.values(await fixtures()).join('')).not.toMatch(/gateway\.key|011Cabc/);
    // Its length is that of what is served.
    const { client } = replayed();
    const served = await client.files.download('file_1');
    expect(served.headers.get('content-length')).toBe(String('col\nredacted\n'.length));
    expect(await served.text()).toBe('col\nredacted\n');
  });

  it('leaves short words alone', async () => {
    const emulator = createEmulator({ script: [say('There is none.')] });
    const recording = record({ apiKey: 'none', fetch: emulator.fetch });
    await recording.client.messages.create({ ...saying('none'), tools: [codeExecutionTool()] });
    await recording.flush();
    expect(recording.exchanges[0]?.response.body).toMatchObject({
      json: { content: [{ text: 'There is none.' }] },
    });
  });

  it('ends with the user’s own, in the replay as well', async () => {
    const redact = (exchange: Exchange): Exchange =>
      JSON.parse(
        JSON.stringify(exchange)
          .replaceAll('ACME', 'XXX')
          .replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE'),
      );
    const emulator = createEmulator({ script: [say('ACME, I see.')] });
    const recording = record({ fetch: emulator.fetch }, redact);
    await recording.client.messages.create(saying('I am ACME on 2026-10-01.'));
    await recording.flush();
    expect(Object.values(await fixtures()).join('')).not.toMatch(/ACME|2026-10-01/);
    const tomorrow = saying('I am ACME on 2026-10-02.');
    const error = await thrownBy(Promise.resolve(replayed().client.messages.create(tomorrow)));
    expect(reasonOf(error)).toContain('recorded "I am XXX on DATE.", asked "I am ACME');
    expect((await replayed({ redact }).client.messages.create(tomorrow)).content).toEqual([
      { type: 'text', text: 'XXX, I see.' },
    ]);
  });

  it('does not record how a client gets its credentials', async () => {
    const recording = record({ fetch: answering() });
    const [middleware] = recording.client.middleware;
    const request = {
      url: 'https://api.anthropic.com/v1/oauth/token',
      headers: new Headers(),
      method: 'POST',
    };
    const next = async () => Response.json({ access_token: 'token' });
    await middleware?.(request, next, { logger: console, parse: async <T>() => ({}) as T });
    await recording.flush();
    expect(await fixtures()).toEqual({});
  });
});
