import Anthropic from '@anthropic-ai/sdk';
import type { MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages';
import { cannedSandbox, type EmulatorOptions, pause, python, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { API_HEADERS } from '../support/headers.ts';
import { world } from '../support/world.ts';

const CODE = { type: 'code_execution_20260120', name: 'code_execution' } as const;
const ASK: Tool = {
  name: 'ask',
  input_schema: { type: 'object' },
  allowed_callers: ['code_execution_20260120'],
};
const question: MessageParam = { role: 'user', content: 'Go.' };
const params = { model: 'claude-opus-5-5', max_tokens: 100, messages: [question] };

/** A sandbox whose Python calls `ask` once. */
const asking = cannedSandbox(async ({ tools }) => {
  const [reply] = tools.names.includes('ask') ? await tools.call([{ name: 'ask', input: {} }]) : [];
  return { stdout: reply?.text ?? '' };
});

const PAUSES = [say('a'), say('b'), say('c')].flatMap((one) => [one, pause()]);

function start({ script = PAUSES, ...options }: EmulatorOptions = {}) {
  const { emulator, client } = world(script, { sandbox: asking, ...options });
  const post = async (body: object, headers: Record<string, string> = API_HEADERS) => {
    const reply = await emulator.fetch('http://localhost/v1/messages', {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...params, ...body }),
    });
    return { status: reply.status, body: await reply.json() };
  };
  return { emulator, client, post };
}

const refusal = (status: number, type: string, message: string | RegExp) => ({
  status,
  body: {
    type: 'error',
    error: expect.objectContaining({ type, message: expect.stringMatching(message) }),
    request_id: expect.stringMatching(/^req_/),
  },
});
const badRequest = (message: string | RegExp) => refusal(400, 'invalid_request_error', message);

describe('a request without', () => {
  it.each([
    [
      'a key',
      { 'anthropic-version': '2023-06-01' },
      refusal(401, 'authentication_error', 'x-api-key header is required'),
    ],
    ['a version', { 'x-api-key': 'none' }, badRequest('anthropic-version: header is required')],
    ['a known version', { ...API_HEADERS, 'anthropic-version': '2020-01-01' }, badRequest('2020-01-01')],
  ])('%s', async (_, headers, expected) => {
    expect(await start().post({}, headers)).toEqual(expected);
  });

  it('neither is taken with either key header', async () => {
    const { post } = start();
    expect((await post({})).status).toBe(200);
    const bearer = {
      authorization: 'Bearer k',
      'anthropic-version': '2026-10-21',
      'content-type': 'application/json',
    };
    expect((await post({}, bearer)).status).toBe(200);
  });
});

describe('half an emoji', () => {
  const [high, low] = ['\ud83d', '\ude00'];
  it.each([
    ['the first half', `a${high}`, 'low'],
    ['the second half', `${low}b`, 'high'],
    ['the first half twice', `${high}${high}${low}`, 'low'],
  ])('is refused: %s', async (_, content, which) => {
    const { post } = start();
    const column = JSON.stringify({ ...params, messages: [{ role: 'user', content }] }).search(/\\ud/) + 1;
    expect(await post({ messages: [{ role: 'user', content }] })).toEqual(
      badRequest(
        `The request body is not valid JSON: no ${which} surrogate in string: line 1 column ${column} (char ${column - 1})`.replace(
          /[()]/g,
          '\\$&',
        ),
      ),
    );
  });

  it.each(['C:\\ud83d', 'an emoji 😀', '\\ud83d\\ude00 and 😀'])('is not in %j', async (content) => {
    const { post } = start();
    expect((await post({ messages: [{ role: 'user', content }] })).status).toBe(200);
  });
});

