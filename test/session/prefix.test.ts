import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { createSession, resumeTurn, runTurn, type Session, userMessage } from 'code-execution-kit';
import { bash, cannedSandbox, say, stop, think } from 'code-execution-kit/emulator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, boundApi, type Part } from '../support/bound-api.ts';
import { params, thrownBy, viaJson, world } from '../support/world.ts';

const CASES = Number(process.env['PREFIX_CASES'] ?? 150);
const ask = { name: 'ask', input_schema: { type: 'object' as const } };
const withHandler = { ...ask, run: () => 'yes' };
const defaults = { model: params.model, max_tokens: 100, system: 'Be brief.', tools: [ask] };

const part = fc.constantFrom<Part>('think', 'think', 'say', 'blank', 'run', 'open', 'ask', 'code');
const reason = fc.constantFrom(
  'end_turn',
  'end_turn',
  'pause_turn',
  'tool_use',
  'max_tokens',
  'refusal',
  'tomorrow',
);
const answer: fc.Arbitrary<Answer> = fc.record({
  parts: fc.array(part, { maxLength: 6 }),
  stopReason: reason,
});
const step = fc.constantFrom(
  'run',
  'run',
  'handled',
  'stopped',
  'restart',
  'fork',
  'shorter',
  'discard',
  'mark',
);
const going = fc.constantFrom('handlers', 'results', 'interrupt', 'elsewhere');

/** Ends what is unfinished, in one of the ways there are. */
async function goOn(session: Session, client: never, way: string): Promise<void> {
  const { unfinished } = session;
  if (!unfinished) return;
  const calls = (unfinished.responses.at(-1)?.content ?? []).filter(({ type }) => type === 'tool_use');
  const toolResults = calls.map((call) => ({
    type: 'tool_result' as const,
    tool_use_id: (call as { id: string }).id,
    content: '',
  }));
  const how =
    way === 'interrupt'
      ? { interrupt: 'Stop that.' }
      : way === 'results' && unfinished.phase === 'awaiting-tools'
        ? { toolResults }
        : { tools: [withHandler] };
  if (way === 'elsewhere')
    await resumeTurn(client, viaJson(unfinished), { tools: [withHandler] as never }).turn();
  await session.resume({ ...how, rerun: true } as never).turn();
}

describe('what stands before thinking', () => {
  it(
    'is sent as it was when the thinking was made, whatever a session does',
    async () => {
      const cases = fc.tuple(
        fc.array(answer, { minLength: 1, maxLength: 12 }),
        fc.array(fc.tuple(step, going), { maxLength: 8 }),
      );
      const counts = { thinkingSent: 0 };
      const property = fc.asyncProperty(cases, async ([answers, steps]) => {
        const { client, bodies, faults } = boundApi(answers);
        let session: Session = createSession(client, defaults);
        // Limits and refusals are no faults here.
        const settled = (turn: Promise<unknown>) => turn.catch(() => undefined);
        for (const [what, way] of steps) {
          if (what === 'discard') session.discard();
          else if (session.unfinished) await settled(goOn(session, client as never, way));
          if (session.unfinished) session.discard();
          const restored = (options: object = {}) =>
            createSession(client, { ...defaults, ...options }, { snapshot: viaJson(session.toJSON()) });
          if (what === 'restart') session = restored();
          if (what === 'mark')
            session = restored({ system: [{ type: 'text', text: 'x' }] as never }) && restored();
          if (what === 'fork') session = session.fork();
          if (what === 'shorter')
            session = session.fork({ messages: session.messages.slice(-3), keepContainer: true });
          const tools = what === 'handled' ? { ...defaults, tools: [withHandler] } : defaults;
          if (what === 'handled')
            session = createSession(client, tools as never, { snapshot: viaJson(session.toJSON()) });
          await settled(
            session.run(`Question ${bodies.length}.`, what === 'stopped' ? { stopWhen: () => true } : {}),
          );
        }
        expect(faults).toEqual([]);
        counts.thinkingSent += JSON.stringify(bodies).split('"signature"').length - 1;
      });
      await fc.assert(property, { numRuns: CASES });
      expect(counts.thinkingSent).toBeGreaterThan(CASES);
    },
    60_000 + CASES * 100,
  );
});

