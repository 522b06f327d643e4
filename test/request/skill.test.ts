import { Container, nextParams, runTurn, skill } from 'code-execution-kit';
import { bash, cannedSandbox, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { params, thrownBy, world } from '../support/world.ts';

describe('skill', () => {
  it.each([
    [skill('xlsx'), { type: 'anthropic', skill_id: 'xlsx' }],
    [skill('pdf', { version: '20251013' }), { type: 'anthropic', skill_id: 'pdf', version: '20251013' }],
    [skill('skill_01a'), { type: 'custom', skill_id: 'skill_01a' }],
    [skill('skill_01a', { version: 'latest' }), { type: 'custom', skill_id: 'skill_01a', version: 'latest' }],
    // As uploadSkill gives it, and as the container of a turn names it.
    [
      skill({ skillId: 'skill_01a', version: 'skver_1' }),
      { type: 'custom', skill_id: 'skill_01a', version: 'skver_1' },
    ],
    [
      skill({ skillId: 'docx', version: '1' }, { version: '2' }),
      { type: 'anthropic', skill_id: 'docx', version: '2' },
    ],
  ])('gives the entry of a request: %j', (entry, expected) => {
    expect(entry).toEqual(expected);
    expect(Object.keys(entry)).toEqual(Object.keys(expected));
  });

  it.each([
    ['xls', {}, /skill takes pptx, xlsx, docx, pdf, or the id of a skill of your own.*got "xls"\. For one/],
    ['skill_', {}, /skill takes/],
    [null, {}, /skill takes.*got null/],
    [{ id: 'skill_1' }, {}, /skill takes.*got undefined/],
    ['xlsx', { version: ' ' }, /The version of skill xlsx must be a text, such as "latest", got " "/],
    ['xlsx', { version: 20251013 }, /The version of skill xlsx/],
    ['xlsx', null, /The options of skill must be an object/],
  ])('refuses %j with %j', async (id, options, message) => {
    const error = await thrownBy(() => skill(id as never, options as never));
    expect(error).toMatchObject({ code: 'invalid_input', message: expect.stringMatching(message) });
  });
});

describe('container.skills of a turn', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => skill(`skill_${index}`));

  it.each([
    ['21 of them', many(21), {}, /has 21 entries, and the API takes 20/],
    ['one twice', [skill('xlsx'), skill('xlsx', { version: '20251013' })], {}, /names xlsx twice/],
    ['a name', ['xlsx'], {}, /container\.skills\[0\] must be an entry such as skill\("xlsx"\), got "xlsx"/],
    [
      'an entry without a type',
      [skill('pdf'), { skill_id: 'x' }],
      {},
      /container\.skills\[1\] must be an entry/,
    ],
    ['a text', 'xlsx', {}, /container\.skills must be a list/],
    [
      'no code execution tool',
      [skill('xlsx')],
      { addTool: false },
      /needs a code execution tool, and tools has none/,
    ],
  ])('with %s is refused before any request', async (_, skills, options, message) => {
    const { client, posts } = world([say('x')]);
    const error = await thrownBy(runTurn(client, { ...params, container: { skills } as never }, options));
    expect(error).toMatchObject({ code: 'invalid_input', message: expect.stringMatching(message) });
    expect(posts()).toBe(0);
  });

  it('passes with 20, with ids of tomorrow, and with a web tool that brings its own container', async () => {
    const { client, posts } = world(() => [say('x')]);
    const refused = (error: unknown) => error as { status?: number };
    const sent = (skills: readonly object[], more: object = {}, options = {}) =>
      runTurn(client, { ...params, container: { skills } as never, ...more }, options).catch(refused);
    await sent(many(20));
    await sent([{ type: 'anthropic', skill_id: 'ods' }]);
    const web = { tools: [{ type: 'web_search_20260209' as const, name: 'web_search' as const }] };
    await sent([skill('xlsx')], web, { addTool: false });
    expect(posts()).toBe(3);
  });

  it('goes out as it was asked for after a pause, and resolved in a handle, which is the same to thinking', async () => {
    const sandbox = cannedSandbox();
    const { client, bodies } = world(() => [bash('true'), say('x')], { sandbox });
    const skills = [skill('xlsx')];
    const turn = await runTurn(client, { ...params, container: { skills } });
    const resolved = [{ skillId: 'xlsx', type: 'anthropic', version: '20251013' }];
    expect(turn.container?.skills).toEqual(resolved);
    const paused = { ...turn.responses[0], stop_reason: 'pause_turn' } as never;
    expect(nextParams({ ...params, container: { skills } }, paused)?.container).toEqual({
      id: turn.container?.id,
      skills,
    });
    const more = { ...params, messages: [...turn.messages, ...params.messages] };
    const again = await runTurn(client, { ...more, container: new Container(turn.container as never) });
    expect(again.container?.skills).toEqual(resolved);
    expect(bodies().at(-1)?.container).toEqual({
      id: turn.container?.id,
      skills: [{ type: 'anthropic', skill_id: 'xlsx', version: '20251013' }],
    });
  });
});
