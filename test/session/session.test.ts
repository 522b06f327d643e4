import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Anthropic from '@anthropic-ai/sdk';
import {
  Container,
  createSession,
  isContainerLostError,
  isInvalidInputError,
  isTurnInterruptedError,
  isTurnLimitError,
  type RunnableTool,
  type Session,
  type SessionOptions,
  type SessionSnapshot,
  type Turn,
  type TurnUsage,
} from 'code-execution-kit';
import {
  bash,
  callTool,
  cannedSandbox,
  cutAfter,
  type EmulatorOptions,
  httpError,
  pause,
  python,
  refuse,
  type Step,
  say,
  stop,
} from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../support/freeze.ts';
import { bodyOf, clientAnswering, response, sseOf } from '../support/sse.ts';
import { defaults, double, inputs, twoTurns } from '../support/two-turns.ts';
import { thrownBy, timeless, viaJson, type WorldOptions, world } from '../support/world.ts';

interface Body {
  readonly container?: unknown;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
}

/** What each command prints is the command. */
const echo = cannedSandbox(({ source }) => ({ stdout: source }));

const start = (script: EmulatorOptions['script'], options: WorldOptions = {}) =>
  world(script, { sandbox: echo, ...options });

/** `turns` turns, each of one command and an answer. */
const turns = (count: number): Step[] =>
  Array.from({ length: count }, (_, index) => [bash(`${index}`), say(`Answer ${index}.`), stop()])
    .flat()
    .slice(0, -1);

const upload = (client: Anthropic, name = 'a.csv') => client.files.upload({ file: new File(['x'], name) });

/** The ids that the newest message of a request uploads. */
function uploadsOf(body: Body | undefined): string[] {
  const blocks = body?.messages.at(-1)?.content as { type: string; file_id: string }[];
  return blocks.flatMap(({ type, file_id: id }) => (type === 'container_upload' ? [id] : []));
}

describe('several turns', () => {
  it('share a conversation, sent back as it was, and a container', async () => {
    const { client, bodies, emulator } = start(turns(3));
    const session = createSession(client, defaults);
    expect(session.container).toBeNull();
    const first = await session.run('First.');
    const second = await session.run(inputs[1]);
    const third = await session.run('Third.');
    expect([first, second, third].map(({ answer }) => answer)).toEqual([
      'Answer 0.',
      'Answer 1.',
      'Answer 2.',
    ]);
    const id = first.container?.id;
    expect(bodies().map(({ container }) => container)).toEqual([undefined, id, id]);
    const [, , { messages } = {} as Body] = bodies();
    expect(messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'First.' }] },
      { role: 'assistant', content: first.responses[0]?.content },
      { role: 'user', content: [{ type: 'text', text: 'Second.' }] },
      { role: 'assistant', content: second.responses[0]?.content },
      { role: 'user', content: [{ type: 'text', text: 'Third.' }] },
    ]);
    expect(session.messages).toEqual(third.messages);
    expect(session.container).toEqual(new Container(third.container as never));
    emulator.assertDone();
  });

  it('sum their usage, turn by turn', async () => {
    const { client } = start([bash('a'), pause(), say('A longer answer.'), stop(), say('b')]);
    const session = createSession(client, defaults);
    expect(session.usage).toEqual({ input_tokens: 0, output_tokens: 0, perTurn: [] });
    const usages: TurnUsage[] = [];
    for (const input of ['First.', 'Second.']) usages.push((await session.run(input)).usage);
    const sum = (key: 'input_tokens' | 'output_tokens') =>
      usages.reduce((total, usage) => total + usage[key], 0);
    expect(session.usage).toMatchObject({
      input_tokens: sum('input_tokens'),
      output_tokens: sum('output_tokens'),
      perTurn: usages,
    });
    expect(session.toJSON().turns.map(({ exchanges }) => exchanges.length)).toEqual([2, 1]);
  });

  it('take the options of the session where they have none of their own', async () => {
    const { client, bodies } = start([say('a'), stop(), say('b')]);
    const heard: string[] = [];
    const request = { headers: { 'x-own': 'session' } };
    const onEvent = ({ type }: { type: string }) => void heard.push(type);
    const session = createSession(client, defaults, deepFreeze({ onEvent, request, addTool: false }));
    await session.run('First.', { onEvent: undefined });
    expect(heard).toContain('turn-end');
    heard.length = 0;
    await session.run('Second.', { onEvent: () => {}, addTool: true });
    expect(heard).toEqual([]);
    expect(bodies().map((body) => (body as never as { tools: unknown[] }).tools.length)).toEqual([1, 2]);
  });

  it('stream their events', async () => {
    const { client } = start(turns(1));
    const session = createSession(client, defaults);
    const stream = session.stream('Go.');
    const types: string[] = [];
    for await (const { type } of stream) {
      types.push(type);
      // Whoever sees the end may go on at once.
      if (type === 'turn-end') expect(session.messages).toHaveLength(2);
    }
    expect(types.at(-1)).toBe('turn-end');
    expect((await stream.turn()).answer).toBe('Answer 0.');
  });

  it('keep the container over a turn whose responses name none', async () => {
    const container = { id: 'container_1', expires_at: '2999-01-01T00:00:00Z' };
    const answers = [response([], { container }), response([]), response([])];
    const client = clientAnswering(...answers.map((events) => bodyOf([sseOf(events)])));
    const session = createSession(client, defaults);
    await session.run('First.');
    expect((await session.run('Second.')).container).toBeNull();
    expect(session.container?.id).toBe('container_1');
    await session.run('Third.');
    expect(JSON.parse(String(client.sent.at(-1)?.body))).toMatchObject({ container: 'container_1' });
  });
});

