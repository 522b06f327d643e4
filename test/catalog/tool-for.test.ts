import Anthropic from '@anthropic-ai/sdk';
import { runTurn } from 'code-execution-kit';
import { toolFor } from 'code-execution-kit/catalog';
import { bash, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { answering } from '../support/recording.ts';
import { params, thrownBy, world } from '../support/world.ts';

const now = () => new Date('2026-11-26T12:00:00Z');
const codesOf = ({ notices }: { readonly notices: readonly { readonly code: string }[] }) =>
  notices.map(({ code }) => code);

/** A client whose Models endpoint answers so. */
const clientAnswering = (answer: unknown, status = 200) =>
  new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: answering(Response.json(answer, { status })) });
const supporting = (code: boolean, calls = true, more: object = {}) => ({
  type: 'model',
  id: 'claude-opus-5-5',
  lifecycle: 'active',
  deprecated_at: null,
  retires_at: null,
  capabilities: {
    code_execution: { supported: calls },
    server_tools: { supported: true, code_execution: { supported: code }, web_search: { supported: true } },
  },
  ...more,
});

describe('with a client', () => {
  it('asks the Models endpoint once, and gives a tool that a turn takes', async () => {
    const { client, emulator } = world([bash('echo 1'), say('Done.')]);
    const choice = await toolFor(client, params.model, { now });
    expect(choice).toEqual({
      tool: { type: 'code_execution_20260120', name: 'code_execution' },
      source: 'api',
      asOf: '2026-11-26T12:00:00.000Z',
      reference: expect.stringMatching(/^https:/),
      notices: [],
    });
    expect(emulator.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/models/claude-opus-5-5',
    ]);
    const turn = await runTurn(client, { ...params, tools: [choice.tool] });
    expect(turn.executions.length).toBe(1);
  });

  it('takes an alias and a dated id for the same model', async () => {
    const { client } = world([say('x')]);
    for (const id of ['claude-haiku-4-5', 'claude-haiku-4-5-20251001']) {
      const { tool, source, notices } = await toolFor(client, id, { now });
      expect([tool.type, source, notices]).toEqual(['code_execution_20250825', 'api', []]);
    }
  });

  it('knows by its answer which model an alias stands for', async () => {
    const answer = supporting(true, true, { id: 'claude-haiku-4-5-20251001' });
    const { tool, notices } = await toolFor(clientAnswering(answer), 'claude-haiku-latest', { now });
    expect([tool.type, notices]).toEqual(['code_execution_20250825', []]);
  });

  it('refuses a model that does not run code, or is retired, with an error', async () => {
    for (const [answer, text] of [
      [supporting(false), 'the Models endpoint says that it does not run code'],
      [supporting(true, true, { lifecycle: 'retired' }), 'the API lists it as retired'],
    ] as const) {
      const error = await thrownBy(toolFor(clientAnswering(answer), 'claude-opus-5-5', { now }));
      expect([error.name, error.message]).toEqual(['InvalidInputError', expect.stringContaining(text)]);
    }
  });

  it('chooses for a model that the table does not know by what its code may do, with a notice', async () => {
    const answers = [true, false].map((calls) => supporting(true, calls, { id: 'claude-opus-9' }));
    const choices = await Promise.all(
      answers.map((one) => toolFor(clientAnswering(one), 'claude-opus-9', { now })),
    );
    expect(choices.map(({ tool }) => tool.type)).toEqual([
      'code_execution_20260120',
      'code_execution_20250825',
    ]);
    expect(choices.map(codesOf)).toEqual([['model-unknown'], ['model-unknown']]);
    expect(choices[0]).toMatchObject({ source: 'api', reference: null });
  });

  it('says when a model ends, and that it is deprecated', async () => {
    const deprecated = (retires_at: string | null) =>
      supporting(true, true, { lifecycle: 'deprecated', retires_at });
    const of = async (retires: string | null) =>
      codesOf(await toolFor(clientAnswering(deprecated(retires)), 'claude-opus-5-5', { now }));
    expect(await of('2027-01-22T00:00:00Z')).toEqual(['model-deprecated', 'model-ends']);
    expect(await of('2027-11-22T00:00:00Z')).toEqual(['model-deprecated']);
    expect(await of(null)).toEqual(['model-deprecated']);
    // Overdue, and still there: the API knows better than dates.
    expect(await of('2026-01-01T00:00:00Z')).toEqual(['model-deprecated', 'model-ends']);
  });

  it.each([429, 500, 503, 529])('falls back to the table when the endpoint answers %s', async (status) => {
    const direct = clientAnswering(
      { type: 'error', error: { type: 'api_error', message: 'Later.' } },
      status,
    );
    const choice = await toolFor(direct, params.model, { now });
    expect([choice.tool.type, choice.source, codesOf(choice)]).toEqual([
      'code_execution_20260120',
      'table',
      ['models-unavailable'],
    ]);
  });

  it('falls back where no connection is made, and where a gateway has no such endpoint', async () => {
    const refuse = () => Promise.reject(new TypeError('fetch failed'));
    const offline = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: refuse });
    expect(codesOf(await toolFor(offline, params.model, { now }))).toEqual(['models-unavailable']);
    const gateway = () => clientAnswering({ detail: 'Not Found' }, 404);
    expect(codesOf(await toolFor(gateway(), params.model, { now }))).toEqual(['models-unavailable']);
    expect((await thrownBy(toolFor(gateway(), 'claude-opus-9', { now }))).status).toBe(404);
  });

  it.each([
    [{}],
    [null],
    [[]],
    ['x'],
    [{ capabilities: null }],
    [{ capabilities: { server_tools: null } }],
    [{ capabilities: { server_tools: { code_execution: { supported: 'yes' } } } }],
    [{ lifecycle: 3, retires_at: {}, id: 7 }],
  ])('falls back where the answer does not say: %#', async (answer) => {
    const choice = await toolFor(clientAnswering(answer), params.model, { now });
    expect([choice.source, codesOf(choice)]).toEqual(['table', ['models-unavailable']]);
  });

  it.each([400, 401, 403])('lets a %s pass, since no table cures it', async (status) => {
    const error = await thrownBy(
      toolFor(clientAnswering({ error: { message: 'no' } }, status), params.model),
    );
    expect(error.status).toBe(status);
  });

  it('lets an abort pass, and follows no redirect', async () => {
    const { client } = world([say('x')]);
    const request = { signal: AbortSignal.abort() };
    expect((await thrownBy(toolFor(client, params.model, { request }))).name).not.toBe('InvalidInputError');
    const moved = new Response(null, { status: 307, headers: { location: 'https://example.com/' } });
    const redirecting = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: answering(moved) });
    expect((await thrownBy(toolFor(redirecting, params.model))).code).toBe('redirected');
  });
});

