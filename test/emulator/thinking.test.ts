import type Anthropic from '@anthropic-ai/sdk';
import { callTool, createEmulator, pause, say, stop, think } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { API_HEADERS } from '../support/headers.ts';
import { thrownBy, world } from '../support/world.ts';

type Block = { readonly type: string; readonly [key: string]: unknown };
interface Message {
  readonly role: string;
  readonly content: string | readonly Block[];
}
type Options = NonNullable<Parameters<typeof createEmulator>[0]>;

const CONTROLS = { 'anthropic-beta': 'thinking-binding-controls-2026-08-01' };
const user = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });
const tool = { name: 'ask', input_schema: { type: 'object' } };
const base = { model: 'claude-opus-5-5', max_tokens: 100, system: 'Be brief.', tools: [tool] };

/** A conversation of four turns, each with a thought. */
const TURNS = ['a', 'b', 'c', 'd', 'e'].flatMap((text) => [think(`Thinks ${text}.`), say(text), stop()]);

function start(options: Options = {}) {
  const emulator = createEmulator({ script: TURNS, ...options });
  const post = async (body: object, headers: Record<string, string> = {}) => {
    const reply = await emulator.fetch('http://localhost/v1/messages', {
      method: 'POST',
      headers: { ...API_HEADERS, ...headers },
      body: JSON.stringify({ ...base, ...body }),
    });
    return { status: reply.status, body: await reply.json() };
  };
  return { emulator, post };
}

/** The history of so many turns, and the next question. */
async function talk(turns: number, options: Options = {}) {
  const { post } = start(options);
  const messages: Message[] = [user('Question 0.')];
  for (let turn = 1; turn <= turns; turn++) {
    const { body } = await post({ messages });
    messages.push({ role: 'assistant', content: body.content }, user(`Question ${turn}.`));
  }
  return { post, messages };
}

/** Without the thinking of the assistant messages with these numbers. */
const without = (messages: readonly Message[], ...turns: readonly number[]) =>
  messages.map((message, index) =>
    turns.includes(index) && typeof message.content !== 'string'
      ? { ...message, content: message.content.filter(({ type }) => type !== 'thinking') }
      : message,
  );

const refused = (message: string | RegExp) => ({
  status: 400,
  body: expect.objectContaining({
    error: { type: 'invalid_request_error', message: expect.stringMatching(message) },
  }),
});