describe('a container', () => {
  it.each([
    ['its id', (id: string) => id],
    ['a handle', (id: string) => new Container({ id, expiresAt: null, skills: [] })],
  ])('to begin in is named by %s', async (_, name) => {
    const { client, bodies } = start(turns(2));
    const { container } = await createSession(client, defaults).run('First.');
    const session = createSession(client, { ...defaults, container: name(container?.id as string) });
    expect(session.container?.id).toBe(container?.id);
    await session.run('Second.');
    expect(bodies().at(-1)?.container).toBe(container?.id);
  });

  it('to begin in is left out when its handle says that it has expired', async () => {
    const { client, bodies } = start(turns(2));
    const expiresAt = '2026-11-22T10:00:00.000Z';
    const container = new Container({ id: 'container_1', expiresAt, skills: [] });
    const session = createSession(client, { ...defaults, container }, { now: () => new Date(expiresAt) });
    expect(session.container).toEqual(container);
    await session.run('First.');
    expect(bodies()[0]).not.toHaveProperty('container');
  });

  it('with skills goes out with the list that the caller gave, also a fresh one', async () => {
    const { client, bodies } = start(turns(3));
    const skills = deepFreeze([{ type: 'anthropic', skill_id: 'xlsx', version: 'latest' }] as const);
    const own = deepFreeze({ ...defaults, container: { skills: [...skills] } });
    const session = createSession(client, own);
    await session.run('First.');
    await session.run('Second.');
    expect(session.container?.skills).toEqual([{ skillId: 'xlsx', type: 'anthropic', version: '20251013' }]);
    await session.fork().run('Third.');
    const id = session.container?.id;
    expect(bodies().map(({ container }) => container)).toEqual([{ skills }, { id, skills }, { skills }]);
  });

  it('whose skills the params do not name goes out with those it has', async () => {
    const { client, bodies } = start(turns(2));
    const skills = [{ type: 'anthropic' as const, skill_id: 'xlsx', version: 'latest' }];
    const session = createSession(client, { ...defaults, container: { skills } });
    await session.run('First.');
    await createSession(client, defaults, { snapshot: viaJson(session.toJSON()) }).run('Second.');
    expect(bodies().at(-1)?.container).toEqual(session.container?.toParam());
  });
});