describe('another prefix than the conversation was held under', () => {
  const thinking: Answer = { parts: ['think', 'say'], stopReason: 'end_turn' };
  const said: Answer = { parts: ['say'], stopReason: 'end_turn' };
  const other = { ...defaults, system: 'Be brief. Today is Friday.' };

  /** A session of one turn, stored. */
  async function stored(answers: readonly Answer[], given: object = defaults) {
    const api = boundApi(answers);
    const session = createSession(api.client, given as typeof defaults);
    await session.run('First.');
    return { ...api, snapshot: viaJson(session.toJSON()) };
  }

  it.each([
    ['system', { system: 'Be long.' }],
    ['system', { system: [{ type: 'text', text: 'Be brief.' }] }],
    ['tools', { tools: [{ ...ask, description: 'Asks.' }] }],
    ['tools', { tools: [] }],
    ['tools', { addTool: false }],
    ['skills', { container: { skills: [{ type: 'anthropic', skill_id: 'pptx' }] } }],
  ])(
    'names %s before any request, where thinking is bound to it: %j',
    async (what, { addTool, ...change }: object & { addTool?: boolean }) => {
      const { client, snapshot, bodies } = await stored([thinking]);
      const session = createSession(client, { ...defaults, ...change } as never, { snapshot, addTool });
      const error = await thrownBy(session.run('Second.'));
      expect([error.code, error.message]).toEqual([
        'invalid_input',
        expect.stringMatching(new RegExp(`other ${what}\\b.*user message.*'keep'`, 's')),
      ]);
      expect(bodies).toHaveLength(1);
      // Nothing has become of the session by it.
      expect(session.toJSON()).toEqual(snapshot);
    },
  );

  it.each([
    ['marks of the cache', { tools: [{ ...ask, cache_control: { type: 'ephemeral' } }] }],
    ['deferred tools', { tools: [ask, { ...ask, name: 'later', defer_loading: true }] }],
    [
      'the order of keys, of which the first is sent',
      { tools: [{ input_schema: ask.input_schema, name: 'ask' }] },
    ],
    ['tool_choice and max_tokens', { tool_choice: { type: 'none' }, max_tokens: 7 }],
  ])('is none by %s', async (_, change) => {
    const { client, snapshot, faults } = await stored([thinking, said, said]);
    const session = createSession(client, { ...defaults, ...change } as never, { snapshot });
    expect((await session.run('Second.')).notices).toEqual([]);
    await session.run('Third.');
    expect(faults).toEqual([]);
  });

  it('is a notice where there is no thinking, and for another model', async () => {
    const { client, snapshot, bodies } = await stored([said, thinking, said]);
    const session = createSession(client, other, { snapshot });
    const { notices } = await session.run('Second.');
    expect(notices).toMatchObject([
      { code: 'prefix-changed', message: expect.stringContaining('other system') },
    ]);
    expect(bodies[1]?.system).toBe(other.system);
    const restored = createSession(
      client,
      { ...other, model: 'claude-sonnet-5-5' },
      { snapshot: viaJson(session.toJSON()) },
    );
    expect((await restored.run('Third.')).notices).toMatchObject([
      { message: expect.stringContaining('other model') },
    ]);
    expect(restored.toJSON().prefix).toMatchObject({ model: 'claude-sonnet-5-5', system: other.system });
  });

  it('is replaced by the first one with keep, whose handlers still run', async () => {
    const { client, snapshot, bodies, faults } = await stored([
      thinking,
      { parts: ['think', 'ask'], stopReason: 'tool_use' },
      said,
      said,
    ]);
    const inputs: unknown[] = [];
    const tool = { ...ask, description: 'Asks.', run: (input: unknown) => inputs.push(input) };
    const session = createSession(client, { ...other, tools: [tool] } as never, {
      snapshot,
      onPrefixChange: 'keep',
    });
    const { notices } = await session.run('Second.');
    expect(notices.map(({ code }) => code)).toEqual(['prefix-changed']);
    expect(inputs).toHaveLength(1);
    await session.run('Third.');
    expect(bodies.map(({ system, tools }) => [system, tools])).toEqual(
      Array(4).fill([bodies[0]?.system, bodies[0]?.tools]),
    );
    expect(faults).toEqual([]);
    expect(session.toJSON().prefix).toEqual(snapshot.prefix);
  });

  it('takes all thinking out for good with drop-thinking, and what is left empty', async () => {
    const { client, snapshot, bodies, faults } = await stored([
      { parts: ['think'], stopReason: 'end_turn' },
      thinking,
      said,
      said,
    ]);
    const session = createSession(client, other, { snapshot, onPrefixChange: 'drop-thinking' });
    expect((await session.run('Second.')).notices).toMatchObject([{ code: 'prefix-changed' }]);
    await session.run('Third.', { onPrefixChange: 'error' });
    expect(bodies.map(({ messages }) => messages.map(({ role }) => role).join())).toEqual([
      'user',
      'user,user',
      'user,user,assistant,user',
    ]);
    expect(faults).toEqual([]);
    expect(session.toJSON().turns.map(({ firstMessage }) => firstMessage)).toEqual([0, 1, 3]);
  });

  it('is for the turn after the one that is resumed: that one is sent as it was begun', async () => {
    const paused: Answer = { parts: ['think', 'say'], stopReason: 'pause_turn' };
    const { client, bodies, faults } = boundApi([paused, said, said]);
    const session = createSession(client, defaults);
    await session.run('First.', { stopWhen: () => true });
    const restored = createSession(client, other, { snapshot: viaJson(session.toJSON()) });
    await restored.resume().turn();
    expect(bodies[1]?.system).toBe(defaults.system);
    expect((await thrownBy(restored.run('Second.'))).message).toMatch(/other system/);
    await restored.run('Second.', { onPrefixChange: 'keep' });
    expect(faults).toEqual([]);
  });
});