describe('models', () => {
  const known = refusal(
    404,
    'not_found_error',
    /^model: claude-9 \(emulator: known are .*claude-opus-5-5.*'any'/,
  );
  it('that are not known are refused, and none that retires soon is', async () => {
    const { client, post } = start();
    expect(await post({ model: 'claude-9' })).toEqual(known);
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toContain('claude-haiku-4-5-20251001');
    expect(ids.filter((id) => /(sonnet|opus)-4-[0-5]|-3-/.test(id))).toEqual([]);
    expect((await post({ model: 'claude-sonnet-4-5' })).status).toBe(404);
    expect((await post({ model: 'claude-haiku-4-5' })).status).toBe(200);
    await expect(client.models.retrieve('claude-9')).rejects.toMatchObject({ status: 404 });
  });

  it('are those of the option, in the list too', async () => {
    const { client, post } = start({ models: ['claude-9', 'claude-opus-5-5'] });
    expect((await post({ model: 'claude-9' })).status).toBe(200);
    expect((await post({ model: 'claude-sonnet-5-5' })).status).toBe(404);
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['claude-9', 'claude-opus-5-5']);
  });

  it('are any for the option any, and each item of a batch is asked', async () => {
    expect((await start({ models: 'any' }).post({ model: 'x' })).status).toBe(200);
    const counted = start().client.messages.countTokens({ ...params, model: 'claude-9' });
    await expect(counted).rejects.toMatchObject({ status: 404 });
  });
});

describe('version 2026-10-21', () => {
  const headers = { ...API_HEADERS, 'anthropic-version': '2026-10-21' };
  const cited = { type: 'text', text: 'x', citations: [{ type: 'char_location' }] };
  it.each([
    ['temperature', { temperature: 1 }, /^temperature: Extra inputs are not permitted$/],
    ['top_p', { top_p: 1 }, /^top_p: Extra inputs are not permitted$/],
    ['top_k', { top_k: 1 }, /^top_k: Extra inputs are not permitted$/],
    [
      'a document of the assistant',
      { messages: [question, { role: 'assistant', content: [{ type: 'document' }] }, question] },
      /messages\.1\.content\.0.*document/,
    ],
    [
      'citations of the user',
      { messages: [{ role: 'user', content: [cited] }] },
      /messages\.0\.content\.0.*citations/,
    ],
    [
      'citations in a search result of the user',
      { messages: [{ role: 'user', content: [{ type: 'search_result', content: [cited] }] }] },
      /messages\.0\.content\.0.*citations/,
    ],
  ])('refuses %s, and the one before takes it', async (_, body, message) => {
    const { post } = start();
    expect(await post(body, headers)).toEqual(badRequest(message));
    expect((await post(body)).status).toBe(200);
  });

  it('takes citations on what the assistant wrote', async () => {
    const messages = [question, { role: 'assistant', content: [cited] }, question];
    expect((await start().post({ messages }, headers)).status).toBe(200);
  });

  it('holds for the items of a batch, and for counting tokens', async () => {
    const { client } = start();
    const item = { custom_id: 'a', params: { ...params, temperature: 1 } as never };
    const batch = await client.messages.batches.create({ requests: [item] });
    await client.messages.batches.retrieve(batch.id);
    const results = [];
    for await (const result of await client.messages.batches.results(batch.id)) results.push(result);
    expect(results).toMatchObject([
      {
        result: {
          type: 'errored',
          error: { error: { message: 'temperature: Extra inputs are not permitted' } },
        },
      },
    ]);
    const counted = client.messages.countTokens({ ...params, temperature: 1 } as never);
    await expect(counted).rejects.toMatchObject({ status: 400 });
  });
});