describe('uploads', () => {
  it('are sent once, while the container is there', async () => {
    const { client, bodies } = start(turns(3));
    const session = createSession(client, defaults);
    const [a, b] = [await upload(client), await upload(client, 'b.csv')];
    await session.run('First.', deepFreeze({ files: [a] }));
    await session.run('Second.', { files: [b.id] });
    await session.run('Third.');
    expect(bodies().map(uploadsOf)).toEqual([[a.id], [b.id], []]);
  });

  it('are repeated, each once, when it has expired by the clock', async () => {
    let time = Date.parse('2026-11-22T10:00:00Z');
    const now = () => new Date(time);
    const { client, bodies } = start(turns(4), { now });
    const session = createSession(client, defaults, { now });
    const [a, b] = [await upload(client), await upload(client, 'b.csv')];
    await session.run('First.', { files: [a] });
    time += 3_599_999;
    const second = await session.run('Second.', { files: [b] });
    time += 3_600_000;
    const third = await session.run('Third.', { files: [b] });
    expect(third.notices).toEqual([]);
    time += 3_600_000;
    await session.run('Fourth.');
    expect(bodies().map(uploadsOf)).toEqual([[a.id], [b.id], [b.id, a.id], [a.id, b.id]]);
    const ids = bodies().map(({ container }) => container);
    expect(ids).toEqual([undefined, second.container?.id, undefined, undefined]);
    expect(session.container?.id).not.toBe(third.container?.id);
  });

  it('are there in the fresh container: its code finds them', async () => {
    let time = 0;
    const now = () => new Date(time);
    const look = [bash('ls "$INPUT_DIR"'), say(({ stdout }) => stdout), stop()];
    const { client } = start([...look, ...look].slice(0, -1), { now, sandbox: undefined });
    const session = createSession(client, defaults, { now });
    const options = { files: [await upload(client)] };
    expect((await session.run('First.', options)).answer).toBe('a.csv\n');
    time += 3_600_000;
    expect((await session.run('Second.')).answer).toBe('a.csv\n');
  });

  it("are repeated when the container is lost and onLostContainer is 'restart'", async () => {
    const { client, bodies, emulator } = start(turns(2));
    const session = createSession(client, defaults, { onLostContainer: 'restart' });
    const file = await upload(client);
    const first = await session.run('First.', { files: [file] });
    emulator.loseContainers();
    const { notices } = await session.run('Second.');
    expect(notices).toMatchObject([{ code: 'container-lost' }]);
    expect(bodies().slice(1).map(uploadsOf)).toEqual([[], [file.id]]);
    expect(session.container?.id).not.toBe(first.container?.id);
  });

  it('a container that is lost is forgotten, also by a turn that gets no other', async () => {
    const { client, bodies, emulator } = start([bash('a'), stop(), say('Only words.'), stop(), bash('b')]);
    const session = createSession(client, defaults, { onLostContainer: 'restart' });
    await session.run('First.');
    emulator.loseContainers();
    expect((await session.run('Second.')).container).toBeNull();
    expect(session.container).toBeNull();
    await session.run('Third.');
    expect(bodies()).toHaveLength(4);
  });

  it('a container that is lost fails the turn by default, and the next one gets a fresh one', async () => {
    const { client, bodies, emulator } = start(turns(2));
    const session = createSession(client, defaults);
    const file = await upload(client);
    await session.run('First.', { files: [file] });
    const { messages } = session;
    emulator.loseContainers();
    expect(isContainerLostError(await thrownBy(session.run('Second.')))).toBe(true);
    expect([session.messages, session.container, session.unfinished]).toEqual([messages, null, null]);
    await session.run('Second.');
    expect(uploadsOf(bodies().at(-1))).toEqual([file.id]);
    expect(bodies().at(-1)?.messages).toHaveLength(3);
  });

  it('a container that is lost within a turn takes the turn with it, and its usage is kept', async () => {
    const { client, emulator } = start([bash('a'), pause(), bash('b'), say('Done.')]);
    const session = createSession(client, defaults);
    const onCheckpoint = () => emulator.loseContainers();
    const error = await thrownBy(session.run('Go.', { onCheckpoint }));
    expect(isContainerLostError(error)).toBe(true);
    expect([session.messages, session.container, session.unfinished]).toEqual([[], null, null]);
    expect(session.usage.perTurn).toEqual([error.state.usage]);
    expect(session.usage.output_tokens).toBeGreaterThan(0);
  });
});

describe('one turn at a time', () => {
  it('a second one is refused while the first runs, and sends nothing', async () => {
    const { client, bodies } = start(turns(2));
    const session = createSession(client, defaults);
    const first = session.run('First.');
    const error = await thrownBy(session.run('Second.'));
    expect(isInvalidInputError(error)).toBe(true);
    expect(error.message).toMatch(/A turn of this session is running.*session\.fork\(\)/);
    expect((await first).answer).toBe('Answer 0.');
    expect(bodies()).toHaveLength(1);
    expect((await session.run('Second.')).answer).toBe('Answer 1.');
  });

  it('a stream holds the session until its end, and only from its start', async () => {
    const { client } = start([...turns(1), stop(), pause(), say('x'), stop(), say('Last.')]);
    const session = createSession(client, defaults);
    const waiting = session.stream('Never begun.');
    const stream = session.stream('First.');
    await stream.next();
    await expect(session.run('Second.')).rejects.toThrow(/is running/);
    await expect(waiting.next()).rejects.toThrow(/is running/);
    expect(() => session.discard()).toThrow(/abort it before/);
    for await (const { seq } of stream) expect(seq).toBeGreaterThan(0);
    expect(session.messages).toHaveLength(2);
    const second = session.stream('Second.');
    for await (const { type } of second) if (type === 'pause') break;
    expect(session.unfinished).toMatchObject({ phase: 'ready' });
    session.discard();
    expect(session.messages).toHaveLength(2);
  });

  it('a stream that is left before it began leaves nothing', async () => {
    const { client, bodies } = start(turns(1));
    const session = createSession(client, defaults);
    {
      await using _ = session.stream('First.');
    }
    expect(session.toJSON()).toEqual(createSession(client, defaults).toJSON());
    await session.run('First.');
    expect(bodies()).toHaveLength(1);
  });
});