describe('a stored conversation', () => {
  const history: MessageParam[] = [
    { role: 'user', content: 'Earlier.' },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: ' ' },
        { type: 'text', text: 'Yes.' },
      ],
    },
  ];

  it('begins a session in its container, and is repaired once and for good', async () => {
    const { client, bodies, faults } = boundApi([]);
    const session = createSession(client, defaults, { messages: history, container: 'container_1' });
    expect(session.container?.id).toBe('container_1');
    const { notices } = await session.run('Now.');
    expect(notices).toMatchObject([
      { code: 'history-repaired', message: expect.stringContaining('messages.1.content.0') },
    ]);
    expect((await session.run('Then.')).notices).toEqual([]);
    expect(faults).toEqual([]);
    expect(bodies[0]).toMatchObject({
      container: 'container_1',
      messages: [history[0], { content: [{ text: 'Yes.' }] }, {}],
    });
    const snapshot = viaJson(session.toJSON());
    expect(snapshot.turns[0]?.firstMessage).toBe(2);
    for (const start of [{ messages: history }, { container: 'container_1' }]) {
      const error = await thrownBy(async () => createSession(client, defaults, { snapshot, ...start }));
      expect(error.message).toMatch(/has a snapshot/);
    }
  });

  it('is still said to be repaired after a first turn that failed, and must be a list', async () => {
    const { client } = boundApi([]);
    let fails = true;
    const fetch: typeof globalThis.fetch = async (_, init) =>
      fails
        ? new Response('{}', { status: 400 })
        : (client as never as { fetch: typeof globalThis.fetch }).fetch(_, init);
    const session = createSession(client.withOptions({ fetch }), defaults, { messages: history });
    await thrownBy(session.run('Now.'));
    fails = false;
    expect((await session.run('Now.')).notices).toMatchObject([{ code: 'history-repaired' }]);
    for (const messages of [JSON.stringify(history), new Uint8Array(2), {}]) {
      for (const call of [
        () => createSession(client, defaults, { messages } as never),
        () => session.fork({ messages } as never),
      ]) {
        expect((await thrownBy(async () => call())).message).toMatch(/must be a list of messages/);
      }
    }
  });

  it('that is cut in a call goes on, since a message follows it', async () => {
    const { client, faults } = boundApi([]);
    const open = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'bash_code_execution', input: {} };
    const messages = [...history, { role: 'assistant', content: [open] }] as MessageParam[];
    await createSession(client, defaults, { messages }).run('Go on.');
    expect(faults).toEqual([]);
  });

  it('replaces that of a session whose context is full, in the same container', async () => {
    const { client, bodies, faults } = boundApi([{ parts: ['think', 'say'], stopReason: 'end_turn' }]);
    const session = createSession(client, defaults);
    await session.run('First.');
    const fork = session.fork({ messages: [userMessage('What we know: 42.')], keepContainer: true });
    await fork.run('And now?');
    expect(bodies[1]).toMatchObject({
      container: 'container_1',
      messages: [{ content: [{ text: 'What we know: 42.' }] }, {}],
    });
    expect(fork.toJSON().turns).toMatchObject([{ firstMessage: 1 }]);
    expect(session.fork().container).toBeNull();
    expect(faults).toEqual([]);
  });
});

