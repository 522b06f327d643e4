import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runTurn, skill } from 'code-execution-kit';
import { bash, say } from 'code-execution-kit/emulator';
import { type SkillsClient, uploadSkill } from 'code-execution-kit/node';
import { describe, expect, it } from 'vitest';
import { params, temporary, thrownBy, viaJson, world } from '../support/world.ts';

const HEAD = '---\nname: monthly\ndescription: Reports of a month.\n---\n\n# How\n';

/** A folder with a whole skill in it. */
async function folder(text = HEAD): Promise<string> {
  const path = join(await temporary(), 'anything');
  await mkdir(join(path, 'tools', 'more'), { recursive: true });
  await writeFile(join(path, 'SKILL.md'), text);
  await writeFile(join(path, 'tools', 'run.sh'), 'echo ran "$(cat /skills/monthly/tools/more/data.txt)"');
  await writeFile(join(path, 'tools', 'more', 'data.txt'), 'with data');
  return path;
}

const script = () => [
  bash('sh /skills/monthly/tools/run.sh; find /skills/monthly -type f | sort'),
  say(({ stdout }: { stdout: string }) => stdout),
];

describe('uploadSkill', () => {
  it.each<[string, (client: ReturnType<typeof world>['client']) => SkillsClient]>([
    ['the client', (client) => client],
    ['its beta', ({ beta }) => beta],
  ])('with %s uploads a folder that Claude then finds under its name', async (_, of) => {
    const { client } = world(script);
    const path = await folder();
    await writeFile(join(path, '.env'), 'SECRET=1');
    await mkdir(join(path, '.git'));
    await writeFile(join(path, '.git', 'HEAD'), 'ref');
    await symlink('tools/run.sh', join(path, 'link.sh'));
    const uploaded = await uploadSkill(of(client), path);
    expect(viaJson(uploaded)).toEqual(uploaded);
    expect(uploaded).toEqual({
      skillId: expect.stringMatching(/^skill_/),
      version: expect.stringMatching(/^skver_/),
      name: 'monthly',
    });
    const { answer, container } = await runTurn(client, {
      ...params,
      container: { skills: [skill(uploaded)] },
    });
    const at = '/skills/monthly';
    const [ran, ...found] = answer.trim().split('\n');
    expect([ran, ...found.toSorted()]).toEqual([
      'ran with data',
      `${at}/SKILL.md`,
      `${at}/link.sh`,
      `${at}/tools/more/data.txt`,
      `${at}/tools/run.sh`,
    ]);
    expect(container?.skills).toEqual([
      { skillId: uploaded.skillId, type: 'custom', version: uploaded.version },
    ]);
  });

  it('uploads a second version of the same skill, from a URL, and each stays what it was', async () => {
    const { client } = world(script);
    const path = await folder();
    const first = await uploadSkill(client, path, { displayName: 'Monthly reports' });
    await writeFile(join(path, 'tools', 'more', 'data.txt'), 'with other data');
    const second = await uploadSkill(client, pathToFileURL(path), { skillId: first.skillId });
    expect(second).toEqual({ ...first, version: expect.not.stringMatching(first.version) });
    expect(await client.skills.retrieve(first.skillId)).toMatchObject({
      display_name: 'Monthly reports',
      latest_version_id: second.version,
    });
    const run = (one: typeof first) => runTurn(client, { ...params, container: { skills: [skill(one)] } });
    expect((await run(first)).answer).toMatch(/^ran with data\n/);
    expect((await run(second)).answer).toMatch(/^ran with other data\n/);
  });

  it.each([
    ['quoted', `---\nname: "monthly"\ndescription: 'Reports: of a month.'\n---\n`, 'Reports: of a month.'],
    [
      'folded, with CRLF',
      '---\r\ndescription: >-\r\n  Reports\r\n  of a month.\r\nname: monthly\r\n---\r\n',
      'Reports of a month.',
    ],
    [
      'over lines',
      '---\nname: monthly\ndescription: Reports\n  of a month.\nlicense: MIT\n---\ntext',
      'Reports of a month.',
    ],
    ['as long as can be', `---\nname: monthly\ndescription: ${'é'.repeat(1024)}\n---\n`, 'é'.repeat(1024)],
  ])('reads fields that are %s', async (_, text, description) => {
    const { client } = world([]);
    const { skillId, version, name } = await uploadSkill(client, await folder(text));
    expect(name).toBe('monthly');
    const stored = await client.skills.versions.retrieve(version, { skill_id: skillId });
    expect(stored.description).toBe(description);
  });

  it('takes the name of the folder where SKILL.md has none', async () => {
    const { client } = world([]);
    const path = await folder('---\ndescription: x\n---\n');
    expect((await uploadSkill(client, `${path}/`)).name).toBe('anything');
  });

  const spoiled: [string, (path: string) => Promise<unknown>, RegExp][] = [
    ['that does not exist', (path) => rm(path, { recursive: true }), /"[^"]*" cannot be read \(ENOENT\)/],
    ['without SKILL.md', (path) => rm(join(path, 'SKILL.md')), /it has no SKILL\.md/],
    [
      'whose SKILL.md has no fields',
      (path) => writeFile(join(path, 'SKILL.md'), '# How'),
      /must begin with its name/,
    ],
    [
      'with a wrong name',
      (path) => writeFile(join(path, 'SKILL.md'), HEAD.replace('monthly', 'Monthly_report')),
      /name in SKILL\.md of .* must have 1 to 64 characters of a-z, 0-9 and -, got "Monthly_report"/,
    ],
    [
      'with a long name',
      (path) => writeFile(join(path, 'SKILL.md'), HEAD.replace('monthly', 'm'.repeat(65))),
      /name in/,
    ],
    [
      'without a description',
      (path) => writeFile(join(path, 'SKILL.md'), '---\nname: m\n---\n'),
      /description in/,
    ],
    [
      'with a long description',
      (path) => writeFile(join(path, 'SKILL.md'), HEAD.replace('Reports', 'R'.repeat(1025))),
      /description in SKILL\.md of .* must have 1 to 1024 characters/,
    ],
    [
      'that is too large',
      async (path) => {
        await writeFile(join(path, 'big'), '');
        await truncate(join(path, 'big'), 30 * 1024 * 1024);
      },
      /it has more than 31457280 bytes/,
    ],
    [
      'with a link out of it',
      (path) => symlink('/etc/hostname', join(path, 'tools', 'host')),
      /the link "tools\/host" leaves the folder/,
    ],
    [
      'with a link to a folder beside it',
      async (path) => {
        await mkdir(`${path}-beside`);
        await symlink(`${path}-beside`, join(path, 'beside'));
      },
      /the link "beside" leaves the folder/,
    ],
    [
      'with a link to a folder in it',
      (path) => symlink('tools', join(path, 'again')),
      /"again" is not a regular file/,
    ],
    ['with a link to nothing', (path) => symlink('nowhere', join(path, 'gone')), /cannot be read \(ENOENT\)/],
    [
      'that is a file',
      async (path) => {
        await rm(path, { recursive: true });
        await writeFile(path, '');
      },
      /it is no folder/,
    ],
  ];

  it.each(spoiled)('refuses a folder %s before any request', async (_, spoil, message) => {
    const { client, emulator } = world([]);
    const path = await folder();
    await spoil(path);
    const error = await thrownBy(uploadSkill(client, path));
    expect(error).toMatchObject({ code: 'invalid_input', message: expect.stringMatching(message) });
    expect(emulator.requests).toEqual([]);
  });

  it.each([
    ['a client without skills', { messages: {} }, '.', {}, /needs a client with the Skills API/],
    ['no path', undefined, '', {}, /takes the path of a folder/],
    ['an id of Anthropic', undefined, '.', { skillId: 'xlsx' }, /options\.skillId must be the id/],
    ['options that are none', undefined, '.', null, /options of uploadSkill must be an object/],
  ])('refuses %s', async (_, other, path, options, message) => {
    const { client } = world([]);
    const error = await thrownBy(uploadSkill((other ?? client) as never, path, options as never));
    expect(error).toMatchObject({ code: 'invalid_input', message: expect.stringMatching(message) });
  });

  it('passes on what the API refuses, and an abort', async () => {
    const { client } = world([]);
    const path = await folder();
    const first = await uploadSkill(client, path);
    await writeFile(join(path, 'SKILL.md'), HEAD.replace('monthly', 'weekly'));
    await expect(uploadSkill(client, path, first)).rejects.toMatchObject({ status: 400 });
    const aborted = uploadSkill(client, path, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ message: 'Request was aborted.' });
  });
});