describe('a turn that fails', () => {
  it('leaves the session as it was', async () => {
    const { client, emulator, bodies } = start(turns(2));
    const session = createSession(client, defaults);
    await session.run('First.');
    const before = viaJson(session.toJSON());
    emulator.inject(httpError(400));
    await expect(session.run('Second.')).rejects.toMatchObject({ status: 400 });
    await expect(session.run('')).rejects.toThrow(/take a text or a list of content blocks, not empty/);
    await expect(session.run([])).rejects.toThrow(/not empty, got an array of 0/);
    await expect(session.run([{ text: 'x' }] as never)).rejects.toThrow(/list of content blocks/);
    await expect(session.run('x', { files: 'a.csv' as never })).rejects.toThrow(/files must be a list/);
    await expect(session.run('x', { files: ['a.csv'] })).rejects.toThrow(/Upload the file first/);
    await expect(session.run('x', { maxPause: 1 } as never)).rejects.toThrow(/There is no option maxPause/);
    const wrong = { onCheckpoint: 'x' } as never;
    await expect(session.run('x', wrong)).rejects.toThrow(/onCheckpoint must be a function/);
    await expect(session.resume().turn()).rejects.toThrow(/no unfinished turn/);
    session.discard();
    expect(session.toJSON()).toEqual(before);
    expect(bodies()).toHaveLength(2);
    expect((await session.run('Second.')).answer).toBe('Answer 1.');
  });

  it('because it was refused is not added, and counted', async () => {
    const { client, bodies } = start([say('a'), stop(), bash('x'), refuse(), say('b')]);
    const session = createSession(client, defaults);
    await session.run('First.');
    const refused = await session.run('Second.');
    expect(refused.outcome).toBe('refused');
    expect(session.messages).toHaveLength(2);
    expect(session.usage.perTurn).toHaveLength(2);
    expect(session.container?.id).toBe(refused.container?.id);
    await session.run('Third.');
    expect(
      bodies()
        .at(-1)
        ?.messages.map(({ role }) => role),
    ).toEqual(['user', 'assistant', 'user']);
  });

  it('with a call left open is added without the call', async () => {
    const cut = [
      { type: 'text', text: 'Let me see.' },
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'bash_code_execution', input: {} },
    ];
    const answers = [response(cut, { stopReason: 'max_tokens' }), response([]), response([])];
    const client = clientAnswering(...answers.map((events) => bodyOf([sseOf(events)])));
    const session = createSession(client, defaults);
    const turn = await session.run('First.');
    expect(turn.outcome).toBe('truncated');
    expect(turn.responses[0]?.content).toEqual(cut);
    expect(turn.notices).toMatchObject([
      { code: 'calls-dropped', message: expect.stringContaining('srvtoolu_1') },
    ]);
    expect(session.messages).toEqual(turn.messages);
    expect((await session.run('Second.')).notices).toEqual([]);
    // Nor is the empty answer sent, which the API would refuse.
    expect((await session.run('Third.')).notices).toEqual([]);
    const { messages } = JSON.parse(String(client.sent.at(-1)?.body)) as Body;
    expect(messages.map(({ content }) => content)).toEqual([
      [{ type: 'text', text: 'First.' }],
      [{ type: 'text', text: 'Let me see.' }],
      [{ type: 'text', text: 'Second.' }],
      [{ type: 'text', text: 'Third.' }],
    ]);
  });
});