describe('a changed prefix', () => {
  it('is refused in the recorded words', async () => {
    const { post, messages } = await talk(1);
    const thinking = { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'error' } };
    const { status, body } = await post({ messages, system: 'Be long.', thinking }, CONTROLS);
    expect(status).toBe(400);
    expect(body.error.message).toBe(
      'messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation. ' +
        'Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block". ' +
        'The `system` prompt differs from the one this block was created with.',
    );
    // Without the header the setting cannot be had, and the message says so.
    expect((await post({ messages, system: 'Be long.' })).body.error.message).toContain(
      '"drop_block". That setting requires the `thinking-binding-controls-2026-08-01` value in the `anthropic-beta` header. The `system`',
    );
  });

  const swapped = { input_schema: { type: 'object' }, name: 'ask' };
  it.each<[string, (messages: Message[]) => object, RegExp]>([
    ['no system prompt', () => ({ system: undefined }), /content\.0.*The `system` prompt differs/],
    ['another tool', () => ({ tools: [tool, { ...tool, name: 'tell' }] }), /The `tools` list differs/],
    ['no tools', () => ({ tools: [] }), /The `tools` list differs/],
    ['other keys of a tool', () => ({ tools: [swapped] }), /The `tools` list differs/],
    [
      'skills',
      () => ({
        tools: [tool, { type: 'code_execution_20260120', name: 'code_execution' }],
        container: { skills: [{ type: 'anthropic', skill_id: 'pptx' }] },
      }),
      /The `tools` list differs/,
    ],
    [
      'an edited question',
      ([, ...more]) => ({ messages: [user('Another.'), ...more] }),
      /^messages\.1\.content\.0.*`messages\.0` differs/,
    ],
    [
      'a question with one space more',
      ([, ...more]) => ({ messages: [user('Question 0. '), ...more] }),
      /`messages\.0` differs/,
    ],
    [
      'an edited answer',
      ([one, answer, ...more]) => ({
        messages: [
          one,
          { ...answer, content: [(answer as Message).content[0], { type: 'text', text: 'A' }] },
          ...more,
        ],
      }),
      /^messages\.3\.content\.0.*`messages\.1` differs/,
    ],
    [
      'a message before all',
      (messages) => ({ messages: [user('First.'), ...messages] }),
      /^messages\.2.*`messages\.0` differs/,
    ],
    [
      'a turn that is gone',
      (messages) => ({ messages: messages.slice(2) }),
      /^messages\.1.*`messages\.0` differs/,
    ],
    [
      'a system message within',
      ([one, ...more]) => ({ messages: [one, { role: 'system', content: 'Be kind.' }, ...more] }),
      /^messages\.2.*`messages\.1` differs/,
    ],
  ])('is refused: %s', async (_, change, message) => {
    const { post, messages } = await talk(3);
    expect(await post({ messages, ...change(messages) })).toEqual(refused(message));
    expect((await post({ messages })).status).toBe(200);
  });

  it('of skills is one of the system prompt', async () => {
    const code = { type: 'code_execution_20260120', name: 'code_execution' };
    const skills = (id: string) => ({ skills: [{ type: 'anthropic', skill_id: id }] });
    const { post } = start();
    const asked = { tools: [code], messages: [user('Go.')] };
    const { body } = await post({ ...asked, container: skills('pptx') });
    const messages = [...asked.messages, { role: 'assistant', content: body.content }, user('On.')];
    const next = { tools: [code], messages };
    expect(await post({ ...next, container: skills('xlsx') })).toEqual(refused(/`container\.skills` list/));
    expect(await post(next)).toEqual(refused(/`container\.skills` list/));
    expect((await post({ ...next, container: skills('pptx') })).status).toBe(200);
  });

  it('is none: marks of the cache, deferred tools, choices, appended messages, the form of a text', async () => {
    const { post, messages } = await talk(2);
    const [first, ...more] = messages as [Message, ...Message[]];
    const mark = { type: 'ephemeral' };
    const marked = { ...first, content: [{ ...(first.content[0] as Block), cache_control: mark }] };
    const reply = await post({
      system: [{ type: 'text', text: base.system, cache_control: mark }],
      tools: [
        { ...tool, cache_control: mark },
        { ...tool, name: 'late', defer_loading: true },
      ],
      tool_choice: { type: 'none' },
      output_config: { effort: 'low' },
      max_tokens: 7,
      metadata: { user_id: 'u' },
      cache_control: mark,
      messages: [marked, ...more, { role: 'system', content: 'Be kind.' }],
    });
    expect(reply.status).toBe(200);
    const plain = { ...first, content: 'Question 0.' };
    expect((await post({ messages: [plain, ...more] })).status).toBe(200);
  });

  it('is found by another emulator, and by the same after a reset', async () => {
    const { messages } = await talk(2);
    const { emulator, post } = start();
    expect((await post({ messages })).status).toBe(200);
    emulator.reset();
    expect((await post({ messages })).status).toBe(200);
    expect(await post({ messages, system: 'Other.' })).toEqual(refused(/The `system` prompt/));
  });

  it('is no matter for models that do not bind their thinking', async () => {
    const { post } = start();
    const asked = { model: 'claude-opus-4-8', messages: [user('Go.')] };
    const { body } = await post(asked);
    const messages = [...asked.messages, { role: 'assistant', content: body.content }, user('On.')];
    expect((await post({ ...asked, messages, system: 'Other.' })).status).toBe(200);
  });
});