describe('against the emulator, which checks thinking as the newest API does', () => {
  it('a turn that begins again in a fresh container is sent on as it was', async () => {
    let now = new Date('2026-11-26T12:00:00Z');
    const script = [1, 2, 3].flatMap((n) => [think(`Hm ${n}.`), bash('ls'), say(`Yes ${n}.`), stop()]);
    const { client, bodies } = world(script, { sandbox: cannedSandbox(() => ({})), now: () => now });
    const file = await client.beta.files.upload({ file: new File(['a,b'], 'a.csv') });
    const session = createSession(
      client,
      { model: params.model, max_tokens: 100 },
      { onLostContainer: 'restart' },
    );
    await session.run('First.', { files: [file] });
    now = new Date('2026-11-27T12:00:00Z');
    // The session believes in its container, which is gone.
    const second = await session.run('Second.', { now: () => new Date('2026-11-26T12:10:00Z') });
    expect(second.notices.map(({ code }) => code)).toContain('container-lost');
    const restored = createSession(
      client,
      { model: params.model, max_tokens: 100 },
      { snapshot: viaJson(session.toJSON()) },
    );
    expect((await restored.run('Third.', { now: () => now })).answer).toBe('Yes 3.');
    const uploads = bodies().map(
      ({ messages }) => JSON.stringify(messages).split('container_upload').length - 1,
    );
    expect(uploads).toEqual([1, 1, 2, 2]);
  });
});

it('what the caller says about thinking passes untouched, and so do keys and messages of tomorrow', async () => {
  const { client, bodies } = boundApi([]);
  const thinkingParam = { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } };
  const messages = [
    { role: 'user', content: 'Go.' },
    { role: 'system', content: 'Hurry.' },
    { role: 'assistant', content: [{ type: 'tool_addition', tool: ask }] },
    userMessage('On.'),
  ];
  const given = { ...defaults, messages, thinking: thinkingParam, key_of_tomorrow: { a: [1] } };
  const headers = { 'anthropic-beta': 'thinking-binding-controls-2026-08-01' };
  const turn = await runTurn(client, given as never, { request: { headers } });
  expect(bodies[0]).toMatchObject({ messages, thinking: thinkingParam, key_of_tomorrow: { a: [1] } });
  expect(turn.messages.slice(0, 4)).toEqual(messages);
  expect(turn.notices).toEqual([]);
});