describe('an unfinished turn', () => {
  const definition = { name: 'other', input_schema: { type: 'object' as const } };
  const withOther = { ...defaults, tools: [definition] };

  it('that waits for results goes on with them, and holds the next one up until then', async () => {
    const { client, bodies } = start([say('a'), stop(), callTool('other'), say('Done.'), stop(), say('b')]);
    const session = createSession(client, withOther);
    await session.run('First.');
    const before = session.messages;
    const waiting = await session.run('Second.');
    expect(waiting.outcome).toBe('awaiting-tools');
    expect(session.unfinished).toEqual(waiting.checkpoint);
    expect(session.messages).toEqual(before);
    const [call] = waiting.toolUses;
    await expect(session.run('Third.')).rejects.toThrow(
      `The last turn of this session is not finished: it waits for other (${call?.id}). Go on with session.resume(), or`,
    );
    expect(bodies()).toHaveLength(2);
    const restored = createSession(client, withOther, { snapshot: viaJson(session.toJSON()) });
    await expect(restored.resume().turn()).rejects.toThrow(/the tool other, which has no handler here/);
    expect(restored.unfinished).toEqual(waiting.checkpoint);
    const result = { type: 'tool_result' as const, tool_use_id: call?.id as string, content: 'x' };
    const turn = await restored.resume({ toolResults: [result] }).turn();
    expect(turn).toMatchObject({ outcome: 'completed', answer: 'Done.' });
    expect(restored.unfinished).toBeNull();
    expect(restored.messages).toEqual(turn.messages);
    expect(restored.usage.perTurn).toHaveLength(2);
    expect(restored.usage.perTurn[1]).toEqual(turn.usage);
    expect((await restored.run('Third.')).answer).toBe('b');
  });

  it('at a limit goes on with its limits, not with those of the session', async () => {
    const { client } = start([pause(), pause(), pause(), pause(), say('Done.')]);
    const session = createSession(client, defaults, { maxPauses: 10 });
    const error = await thrownBy(session.run('Go.', { maxPauses: 1 }));
    expect(isTurnLimitError(error)).toBe(true);
    expect(session.unfinished).toEqual(error.checkpoint);
    expect(session.usage.perTurn).toEqual([error.turn.usage]);
    const again = await thrownBy(session.resume().turn());
    expect(again).toMatchObject({ limit: 'maxPauses', checkpoint: { limits: { maxPauses: 1 } } });
    const turn = await session.resume({ maxPauses: 5 }).turn();
    expect(turn.answer).toBe('Done.');
    expect(session.usage.perTurn).toEqual([turn.usage]);
  });

  it('goes on with the handlers of the session, and with those given before them', async () => {
    const { client } = start([
      callTool('double', { n: 1 }),
      say('a'),
      callTool('double', { n: 2 }),
      say('Done.'),
    ]);
    const session = createSession(client, defaults, { maxToolRounds: 1 });
    await thrownBy(session.run('Go.'));
    const ran: unknown[] = [];
    const other = { ...double, run: (input: unknown) => void ran.push(input) } as RunnableTool;
    const turn = await session.resume({ tools: [other] }).turn();
    expect(turn.answer).toMatch(/Done\.$/);
    expect(ran).toEqual([{ n: 2 }]);
  });

  it('goes on with the format of the session, and is read by it', async () => {
    const { client } = start([
      ...[pause(), say('{"total":42}'), stop(), pause(), say('{"total":43}'), stop()],
      ...[pause(), say('Words.')],
    ]);
    const format = {
      type: 'json_schema' as const,
      schema: { type: 'object', properties: { total: { type: 'number' } } },
      parse: (text: string) => JSON.parse(text) as { total: number },
    };
    const withFormat = deepFreeze({ ...defaults, output_config: { format } });
    const session = createSession(client, withFormat);
    await session.run('First.', { stopWhen: () => true });
    expect((await session.resume().turn()).parsed).toEqual({ total: 42 });
    expect((await session.run('Second.')).parsed).toEqual({ total: 43 });
    // A turn that was begun without a format goes on without one.
    const plain = createSession(client, defaults);
    await plain.run('Third.', { stopWhen: () => true });
    const restored = createSession(client, withFormat, { snapshot: viaJson(plain.toJSON()) });
    expect(await restored.resume().turn()).toMatchObject({ outcome: 'completed', parsed: null, notices: [] });
  });

  it('that was cut goes on only with rerun, or is discarded', async () => {
    const { client, emulator, bodies } = start([say('a'), stop(), ...turns(2)]);
    const session = createSession(client, defaults);
    await session.run('First.');
    const before = session.toJSON();
    emulator.inject(cutAfter(4));
    const error = await thrownBy(session.run('Second.'));
    expect(isTurnInterruptedError(error)).toBe(true);
    await expect(session.run('Third.')).rejects.toThrow(
      /session\.resume\(\{ rerun: true \}\), which may run/,
    );
    await expect(session.resume().turn()).rejects.toThrow(/Pass rerun: true/);
    expect(session.unfinished).toEqual(error.checkpoint);
    const discarded = createSession(client, defaults, { snapshot: session.toJSON() });
    discarded.discard();
    const { exchanges, times } = error.checkpoint.state;
    expect(exchanges).toMatchObject([{ interrupted: true }]);
    expect(discarded.toJSON()).toEqual({
      ...before,
      turns: [...before.turns, { firstMessage: null, exchanges, container: null, executions: times }],
      revision: before.revision + 2,
    });
    expect(bodies()).toHaveLength(2);
    expect((await session.resume({ rerun: true }).turn()).outcome).toBe('completed');
    expect(session.messages).toHaveLength(4);
  });

  it('is interrupted with something else to say', async () => {
    const { client } = start([say('Let me see.'), pause(bash('a')), say('All right.'), stop(), say('b')]);
    const session = createSession(client, defaults);
    expect((await session.run('Go.', { stopWhen: () => true })).outcome).toBe('paused');
    const turn = await session.resume({ interrupt: 'Stop that.' }).turn();
    expect(turn).toMatchObject({ answer: 'All right.', notices: [{ code: 'calls-dropped' }] });
    expect(session.messages.at(-2)).toEqual({ role: 'user', content: 'Stop that.' });
    expect((await session.run('Next.')).answer).toBe('b');
  });

  it('is counted when it is discarded, and its container is that from before', async () => {
    const { client } = start([bash('a'), pause(), bash('b'), say('x')]);
    const session = createSession(client, defaults);
    const paused = await session.run('Go.', { stopWhen: () => true });
    expect(session.container?.id).toBe(paused.container?.id);
    session.discard();
    expect([session.messages, session.container, session.unfinished]).toEqual([[], null, null]);
    expect(session.usage.perTurn).toEqual([paused.usage]);
  });

  it('of code that waits for its tools leaves a container that works when it is discarded', async () => {
    const sandbox = cannedSandbox(async ({ source, tools }) => {
      if (source !== 'call') return { stdout: source };
      const [reply] = await tools.call([{ name: 'other', input: {} }]);
      return { stdout: String(reply?.text) };
    });
    const { client, bodies } = start(
      ({ text }) =>
        text === 'Second.' ? [python('call'), say('x')] : [bash(text), say(({ stdout }) => stdout)],
      { sandbox },
    );
    const tools = [{ ...definition, allowed_callers: ['code_execution_20260120' as const] }];
    const session = createSession(client, { ...defaults, tools });
    await session.run('First.');
    expect((await session.run('Second.')).outcome).toBe('awaiting-tools');
    session.discard();
    expect((await session.run('Third.')).answer).toBe('Third.');
    expect(bodies().at(-1)?.container).toBe(session.container?.id);
  });
});