describe('tools', () => {
  const strict = { ...ASK, strict: true };
  const circular = { ...ASK, input_schema: { type: 'object', properties: { a: { $ref: '#' } } } };
  it.each([
    ['an unknown version', { tools: [{ ...CODE, type: 'code_execution_20991231' }] }, /tools\.0\.type/],
    ['another name', { tools: [{ ...CODE, name: 'code' }] }, /tools\.0\.name/],
    [
      'an upload without the tool',
      { messages: [{ role: 'user', content: [{ type: 'container_upload', file_id: 'file_1' }] }] },
      /messages\.0.*container_upload/,
    ],
    [
      'skills without the tool',
      { container: { skills: [{ type: 'anthropic', skill_id: 'pptx' }] } },
      /skills/,
    ],
    [
      'an unknown skill',
      { tools: [CODE], container: { skills: [{ type: 'anthropic', skill_id: 'nope' }] } },
      /container\.skills\.0.*nope/,
    ],
    [
      'too many skills',
      { tools: [CODE], container: { skills: Array(21).fill({ type: 'anthropic', skill_id: 'pptx' }) } },
      /at most 20 skills, got 21/,
    ],
    ['a name twice', { tools: [ASK, ASK] }, /^tools: Tool names must be unique\.$/],
    ['a blank system prompt', { system: [{ type: 'text', text: ' ' }] }, /^system: text content blocks must/],
    ['a strict tool for code', { tools: [CODE, strict] }, /tools\.1\.strict/],
    ['a circular schema for code', { tools: [CODE, circular] }, /Circular \$ref detected/],
    [
      'no parallel calls with a tool for code',
      { tools: [CODE, ASK], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
      /disable_parallel_tool_use/,
    ],
    [
      'a forced tool that only code may call',
      { model: 'claude-opus-4-6', tools: [CODE, ASK], tool_choice: { type: 'tool', name: 'ask' } },
      /'ask' does not allow direct calls/,
    ],
    [
      'a forced tool, with newer models',
      { tools: [CODE], tool_choice: { type: 'any' } },
      /not supported by claude-opus-5-5/,
    ],
  ])('are refused: %s', async (_, body, message) => {
    expect(await start().post(body)).toEqual(badRequest(message));
  });

  it('skills are resolved and named in the response', async () => {
    const { client } = start();
    const skills = [{ type: 'anthropic' as const, skill_id: 'pptx' }];
    const { container } = await client.messages.create({ ...params, tools: [CODE], container: { skills } });
    expect(container?.skills).toEqual([{ type: 'anthropic', skill_id: 'pptx', version: '20251013' }]);
  });
});

describe('a history', () => {
  const use = (id: string) => ({ type: 'tool_use', id, name: 'ask', input: {} });
  const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'x' });
  const server = (id: string) => ({
    type: 'server_tool_use',
    id,
    name: 'bash_code_execution',
    input: { command: 'ls' },
  });
  const serverResult = (id: string, more = {}) => ({
    type: 'bash_code_execution_tool_result',
    tool_use_id: id,
    content: { type: 'bash_code_execution_result', stdout: '', stderr: '', return_code: 0, content: [] },
    ...more,
  });
  const assistant = (...content: object[]) => ({ role: 'assistant', content });
  const user = (...content: object[]) => ({ role: 'user', content });
  const text = (value: string) => ({ type: 'text', text: value });
  const system = { role: 'system', content: 'Be kind.' };

  it('may have system messages, also such that change settings only', async () => {
    const { post } = start();
    const settings = { role: 'system', content: [], output_config: { effort: 'low' } };
    const history = [
      assistant(use('toolu_1')),
      user(result('toolu_1')),
      system,
      assistant(text('x')),
      question,
    ];
    expect((await post({ messages: [question, system, ...history, settings] })).status).toBe(200);
  });

  it('may have empty pauses, which what follows fills', async () => {
    const { post } = start();
    expect((await post({ messages: [question, assistant(), assistant(text('x')), question] })).status).toBe(
      200,
    );
    const refused = badRequest(/^messages\.1: all messages must have non-empty content/);
    expect(await post({ messages: [question, assistant(), assistant(), question] })).toEqual(refused);
  });

  it('may have unknown blocks, with whatever they hold', async () => {
    const block = { type: 'hologram', depth: 3 };
    expect((await start().post({ messages: [user(block, text('x'))] })).status).toBe(200);
  });

  it.each([
    [
      'a call without a result',
      [question, assistant(use('toolu_1')), question],
      /^messages\.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1\. Each/,
    ],
    [
      'one of two results',
      [question, assistant(use('toolu_1'), use('toolu_2')), user(result('toolu_1'))],
      /^messages\.1: .*after: toolu_2\./,
    ],
    [
      'a result after other content',
      [question, assistant(use('toolu_1')), user(text('Well.'), result('toolu_1'))],
      /^messages\.1: .*after: toolu_1\./,
    ],
    [
      'a result without a call',
      [question, assistant({ type: 'text', text: 'x' }), user(result('toolu_1'))],
      /^messages\.2\.content\.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1\./,
    ],
    [
      'a server result without a call',
      [question, assistant(serverResult('srvtoolu_1')), question],
      /^messages\.1\.content\.0: unexpected `tool_use_id` found in `bash_code_execution_tool_result` blocks: srvtoolu_1/,
    ],
    [
      'a text while a server tool has no result',
      [question, assistant(server('srvtoolu_1')), question],
      /^messages\.1: `bash_code_execution` tool use with id `srvtoolu_1` was found without a corresponding/,
    ],
    [
      'an extra key on a result',
      [question, assistant(server('srvtoolu_1'), serverResult('srvtoolu_1', { citations: null })), question],
      /^messages\.1\.content\.1\.bash_code_execution_tool_result\.citations: Extra inputs are not permitted$/,
    ],
    ['no content', [{ role: 'user', content: [] }], /^messages\.0: all messages must have non-empty content/],
    ['an empty text', [{ role: 'user', content: '' }], /^messages\.0: all messages must have non-empty/],
    [
      'no content of the assistant',
      [question, assistant(), question],
      /^messages\.1: all messages must have non-empty content except for the optional final assistant message$/,
    ],
    ['an empty text block', [user(text(''))], /^messages: text content blocks must be non-empty$/],
    [
      'a blank text block',
      [question, assistant(text('\n\n')), question],
      /^messages: text content blocks must contain non-whitespace text$/,
    ],
    [
      'a blank text',
      [{ role: 'user', content: ' ' }],
      /^messages: text content blocks must contain non-white/,
    ],
    [
      'what a helper adds to a text',
      [question, assistant({ ...text('x'), parsed_output: null }), question],
      /^messages\.1\.content\.0\.text\.parsed_output: Extra inputs are not permitted$/,
    ],
    [
      'an id twice',
      [question, assistant(use('toolu_1'), use('toolu_1')), user(result('toolu_1'))],
      /^messages\.1\.content\.1: `tool_use` ids must be unique$/,
    ],
    [
      'an id of a server tool twice',
      [question, assistant(server('srvtoolu_1'), serverResult('srvtoolu_1'), server('srvtoolu_1')), question],
      /^messages\.1\.content\.2: `server_tool_use` ids must be unique$/,
    ],
    [
      'two results of a call',
      [question, assistant(use('toolu_1')), user(result('toolu_1'), result('toolu_1'))],
      /^messages\.2\.content\.1: each tool_use must have a single result\. Found multiple .* with id: toolu_1$/,
    ],
    [
      'a call of the user',
      [question, user(use('toolu_1'))],
      /^messages\.1: `tool_use` blocks can only be in `assistant` messages$/,
    ],
    [
      'a result of the assistant',
      [question, assistant(result('toolu_1')), question],
      /^messages\.1: `tool_result` blocks can only be in `user` messages$/,
    ],
    [
      'a call of code that is gone',
      [
        question,
        assistant({ ...use('toolu_1'), caller: { type: 'code_execution_20260120', tool_id: 'srvtoolu_9' } }),
        user(result('toolu_1')),
      ],
      /^source tool `srvtoolu_9` not found for tool use block `toolu_1`$/,
    ],
    [
      'a system message between a call and its result',
      [question, assistant(use('toolu_1')), system, user(result('toolu_1'))],
      /^messages\.2: `system` messages cannot stand between a tool call and its result: toolu_1$/,
    ],
    [
      'a system message while a server tool is open',
      [question, assistant(server('srvtoolu_1')), system],
      /^messages\.2: `system` messages cannot stand between .*: srvtoolu_1$/,
    ],
    ['words put into the mouth', [question, assistant({ type: 'text', text: 'Well' })], /prefill/],
  ])('is refused with %s', async (_, messages, message) => {
    const { post, emulator } = start();
    expect(await post({ messages, tools: [CODE] })).toEqual(badRequest(message));
    // Nothing was played.
    expect((await post({})).body).toMatchObject({ content: [{ text: 'a' }] });
    expect(emulator.containers).toEqual([]);
  });

  it('is refused when the tool of an open call is gone', async () => {
    const { post } = start();
    const messages = [question, assistant(server('srvtoolu_1'))];
    expect(await post({ messages })).toEqual(badRequest(/but no `code_execution` tool was provided$/));
    expect((await post({ messages, tools: [CODE] })).status).toBe(200);
  });

  it('may end with a response that paused, and with any on older models', async () => {
    const { client, post } = start();
    const { content } = await client.messages.create(params);
    expect((await post({ messages: [question, { role: 'assistant', content }] })).status).toBe(200);
    const messages = [question, assistant({ type: 'text', text: 'Well' })];
    expect((await post({ messages, model: 'claude-haiku-4-5-20251001' })).status).toBe(200);
  });
});