describe('thinking may be removed', () => {
  it.each<[string, readonly number[]]>([
    ['nowhere', []],
    ['from the front', [1]],
    ['more of the front', [1, 3]],
    ['from the end', [7]],
    ['from both ends', [1, 7]],
    ['altogether', [1, 3, 5, 7]],
  ])('%s', async (_, turns) => {
    const { post, messages } = await talk(4);
    expect((await post({ messages: without(messages, ...turns) })).status).toBe(200);
  });

  it.each<[string, readonly number[], RegExp]>([
    ['the middle', [3], /^messages\.5\.content\.0: .*thinking block is missing or out of order/],
    ['the middle, also behind a front', [1, 5], /^messages\.7\.content\.0: .*missing or out of order/],
  ])('but not from %s', async (_, turns, message) => {
    const { post, messages } = await talk(4);
    expect(await post({ messages: without(messages, ...turns) })).toEqual(refused(message));
  });

  it.each<[string, readonly number[], RegExp]>([
    ['from the front', [1], /^messages\.7/],
    ['from the end', [5], /^messages\.7/],
    ['altogether', [1, 3, 5], /^messages\.7/],
  ])('and not be put back once it was gone %s', async (_, turns, message) => {
    const { post, messages } = await talk(3);
    const { body } = await post({ messages: without(messages, ...turns) });
    const next = [...messages, { role: 'assistant', content: body.content }, user('On.')];
    expect(await post({ messages: next })).toEqual(refused(message));
    expect((await post({ messages: without(next, ...turns) })).status).toBe(200);
  });

  it('with the whole message where it holds nothing else', async () => {
    const { post } = start({ script: [think('Alone.'), pause(), say('a'), stop(), think('b'), say('b')] });
    const first = await post({ messages: [user('Go.')] });
    const thought = { role: 'assistant', content: first.body.content };
    const second = await post({ messages: [user('Go.'), thought] });
    const answer = { role: 'assistant', content: second.body.content };
    const third = await post({ messages: [user('Go.'), thought, answer, user('On.')] });
    const end = { role: 'assistant', content: third.body.content };
    const { post: other } = start();
    const rest = [answer, user('On.'), end, user('More.')];
    expect((await other({ messages: [user('Go.'), thought, ...rest] })).status).toBe(200);
    expect((await other({ messages: [user('Go.'), ...rest] })).status).toBe(200);
  });

  it('from a message of several, whose later blocks stand for the earlier ones', async () => {
    const { post } = start({
      script: [think('1'), say('a'), think('2'), say('b'), think('3'), callTool('ask')],
    });
    const { body } = await post({ messages: [user('Go.')] });
    const [one, a, two, b, three, use] = body.content;
    const result = { type: 'tool_result', tool_use_id: use.id, content: 'x' };
    const history = (...content: object[]) => ({
      messages: [user('Go.'), { role: 'assistant', content }, { role: 'user', content: [result] }],
    });
    const { post: other } = start();
    expect((await other(history(one, a, two, b, three, use))).status).toBe(200);
    expect((await other(history(a, two, b, three, use))).status).toBe(200);
    expect(await other(history(one, a, b, three, use))).toEqual(refused(/^messages\.1\.content\.3.*missing/));
    expect(await other(history(two, a, one, b, three, use))).toEqual(refused(/content\.2.*out of order/));
  });
});

describe('a signature', () => {
  const [edited, cut] = [/cannot be modified/, /Invalid `signature` in `thinking` block$/];
  it.each<[string, (block: Block) => object, RegExp]>([
    ['of another text', (block) => ({ ...block, thinking: 'Hm.' }), edited],
    ['that was cut', (block) => ({ ...block, signature: String(block['signature']).slice(0, -8) }), cut],
    ['that is empty', (block) => ({ ...block, signature: '' }), cut],
    ['that is absent', ({ signature: _, ...block }) => block, /thinking\.signature: Field required$/],
  ])('is refused: one %s', async (_, change, message) => {
    const { post, messages } = await talk(1);
    const [first, answer, last] = messages as [Message, { content: Block[] }, Message];
    const content = [change(answer.content[0] as Block), ...answer.content.slice(1)];
    expect(await post({ messages: [first, { role: 'assistant', content }, last] })).toEqual(refused(message));
  });

  it('of the real API passes', async () => {
    const { post, messages } = await talk(1);
    const thought = { type: 'thinking', thinking: 'Hm.', signature: 'EqQBCkgIBRABGAIqQL' };
    const answer = { role: 'assistant', content: [thought, { type: 'text', text: 'a' }] };
    expect((await post({ messages: [messages[0], answer, user('On.')] })).status).toBe(200);
  });

  it('comes as a delta after an empty text, also of thinking whose text is left out', async () => {
    const { client } = world([think('')]);
    const stream = await client.messages.create({
      model: 'claude-opus-5-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Go.' }],
      stream: true,
    });
    const deltas: Anthropic.RawContentBlockDelta[] = [];
    for await (const event of stream) if (event.type === 'content_block_delta') deltas.push(event.delta);
    expect(deltas).toEqual([
      { type: 'thinking_delta', thinking: '' },
      { type: 'signature_delta', signature: expect.stringMatching(/^[\w+/]{100,}=*$/) },
    ]);
  });
});