describe('a fork', () => {
  it('shares the history and goes its own way, in a fresh container with the uploads', async () => {
    const { client, bodies } = start(({ text }) => [bash(text), say(({ stdout }) => `${stdout}!`)]);
    const session = createSession(client, defaults);
    const file = await upload(client);
    await session.run('First.', { files: [file] });
    const before = viaJson(session.toJSON());
    const fork = session.fork();
    expect(fork.toJSON()).toEqual({
      ...before,
      revision: 0,
      container: null,
      turns: [{ ...before.turns[0], exchanges: [], container: null }],
    });
    const [mine, its] = await Promise.all([session.run('Mine.'), fork.run('Its.')]);
    expect([mine.answer, its.answer]).toEqual(['Mine.!', 'Its.!']);
    expect(its.container?.id).not.toBe(mine.container?.id);
    expect(session.messages.slice(0, 2)).toEqual(fork.messages.slice(0, 2));
    expect([session, fork].map(({ messages }) => messages.length)).toEqual([4, 4]);
    expect([session, fork].map((one) => one.toJSON().revision)).toEqual([2, 1]);
    expect([session, fork].map(({ usage }) => usage.perTurn.length)).toEqual([2, 1]);
    const texts = bodies().map(({ messages }) => JSON.stringify(messages.at(-1)));
    expect(texts.filter((text) => text.includes(file.id))).toEqual([
      expect.stringContaining('First.'),
      expect.stringContaining('Its.'),
    ]);
  });

  it('leaves a turn out that has not ended, and tells onCheckpoint of itself', async () => {
    const { client } = start([say('a'), stop(), pause(), say('Done.'), stop(), pause(), say('b')]);
    const stored: Session[] = [];
    const onCheckpoint = (_: unknown, one: Session) => void stored.push(one);
    const session = createSession(client, defaults, { onCheckpoint });
    await session.run('First.');
    let fork: Session | undefined;
    const andFork = (_: unknown, one: Session) => {
      expect(one).toBe(session);
      fork = one.fork();
    };
    await session.run('Second.', { onCheckpoint: andFork });
    expect(fork?.messages).toHaveLength(2);
    expect(fork?.unfinished).toBeNull();
    expect(() => session.fork({ retries: -1 })).toThrow(/options\.retries/);
    await fork?.run('Third.');
    // A response without content is not sent back, and so it is not kept.
    expect(fork?.messages).toHaveLength(4);
    // Told which session it is about, nobody stores one in the place of another.
    expect(stored).toHaveLength(1);
    expect(stored[0]).toBe(fork);
  });
});