describe('while code waits for its tools', () => {
  async function waiting() {
    const { client, emulator } = start({ script: [python('await ask({})'), say('Done.')] });
    const first = await client.messages.create({ ...params, tools: [CODE, ASK] });
    const { id } = first.content[1] as { id: string };
    const reply = (more: object[] = [], result: object = {}) => ({
      ...params,
      tools: [CODE, ASK],
      container: first.container?.id ?? null,
      messages: [
        question,
        { role: 'assistant' as const, content: first.content },
        {
          role: 'user' as const,
          content: [{ type: 'tool_result', tool_use_id: id, content: 'yes', ...result }, ...more] as never,
        },
      ],
    });
    return { client, emulator, reply };
  }

  it('its container is mandatory', async () => {
    const { client, reply } = await waiting();
    await expect(client.messages.create({ ...reply(), container: null })).rejects.toMatchObject({
      status: 400,
      apiMessage:
        'container_id is required when there are pending tool uses generated by code execution with tools.',
    });
    await expect(client.messages.create(reply())).resolves.toMatchObject({ stop_reason: 'end_turn' });
  });

  it.each([
    [
      'a text beside the results',
      [{ type: 'text', text: 'Hurry.' }],
      {},
      /nothing but `tool_result` blocks of the user may follow, found `text`/,
    ],
    ['an image as a result', [], { content: [{ type: 'image', source: {} }] }, /must be text, found `image`/],
  ])('%s is refused, and the results still come through', async (_, more, result, message) => {
    const { client, reply } = await waiting();
    await expect(client.messages.create(reply(more, result))).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(message),
    });
    const { content } = await client.messages.create(reply());
    expect(content).toMatchObject([{ content: { stdout: 'yes' } }, { text: 'Done.' }]);
  });

  it('the tool may not be removed', async () => {
    const { client, reply } = await waiting();
    const removed = client.messages.create({ ...reply(), tools: [ASK] });
    await expect(removed).rejects.toMatchObject({
      message: expect.stringContaining('but no `code_execution` tool was provided'),
    });
  });
});