describe('what is dropped', () => {
  const dropped = (path: string, reason = 'prefix_binding_mismatch') => ({
    type: 'thinking_dropped',
    path,
    reason,
  });

  it('is listed for the header only, also when it is nothing', async () => {
    const { post, messages } = await talk(2, { prefixCheck: 'silent' });
    const same = await post({ messages }, CONTROLS);
    expect(same.body.input_transformations).toEqual([]);
    const changed = { messages, system: 'Other.' };
    const reply = await post(changed, CONTROLS);
    expect(reply.body.input_transformations).toEqual([
      dropped('messages.1.content.0'),
      dropped('messages.3.content.0'),
    ]);
    // What was thought after the change belongs to the new conversation.
    const next = [...messages, { role: 'assistant', content: reply.body.content }, user('On.')];
    const third = await post({ messages: next, system: 'Other.' }, CONTROLS);
    expect(third.body.input_transformations).toHaveLength(2);
    expect((await post({ ...changed })).body).not.toHaveProperty('input_transformations');
  });

  it('takes what was thought after it', async () => {
    const { post, messages } = await talk(4, { prefixCheck: 'silent' });
    const reply = await post({ messages: without(messages, 3) }, CONTROLS);
    expect(reply.body.input_transformations).toEqual([5, 7].map((at) => dropped(`messages.${at}.content.0`)));
  });

  it('stands in message_start of a stream', async () => {
    const { emulator, client } = world(TURNS, { prefixCheck: 'silent' });
    const messages = [{ role: 'user' as const, content: 'Go.' }];
    const first = await client.beta.messages.create({ ...params, messages });
    const stream = await client.beta.messages.create({
      ...params,
      system: 'Other.',
      betas: ['thinking-binding-controls-2026-08-01'],
      messages: [...messages, { role: 'assistant', content: first.content }, ...messages],
      stream: true,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events[0]).toMatchObject({
      message: { input_transformations: [dropped('messages.1.content.0')] },
    });
    expect(events.at(-2)).not.toHaveProperty('input_transformations');
    await emulator[Symbol.asyncDispose]();
  });

  it('is what another model thought, which is never refused', async () => {
    const { post, messages } = await talk(2);
    const reply = await post({ messages, model: 'claude-sonnet-5-5' }, CONTROLS);
    expect(reply.body.input_transformations).toEqual(
      [1, 3].map((at) => dropped(`messages.${at}.content.0`, 'model_binding_mismatch')),
    );
    // Back with the first model, what the second one thought is dropped, and nothing else.
    const next = [...messages, { role: 'assistant', content: reply.body.content }, user('On.')];
    const back = await post({ messages: next }, CONTROLS);
    expect(back.body.input_transformations).toEqual([
      dropped('messages.5.content.0', 'model_binding_mismatch'),
    ]);
  });

  const adaptive = (behavior: unknown) => ({
    thinking: { type: 'adaptive', block_binding: { prefix_mismatch_behavior: behavior } },
  });
  it.each<[Options['prefixCheck'], unknown, number]>([
    ['enforced', 'drop_block', 200],
    ['enforced', null, 400],
    ['silent', 'error', 400],
    ['silent', null, 200],
    ['off', 'error', 200],
    [undefined, undefined, 400],
  ])('with the option %s, a request that says %s gets %s', async (prefixCheck, behavior, status) => {
    const { post, messages } = await talk(1, { prefixCheck });
    const reply = await post({ messages, system: 'Other.', ...adaptive(behavior) }, CONTROLS);
    expect(reply.status).toBe(status);
  });

  it.each([
    ['without the header', adaptive('error'), {}, /^thinking\.adaptive\.block_binding: Extra inputs are not/],
    ['with another word', adaptive('drop'), CONTROLS, /Input should be 'error' or 'drop_block'/],
    [
      'without a kind of thinking',
      { thinking: { block_binding: {} } },
      CONTROLS,
      /^thinking\.type: Field required/,
    ],
  ])('is not to be asked for %s', async (_, body, headers, message) => {
    const { post } = start();
    expect(await post({ ...body, messages: [user('Go.')] }, headers)).toEqual(refused(message));
  });

  it('in a batch, instead of a failed item', async () => {
    const { client } = world(TURNS);
    const messages = [{ role: 'user' as const, content: 'Go.' }];
    const first = await client.messages.create({ ...params, messages });
    const history = [...messages, { role: 'assistant' as const, content: first.content }, ...messages];
    const changed = { ...params, system: 'Other.', messages: history as Anthropic.MessageParam[] };
    const batch = await client.messages.batches.create({ requests: [{ custom_id: 'a', params: changed }] });
    await client.messages.batches.retrieve(batch.id);
    const results = [];
    for await (const { result } of await client.messages.batches.results(batch.id)) results.push(result.type);
    expect(results).toEqual(['succeeded']);
    await expect(client.messages.create(changed)).rejects.toMatchObject({ status: 400 });
  });
});

it.each([{ prefixCheck: 'on' }, { models: [''] }, { models: 'all' }, { maxRequests: -1 }])(
  'an emulator with %j is not made',
  async (options) => {
    const [name] = Object.keys(options);
    expect(await thrownBy(() => createEmulator(options as never))).toMatchObject({
      name: 'InvalidInputError',
      message: expect.stringContaining(String(name)),
    });
  },
);

const params = { model: 'claude-opus-5-5', max_tokens: 100 };