describe('with null', () => {
  it('answers from the table, with its date and source', async () => {
    expect(await toolFor(null, 'claude-sonnet-5', { now })).toMatchObject({
      tool: { type: 'code_execution_20260120' },
      source: 'table',
      asOf: '2026-09-23',
      reference: 'https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool',
      notices: [],
    });
  });

  it.each([
    ['claude-fable-5-2', ['version-unverified']],
    ['claude-opus-9', ['model-unknown']],
    ['constructor', ['model-unknown']],
    ['gpt-5', ['model-unknown']],
    ['claude-opus-4-5-20251101', ['model-deprecated', 'model-ends']],
    ['claude-sonnet-4-5', ['model-deprecated', 'model-ends']],
    ['anthropic.claude-opus-5-5', ['other-cloud']],
    ['claude-haiku-4-5@20251001', ['other-cloud']],
    ['anthropic/claude-opus-5.5', []],
  ])('says what there is to know of %s', async (model, codes) => {
    expect(codesOf(await toolFor(null, model, { now }))).toEqual(codes);
  });

  it('names the day on which a model ends, and refuses it from then on', async () => {
    const at = (day: string) => toolFor(null, 'claude-sonnet-4-5-20250929', { now: () => new Date(day) });
    expect((await at('2026-11-26T00:00:00Z')).notices[1]?.message).toBe(
      '"claude-sonnet-4-5-20250929" ends in 4 days, on 2026-11-30.',
    );
    expect(codesOf(await at('2026-08-01T00:00:00Z'))).toEqual(['model-deprecated']);
    const error = await thrownBy(at('2026-11-30T00:00:00Z'));
    expect([error.name, error.message]).toEqual([
      'InvalidInputError',
      expect.stringContaining('it ended on 2026-11-30'),
    ]);
    expect(error.message).toContain('Use another model, such as claude-opus-5-5');
    expect((await thrownBy(toolFor(null, 'claude-opus-4-1', { now }))).message).toContain(
      'it ended on 2026-08-05',
    );
  });

  it('checks a version that you mean to use', async () => {
    const of = (
      model: string,
      version: 'code_execution_20250522' | 'code_execution_20260521',
      day = '2026-11-26',
    ) => toolFor(null, model, { version, now: () => new Date(day) });
    expect(await of('claude-opus-5', 'code_execution_20260521')).toMatchObject({
      tool: { type: 'code_execution_20260521' },
      notices: [],
    });
    expect(codesOf(await of('claude-opus-5', 'code_execution_20250522'))).toEqual(['version-unverified']);
    const wrong = await thrownBy(of('claude-opus-4-1', 'code_execution_20260521', '2026-04-01'));
    expect(wrong.message).toContain(
      'does not take code_execution_20260521, but code_execution_20250825 alone',
    );
    expect((await thrownBy(of('claude-opus-5', 'code_execution_1' as never))).message).toContain(
      'must be one of',
    );
  });
});

it.each([
  [undefined, 'claude-opus-5', {}, 'needs a client with the Models API'],
  [{}, 'claude-opus-5', {}, 'or null, got an object with no keys. With null'],
  [null, '', {}, 'must be the id of a model, got ""'],
  [null, 7, {}, 'must be the id of a model, got 7'],
  [null, 'claude-opus-5', null, 'options must be an object'],
  [null, 'claude-opus-5', { now: 3 }, 'options.now must be a function'],
  [
    null,
    'claude-opus-5',
    { now: () => new Date(Number.NaN) },
    'options.now must be a function that gives a Date',
  ],
  [null, 'claude-opus-5', { request: 'x' }, 'options.request must be'],
])('refuses bad input with the cure: %#', async (client, model, options, text) => {
  const error = await thrownBy(toolFor(client as never, model as never, options as never));
  expect([error.name, error.message]).toEqual(['InvalidInputError', expect.stringContaining(text)]);
});

it('refuses clients of clouds without code execution', async () => {
  class AnthropicBedrock {
    readonly baseURL = 'https://bedrock.example';
    readonly models = { retrieve: () => Promise.reject(new Error('asked')) };
  }
  const error = await thrownBy(toolFor(new AnthropicBedrock(), 'claude-opus-5'));
  expect(error.message).toContain('AnthropicBedrock has no code execution tool');
});
