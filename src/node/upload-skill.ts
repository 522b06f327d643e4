import { openAsBlob } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import type { Skill } from '@anthropic-ai/sdk/resources/skills/skills';
import type { SkillVersion } from '@anthropic-ai/sdk/resources/skills/versions';
import { assertInput, InvalidInputError, quoted, reasonOf, typed } from '../errors.ts';
import { isRecord } from '../wire/blocks.ts';
import { pathOfUrl } from './path-of-url.ts';
import { skillHead } from './skill-head.ts';

/** Uncompressed bytes of a skill at most: "30 MB" (documented), read as the larger of its two meanings. */
const MOST_BYTES = 30 * 1024 * 1024;

/** The Skills API as the SDK offers it; `client` and `client.beta` fit. */
export interface SkillsClient {
  readonly skills: {
    // biome-ignore-start lint/suspicious/noExplicitAny: generated signatures fit open ones only.
    create(params: any, options?: any): PromiseLike<Pick<Skill, 'id' | 'latest_version_id'>>;
    readonly versions: {
      create(id: string, params: any, options?: any): PromiseLike<Pick<SkillVersion, 'id' | 'skill_id'>>;
    };
    // biome-ignore-end lint/suspicious/noExplicitAny: see above
  };
}

/** Options of {@link uploadSkill}. */
export interface UploadSkillOptions {
  /** Upload a further version of this skill, `skill_…`, instead of a new one. Its name must be the same. */
  readonly skillId?: string | undefined;
  /** A label for people, of a new skill. Default: its name. */
  readonly displayName?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An uploaded skill in the version that was uploaded: what `skill()` takes. Plain JSON. */
export interface UploadedSkill {
  /** `skill_…` */
  readonly skillId: string;
  /** `skver_…` */
  readonly version: string;
  /** Of its folder in the sandbox: `/skills/<name>/`. */
  readonly name: string;
}

/**
 * Uploads a skill of your own from its folder, which has a `SKILL.md`, through the SDK's Skills API. Files
 * are read while they are sent. Names that begin with a dot, such as `.git` and `.env`, are left out.
 *
 * @param folder a path, or a `file:` URL
 *
 * @throws {InvalidInputError} before any request: no `SKILL.md`, a `name` or `description` in it that the API
 * refuses, more than 30 MiB, a link that leaves the folder, or a client without `skills`.
 * @throws the SDK's errors.
 *
 * @example
 * ```ts
 * const report = await uploadSkill(client, './skills/monthly-report');
 * await runTurn(client, { ...params, container: { skills: [skill(report)] } });
 * ```
 */
export async function uploadSkill(
  client: SkillsClient,
  folder: string | URL,
  options: UploadSkillOptions = {},
): Promise<UploadedSkill> {
  return typed('uploadSkill', async () => {
    const { skills } = (isRecord(client) ? client : {}) as Partial<SkillsClient>;
    const isClient = typeof skills?.create === 'function' && typeof skills.versions?.create === 'function';
    assertInput(isClient, 'uploadSkill needs a client with the Skills API (`client.skills`)', client);
    const areOptions: boolean = isRecord(options);
    assertInput(areOptions, 'The options of uploadSkill must be an object', options);
    const { skillId, displayName, signal } = options;
    const isId = skillId === undefined || (typeof skillId === 'string' && /^skill_\w+$/.test(skillId));
    assertInput(isId, 'options.skillId must be the id of a skill of your own, such as skill_01…', skillId);
    const path = folder instanceof URL ? pathOfUrl(folder, 'uploadSkill') : folder;
    assertInput(typeof path === 'string' && path !== '', 'uploadSkill takes the path of a folder', path);
    const found = await filesIn(path);
    const { name } = skillHead(await readFile(found.get('SKILL.md') as string, 'utf8'), {
      path,
      folderName: basename(resolve(path)),
    });
    const files = await Promise.all(
      [...found].map(async ([place, file]) => new File([await openAsBlob(file)], `${name}/${place}`)),
    );
    // fetch keeps a copy of all that it sends, to be able to follow a redirect.
    const request = { fetchOptions: { redirect: 'error' }, ...(signal ? { signal } : {}) };
    if (skillId !== undefined) {
      const { id } = await skills.versions.create(skillId, { files }, request);
      return { skillId, version: id, name };
    }
    const label = displayName === undefined ? {} : { display_name: displayName };
    const { id, latest_version_id: version } = await skills.create({ files, ...label }, request);
    return { skillId: id, version, name };
  });
}

/**
 * The files of a skill by their places in its folder, with the paths that they are read from.
 *
 * @throws {InvalidInputError} for what cannot be uploaded, naming it.
 */
async function filesIn(path: string): Promise<Map<string, string>> {
  const root = await real(path, path);
  if (!(await stat(root)).isDirectory()) throw cannot(path, 'it is no folder');
  const files = new Map<string, string>();
  let bytes = 0;
  const add = async (folder: string, place: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const inside = place === '' ? entry.name : `${place}/${entry.name}`;
      if (entry.isDirectory()) {
        await add(join(folder, entry.name), inside);
        continue;
      }
      const file = await real(join(folder, entry.name), path);
      if (!file.startsWith(root + sep)) throw cannot(path, `the link ${quoted(inside)} leaves the folder`);
      const { size, ...found } = await sized(file);
      if (!found.isFile) throw cannot(path, `${quoted(inside)} is not a regular file`);
      bytes += size;
      if (bytes > MOST_BYTES) throw cannot(path, `it has more than ${MOST_BYTES} bytes (30 MiB)`);
      files.set(inside, file);
    }
  };
  await add(root, '');
  if (!files.has('SKILL.md')) throw cannot(path, 'it has no SKILL.md');
  return files;
}

async function sized(file: string): Promise<{ readonly size: number; readonly isFile: boolean }> {
  const found = await stat(file);
  return { size: found.size, isFile: found.isFile() };
}

function real(file: string, path: string): Promise<string> {
  return realpath(file).catch((cause) => {
    throw cannot(path, `${quoted(file)} cannot be read (${cause.code ?? reasonOf(cause)})`, cause);
  });
}

function cannot(path: string, reason: string, cause?: unknown): InvalidInputError {
  return new InvalidInputError(`Cannot upload the skill ${quoted(path)}: ${reason}.`, { cause });
}
