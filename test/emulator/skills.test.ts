import { toFile } from '@anthropic-ai/sdk';
import { runTurn, skill } from 'code-execution-kit';
import { bash, say } from 'code-execution-kit/emulator';
import { describe, expect, it } from 'vitest';
import { drained, params, thrownBy, world } from '../support/world.ts';

const HEAD = '---\nname: monthly\ndescription: Reports of a month.\n---\n\n# How\n';
const filesOf = (files: Readonly<Record<string, string>>) =>
  Promise.all(Object.entries(files).map(([name, text]) => toFile(new Blob([text]), name)));
const one = () => filesOf({ 'monthly/SKILL.md': HEAD, 'monthly/tools/run.sh': 'echo ran' });
const code = [{ type: 'code_execution_20260120' as const, name: 'code_execution' as const }];

describe('the Skills endpoints', () => {
  it('hold skills with their versions', async () => {
    const { client } = world([]);
    const created = await client.skills.create({ files: await one() });
    expect(created).toMatchObject({ type: 'skill', display_name: 'monthly', source: { type: 'custom' } });
    const { id, latest_version_id: first } = created;
    const second = await client.skills.versions.create(id, { files: await one() });
    expect(second).toMatchObject({
      type: 'skill_version',
      skill_id: id,
      name: 'monthly',
      description: 'Reports of a month.',
    });
    expect(await client.skills.retrieve(id)).toMatchObject({ latest_version_id: second.id });
    expect(await client.skills.versions.retrieve(first, { skill_id: id })).toMatchObject({ id: first });
    expect((await drained(client.skills.versions.list(id, { limit: 1 }))).map((each) => each.id)).toEqual([
      second.id,
      first,
    ]);
    expect((await drained(client.skills.list({ source: 'custom' }))).map((each) => each.id)).toEqual([id]);
    expect((await drained(client.skills.list({ limit: 2 }))).map((each) => each.id)).toEqual([
      id,
      'pptx',
      'xlsx',
      'docx',
      'pdf',
    ]);
    await client.skills.versions.delete(first, { skill_id: id });
    await expect(client.skills.versions.retrieve(first, { skill_id: id })).rejects.toMatchObject({
      status: 404,
    });
    await expect(client.skills.versions.delete(second.id, { skill_id: id })).rejects.toMatchObject({
      status: 400,
    });
    expect(await client.skills.delete(id)).toEqual({ id, type: 'skill_deleted' });
    await expect(client.skills.retrieve(id)).rejects.toMatchObject({ status: 404 });
    expect(await client.beta.skills.create({ files: await one(), display_name: 'Mine' })).toMatchObject({
      display_name: 'Mine',
    });
  });

  it.each([
    ['without files', {}, /files: Field required/],
    ['outside of a folder', { 'SKILL.md': HEAD }, /not in a top-level directory/],
    ['that climbs', { 'monthly/SKILL.md': HEAD, 'monthly/../x': '' }, /not in a top-level directory/],
    ['in two folders', { 'monthly/SKILL.md': HEAD, 'other/x': '' }, /same top-level directory/],
    ['without SKILL.md', { 'monthly/tools/SKILL.md': HEAD }, /SKILL\.md is missing/],
    ['with a wrong name', { 'm/SKILL.md': HEAD.replace('monthly', 'Monthly') }, /name must have/],
    ['with a long name', { 'm/SKILL.md': HEAD.replace('monthly', 'm'.repeat(65)) }, /name must have/],
    ['without a description', { 'm/SKILL.md': '---\nname: m\n---\n' }, /description must have/],
    ['with a long one', { 'm/SKILL.md': HEAD.replace('Reports', 'R'.repeat(1020)) }, /description must have/],
  ])('refuse a skill %s', async (_, files, message) => {
    const { client } = world([]);
    const error = await thrownBy(client.skills.create({ files: await filesOf(files as never) }));
    expect(error).toMatchObject({ status: 400, message: expect.stringMatching(message) });
  });

  it('refuse a version of another name', async () => {
    const { client } = world([]);
    const { id } = await client.skills.create({ files: await one() });
    const files = await filesOf({ 'x/SKILL.md': HEAD.replace('monthly', 'weekly') });
    await expect(client.skills.versions.create(id, { files })).rejects.toMatchObject({ status: 400 });
  });

  it('are served over HTTP, too', async () => {
    const { client, emulator } = world([]);
    await using server = await emulator.listen();
    const remote = client.withOptions({ baseURL: server.url, fetch: globalThis.fetch });
    const { id } = await remote.skills.create({ files: await one() });
    expect(await client.skills.retrieve(id)).toMatchObject({ id });
  });
});

describe('a skill of a request', () => {
  it('lies under its name, in the version that is asked for or the newest', async () => {
    const look = bash('sh /skills/monthly/tools/run.sh; cat /skills/xlsx/SKILL.md /skills/pdf/notes.txt');
    const { client } = world(() => [look, say(({ stdout }) => stdout)], {
      skills: { pdf: { 'SKILL.md': '', 'notes.txt': 'of pdf' } },
    });
    const { id, latest_version_id: first } = await client.skills.create({ files: await one() });
    const newer = await filesOf({ 'monthly/SKILL.md': HEAD, 'monthly/tools/run.sh': 'echo ran newer' });
    const second = await client.skills.versions.create(id, { files: newer });
    const own = (version?: string) => skill(id as 'skill_', version === undefined ? {} : { version });
    const run = async (version?: string) =>
      runTurn(client, { ...params, container: { skills: [own(version), skill('xlsx'), skill('pdf')] } });
    const newest = await run();
    expect(newest.answer).toMatch(/^ran newer\n---\nname: xlsx\n---\n\n.*\nof pdf$/);
    expect(newest.container?.skills.map(({ version }) => version)).toEqual([
      second.id,
      '20251013',
      '20251013',
    ]);
    const older = await run(first);
    expect(older.answer).toMatch(/^ran\n/);
    expect(older.container?.skills[0]).toEqual({ skillId: id, type: 'custom', version: first });
  });

  it.each([
    [
      'that nobody uploaded',
      [{ type: 'custom', skill_id: 'skill_1' }],
      /skills\.0: skill `skill_1` of type `custom` not found/,
    ],
    [
      'of the wrong type',
      [{ type: 'custom', skill_id: 'xlsx' }],
      /skills\.0: skill `xlsx` of type `custom` not found/,
    ],
    [
      'that is there twice',
      [
        { type: 'anthropic', skill_id: 'pdf' },
        { type: 'anthropic', skill_id: 'pdf' },
      ],
      /skills\.1: duplicate skill `pdf`/,
    ],
  ])('%s is refused', async (_, skills, message) => {
    const { client } = world([say('x')]);
    const error = await thrownBy(
      client.messages.create({ ...params, tools: code, container: { skills: skills as never } }),
    );
    expect(error).toMatchObject({ status: 400, message: expect.stringMatching(message) });
  });

  it('in a version that does not exist is refused', async () => {
    const { client } = world([say('x')]);
    const { id } = await client.skills.create({ files: await one() });
    const skills = [{ type: 'custom' as const, skill_id: id, version: 'skver_9' }];
    await expect(
      client.messages.create({ ...params, tools: code, container: { skills } }),
    ).rejects.toMatchObject({ status: 400, message: expect.stringMatching(/version `skver_9`/) });
  });
});
