import type { MessageCreateParamsNonStreaming, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { createSession } from 'code-execution-kit';
import { say, stop } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { thrownBy, world } from '../support/world.ts';

const mark = { type: 'ephemeral' } as const;
const hour = { type: 'ephemeral', ttl: '1h' } as const;
const text = (value: string, more: object = {}) => ({ type: 'text' as const, text: value, ...more });
const user = (...content: ReturnType<typeof text>[]): MessageParam => ({ role: 'user', content });
const params = { model: 'claude-opus-5-5', max_tokens: 100 };
const LONG = 'Many words. '.repeat(100);

function start() {
  let time = Date.parse('2026-11-26T10:00:00Z');
  const script = () => [say('Yes.')];
  const { client, emulator } = world(script, { now: () => new Date(time) });
  const ask = async (body: Partial<MessageCreateParamsNonStreaming>) => {
    const { usage } = await client.messages.create({ ...params, messages: [user(text('Go.'))], ...body });
    const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens, cache_creation } = usage;
    return {
      input: input_tokens,
      written: cache_creation_input_tokens,
      read: cache_read_input_tokens,
      short: cache_creation?.ephemeral_5m_input_tokens,
      long: cache_creation?.ephemeral_1h_input_tokens,
    };
  };
  const later = (minutes: number) => {
    time += minutes * 60_000;
  };
  return { client, emulator, ask, later };
}

it('the second turn of a session reads what the first one wrote, with one line of params', async () => {
  const { client } = world([say('One.'), stop(), say('Two.')]);
  const session = createSession(client, { ...params, system: LONG, cache_control: mark });
  const first = (await session.run('First.')).usage;
  const second = (await session.run('Second.')).usage;
  expect(first).toMatchObject({ cache_read_input_tokens: 0 });
  expect(first.cache_creation_input_tokens).toBeGreaterThan(300);
  expect(second.cache_read_input_tokens).toBe(first.cache_creation_input_tokens);
  expect(second.cache_creation_input_tokens).toBeGreaterThan(0);
});

describe('a prefix', () => {
  it('is counted once: as input, as written or as read, also in a stream', async () => {
    const { client, ask } = start();
    const system = [text(LONG)];
    const plain = await ask({ system });
    expect(plain).toMatchObject({ written: 0, read: 0 });
    const marked = [text(LONG, { cache_control: mark })];
    const written = await ask({ system: marked });
    expect(written).toMatchObject({ read: 0, short: written.written, long: 0 });
    const read = await ask({ system: marked });
    expect(read).toEqual({ ...written, written: 0, short: 0, read: written.written });
    const stream = client.messages.stream({ ...params, system: marked, messages: [user(text('Go.'))] });
    const { usage } = await stream.finalMessage();
    expect(usage).toMatchObject({ cache_creation_input_tokens: 0, cache_read_input_tokens: read.read });
  });

  it.each<[string, Partial<MessageCreateParamsNonStreaming>]>([
    ['another model', { model: 'claude-sonnet-5-5' }],
    ['other tools', { tools: [{ name: 'ask', input_schema: { type: 'object' } }] }],
    ['another system prompt', { system: 'Be brief.' }],
    ['another tool choice', { tool_choice: { type: 'none' } }],
    [
      'an edited text',
      { messages: [user(text('Gone.')), { role: 'assistant', content: 'Yes.' }, user(text('x'))] },
    ],
  ])('is another one with %s', async (_, change) => {
    const { ask } = start();
    const messages = [user(text(LONG)), { role: 'assistant' as const, content: 'Yes.' }, user(text('On.'))];
    const body = { messages, cache_control: mark };
    expect((await ask(body)).written).toBeGreaterThan(300);
    expect((await ask({ ...body, ...change })).read).toBe(0);
    expect((await ask(body)).written).toBe(0);
  });

  it('of the system stays when the tool choice changes, and no mark is part of it', async () => {
    const { ask } = start();
    const system = [text(LONG, { cache_control: mark })];
    const { written } = await ask({ system });
    expect((await ask({ system, tool_choice: { type: 'none' } })).read).toBe(written);
    const moved = await ask({ system: LONG, cache_control: mark });
    expect(moved.read).toBe(written);
  });

  it.each([
    ['five minutes', mark, 5, 'short'],
    ['an hour', hour, 60, 'long'],
  ] as const)('lives %s after its last use', async (_, cache_control, minutes, kind) => {
    const { ask, later } = start();
    const body = { system: [text(LONG, { cache_control })] };
    const { written, ...first } = await ask(body);
    expect(first[kind]).toBe(written);
    later(minutes - 1);
    expect((await ask(body)).read).toBe(written);
    later(minutes - 1);
    expect((await ask(body)).read).toBe(written);
    later(minutes);
    expect(await ask(body)).toMatchObject({ read: 0, written });
  });

  it('of two lifetimes is written for each', async () => {
    const { ask, later } = start();
    const body = {
      system: [text(LONG, { cache_control: hour })],
      messages: [user(text(LONG, { cache_control: mark }))],
    };
    const first = await ask(body);
    expect(first).toMatchObject({ short: expect.any(Number), long: expect.any(Number) });
    expect(first.short).toBeGreaterThan(200);
    expect(first.long).toBeGreaterThan(200);
    later(6);
    expect(await ask(body)).toMatchObject({ read: first.long, short: first.short, long: 0 });
  });

  it('is found from a mark over twenty blocks, not more', async () => {
    const more = (count: number) => Array.from({ length: count }, (_, index) => text(`Block ${index}.`));
    const read = async (count: number) => {
      const { ask } = start();
      await ask({ messages: [user(text(LONG, { cache_control: mark }))] });
      return (await ask({ messages: [user(text(LONG), ...more(count))], cache_control: mark })).read;
    };
    expect(await read(19)).toBeGreaterThan(200);
    expect(await read(20)).toBe(0);
  });

  it('is written by a request for no tokens, and forgotten by a reset', async () => {
    const { ask, emulator } = start();
    const system = [text(LONG, { cache_control: mark })];
    const { written } = await ask({ system, max_tokens: 0 });
    expect(written).toBeGreaterThan(200);
    expect((await ask({ system })).read).toBe(written);
    emulator.reset();
    expect((await ask({ system })).read).toBe(0);
  });
});

describe('marks are refused', () => {
  it.each<[string, Partial<MessageCreateParamsNonStreaming>, string | RegExp]>([
    [
      'a fifth one',
      {
        system: [text('a', { cache_control: mark }), text('b', { cache_control: mark })],
        messages: [user(text('c', { cache_control: mark }), text('d', { cache_control: mark }), text('e'))],
        cache_control: mark,
      },
      'A maximum of 4 blocks with cache_control may be provided. Found 5.',
    ],
    [
      'an hour after five minutes',
      {
        system: [text('a', { cache_control: mark })],
        messages: [user(text('b', { cache_control: hour }))],
      },
      /a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block/,
    ],
    [
      'on an empty text',
      { messages: [user(text('', { cache_control: mark }))] },
      'messages.0.content.0.text: cache_control cannot be set for empty text blocks',
    ],
    [
      'on thinking',
      {
        messages: [
          user(text('a')),
          {
            role: 'assistant',
            content: [{ type: 'thinking', thinking: 'x', signature: 'y', cache_control: mark } as never],
          },
          user(text('b')),
        ],
      },
      'messages.1.content.0.thinking.cache_control: Extra inputs are not permitted',
    ],
  ])('%s', async (_, body, message) => {
    const { apiMessage, status } = await thrownBy(start().ask(body));
    expect(status).toBe(400);
    expect(apiMessage).toMatch(message);
  });
});