describe('time', () => {
  it('ends containers: with uploads as users report it, without them with a guess', async () => {
    let time = Date.parse('2026-11-22T10:00:00Z');
    const { client } = start({ script: [python('1'), pause(), say('x')], now: () => new Date(time) });
    const file = await client.files.upload({ file: new File(['x'], 'a.csv') });
    const { container } = await client.messages.create({ ...params, tools: [CODE] });
    const later = { ...params, tools: [CODE], container: container?.id ?? null };
    const upload = { type: 'container_upload' as const, file_id: file.id };
    time += 3_600_001;
    await expect(
      client.messages.create({ ...later, messages: [{ role: 'user', content: [upload] }] }),
    ).rejects.toMatchObject({ status: 500, type: 'api_error', apiMessage: 'Internal server error' });
    await expect(client.messages.create(later)).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining(String(container?.id)),
    });
  });

  it('ends files, whose metadata stays', async () => {
    let time = Date.parse('2026-11-22T10:00:00Z');
    const { client } = start({ now: () => new Date(time) });
    const file = await client.files.upload({ file: new File(['x'], 'a.csv'), expires_in_seconds: 3600 });
    expect(file.expires_at).toBe('2026-11-22T11:00:00.000Z');
    time += 3_600_000;
    expect((await client.files.retrieveMetadata(file.id)).expires_at).toBe(file.expires_at);
    expect((await client.files.list()).data).toHaveLength(1);
    const upload = { type: 'container_upload' as const, file_id: file.id };
    const used = client.messages.create({
      ...params,
      tools: [CODE],
      messages: [{ role: 'user', content: [upload] }],
    });
    await expect(used).rejects.toMatchObject({ status: 404, errorCode: 'file_expired' });
  });
});