describe('a snapshot', () => {
  it('survives JSON at every point, and its revision grows with each change', async () => {
    const { client, emulator } = start([...twoTurns, stop(), pause(), say('x'), stop(), say('y')]);
    const session = createSession(client, defaults);
    const seen: SessionSnapshot[] = [];
    const look = () => {
      const snapshot = session.toJSON();
      expect(viaJson(snapshot)).toEqual(snapshot);
      expect(createSession(client, defaults, { snapshot: viaJson(snapshot) }).toJSON()).toEqual(snapshot);
      seen.push(deepFreeze(snapshot));
    };
    look();
    for (const input of inputs) {
      await session.run(input, { onCheckpoint: look });
      look();
    }
    await session.run('Third.', { stopWhen: () => true });
    look();
    session.discard();
    look();
    emulator.inject(cutAfter(2));
    await thrownBy(session.run('Fourth.'));
    look();
    const revisions = seen.map(({ revision }) => revision);
    expect(revisions).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(seen.map(({ unfinished }) => unfinished?.phase ?? '')).toEqual([
      ...['', '', 'ready', 'awaiting-tools', 'ready', '', 'ready', '', 'ready'],
    ]);
    expect(seen[3]?.unfinished?.runnableTools).toEqual(['double']);
    expect(JSON.stringify(seen)).not.toContain('"none"');
  });

  it('goes on after a crash between turns', async () => {
    const { client, bodies } = start(turns(3));
    const session = createSession(client, defaults);
    const file = await upload(client);
    await session.run('First.', { files: [file] });
    const snapshot = deepFreeze(viaJson(session.toJSON()));
    const [restored, undisturbed] = [createSession(client, defaults, { snapshot }), session];
    expect(restored.messages).toEqual(undisturbed.messages);
    expect(restored.usage).toEqual(undisturbed.usage);
    expect(restored.container).toEqual(undisturbed.container);
    const turn = await restored.run('Second.');
    await undisturbed.run('Second.');
    const [, one, other] = bodies();
    expect(one).toEqual(other);
    expect(uploadsOf(one)).toEqual([]);
    expect(restored.messages).toEqual(turn.messages);
    expect(restored.toJSON().revision).toBe(2);
  });

  it.each([1, 2, 3])('goes on after a kill within a turn, at its checkpoint %i', async (checkpoint) => {
    const facts = ({ executions, artifacts, answer, text, usage, messages, outcome }: Turn) => ({
      ...{ executions, artifacts, answer, text, usage, messages, outcome },
    });
    const undisturbed = createSession(start(twoTurns).client, defaults);
    await undisturbed.run(inputs[0]);
    const expected = await undisturbed.run(inputs[1]);
    const directory = await mkdtemp(join(tmpdir(), 'session-'));
    const { emulator, client } = start(twoTurns);
    const server = await emulator.listen();
    try {
      const file = join(directory, 'session.json');
      expect(await killed(server.url, file, checkpoint)).toBe('SIGKILL');
      const snapshot = JSON.parse(await readFile(file, 'utf8')) as SessionSnapshot;
      const session = createSession(client, defaults, { snapshot });
      const turn = await session.resume({ rerun: true }).turn();
      expect(timeless(facts(turn))).toEqual(timeless(facts(expected)));
      expect(turn.answer).toBe('It is 42.');
      expect(turn.executions).toMatchObject([{ stdout: 'second' }, { stdout: 'third' }]);
      expect(session.messages).toEqual(undisturbed.messages);
      expect(session.usage).toEqual(undisturbed.usage);
      expect(session.container?.id).toBe(undisturbed.container?.id);
      emulator.assertDone();
    } finally {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('names the handler that it needs when it is not there', async () => {
    const { client, bodies } = start(twoTurns);
    const session = createSession(client, defaults);
    await session.run(inputs[0]);
    await session.run(inputs[1], { stopWhen: () => true });
    const snapshot = viaJson(session.toJSON());
    const restored = createSession(client, { ...defaults, tools: [] }, { snapshot });
    await expect(restored.resume().turn()).rejects.toThrow(/the tool double, which has no handler here/);
    expect(restored.toJSON()).toEqual(snapshot);
    expect(bodies()).toHaveLength(2);
    expect((await restored.resume({ tools: [double] }).turn()).answer).toBe('It is 42.');
  });

  it.each([
    ['without a revision', { revision: undefined }, /damaged: revision: /],
    ['with a fraction of one', { revision: 0.5 }, /damaged: revision: /],
    ['without messages', { messages: null }, /damaged: messages: /],
    ['with a damaged message', { messages: [{ role: 'user' }] }, /damaged: messages\.0\.content: /],
    ['with a damaged container', { container: { id: 'x' } }, /damaged: container\.expiresAt: /],
    ['with a wrong time', { container: { id: 'x', expiresAt: 'x', skills: [] } }, /container\.expiresAt: /],
    ['with a damaged turn', { turns: [{}] }, /damaged: turns\.0\.firstMessage: /],
    ['with a damaged checkpoint', { unfinished: { phase: 'x' } }, /damaged: unfinished\.\w+: /],
  ])('%s is refused by the first turn, before any request', async (_, change, message) => {
    const { client, bodies } = start([pause(), say('x')]);
    const session = createSession(client, defaults);
    await session.run('Go.', { stopWhen: () => true });
    const snapshot = { ...viaJson(session.toJSON()), ...change } as SessionSnapshot;
    const restored = createSession(client, defaults, { snapshot });
    await expect(restored.run('x')).rejects.toThrow(message);
    const error = await thrownBy(restored.resume({ rerun: true }).turn());
    expect(isInvalidInputError(error)).toBe(true);
    expect(bodies()).toHaveLength(1);
  });

  it('is checked by the first turn of its fork, too', async () => {
    const { client } = start([]);
    const snapshot = { ...createSession(client, defaults).toJSON(), messages: [{ role: 'user' }] } as never;
    const fork = createSession(client, defaults, { snapshot }).fork();
    await expect(fork.run('x')).rejects.toThrow(/damaged: messages\.0\.content: /);
  });

  it.each([
    ['a text', 'x', /snapshot must be what session\.toJSON\(\) gave.*got "x"/],
    ['a list', [], /snapshot must be/],
    ['of another version', { version: 7 }, /has version 7, and this package reads version 1/],
  ])('%s is none', (_, snapshot, message) => {
    const { client } = start([]);
    expect(() => createSession(client, defaults, { snapshot } as never)).toThrow(message);
  });
});

it.each([
  ['no client', {}, defaults, {}, /first argument must be a client/],
  ['no params', undefined, null, {}, /params of messages\.create without messages/],
  ['messages', undefined, { ...defaults, messages: [] }, {}, /without messages, which session\.run adds/],
  ['an unknown option', undefined, defaults, { files: [] }, /There is no option files/],
  ['no container', undefined, { ...defaults, container: '' }, {}, /container is an empty string/],
])('createSession refuses %s', (_, client, params, options, message) => {
  const own = client ?? start([]).client;
  expect(() => createSession(own as never, params as never, options as SessionOptions)).toThrow(message);
});

/** The signal that ended the process. */
async function killed(url: string, file: string, checkpoint: number): Promise<unknown> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const program = fileURLToPath(new URL('../support/killed-session.ts', import.meta.url));
  const tsx = join(root, 'node_modules/tsx/dist/loader.mjs');
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
  const child = spawn(process.execPath, ['--import', tsx, program, url, file, String(checkpoint)], {
    ...{ env, stdio: 'inherit' },
  });
  const [, signal] = await once(child, 'exit');
  return signal;
}