describe('files', () => {
  it.each([3599, 7_776_001, 3600.5])('do not live for %s seconds', async (seconds) => {
    const upload = start().client.files.upload({
      file: new File(['x'], 'a.csv'),
      expires_in_seconds: seconds,
    });
    await expect(upload).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('expires_in_seconds'),
    });
  });

  it.each(['a?.csv', 'a:b', `${'x'.repeat(256)}`, 'tab\t.csv'])('are not called %j', async (name) => {
    await expect(start().client.files.upload({ file: new File(['x'], name) })).rejects.toMatchObject({
      status: 400,
    });
  });

  it('are listed with ids or with pages, never with both, and in the old shape for the old header', async () => {
    const { client } = start();
    for (const name of ['a', 'b', 'c']) await client.files.upload({ file: new File([name], name) });
    const headers = { 'anthropic-beta': 'files-api-2025-04-14' };
    const get = (query: string, options = {}) =>
      client.get<Record<string, unknown>>(`/v1/files${query}`, options);
    await expect(get('?ids[]=file_1&limit=2')).rejects.toMatchObject({ status: 400 });
    await expect(get('?before_id=file_1')).rejects.toMatchObject({ status: 400 });
    await expect(get('?page=nonsense')).rejects.toMatchObject({ status: 400 });
    await expect(get('?limit=1001')).rejects.toMatchObject({ status: 400 });
    const old = await get('?limit=2', { headers });
    expect(Object.keys(old)).toEqual(['data', 'has_more', 'first_id', 'last_id']);
    const [first] = old['data'] as object[];
    expect(first).not.toHaveProperty('expires_at');
    const rest = await get(`?after_id=${old['last_id']}`, { headers });
    expect(rest).toMatchObject({ data: [{ filename: 'a' }], has_more: false });
    const before = await get(`?before_id=${rest['last_id']}&limit=1`, { headers });
    expect(before).toMatchObject({ data: [{ filename: 'b' }], has_more: true });
  });

  it('are limited in number a minute, when asked for', async () => {
    let time = 0;
    const { client } = start({ filesRateLimit: { requests: 2 }, now: () => new Date(time) });
    await client.files.list();
    time += 20_000;
    await client.files.list();
    const refused = await client.files.list().catch((error) => error);
    expect(refused).toBeInstanceOf(Anthropic.RateLimitError);
    expect(refused.headers.get('retry-after')).toBe('40');
    await client.messages.create(params);
    time += 40_000;
    await client.files.list();
  });

  it('that a message names in a document must exist', async () => {
    const document = { type: 'document' as const, source: { type: 'file' as const, file_id: 'file_nope' } };
    const asked = start().client.messages.create({
      ...params,
      messages: [{ role: 'user', content: [document as never] }],
    });
    await expect(asked).rejects.toMatchObject({ status: 404, message: expect.stringContaining('file_nope') });
  });
});
