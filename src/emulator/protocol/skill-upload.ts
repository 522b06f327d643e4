import { ApiFailure, invalidRequest } from './http.ts';

/** Uncompressed bytes of a skill at most, and the lengths of what SKILL.md says (documented). */
const MOST_BYTES = 30 * 2 ** 20;
const LONGEST_NAME = 64;
const LONGEST_DESCRIPTION = 1024;

/** The files of a skill, by their paths in its folder. */
export type SkillFiles = ReadonlyMap<string, Uint8Array>;

/** A skill as it was uploaded. */
export interface UploadedSkill {
  readonly name: string;
  readonly description: string;
  readonly files: SkillFiles;
}

/**
 * Reads the `files[]` of an upload: all in one folder, with a SKILL.md in it.
 *
 * @throws {ApiFailure} 400. The wordings are guesses.
 */
export async function uploadedSkill(form: FormData): Promise<UploadedSkill> {
  const parts = form.getAll('files[]').filter((part) => typeof part !== 'string');
  if (parts.length === 0) throw invalidRequest('files: Field required');
  if (parts.reduce((sum, { size }) => sum + size, 0) > MOST_BYTES) {
    const words = `files: a skill has at most ${MOST_BYTES} bytes`;
    throw new ApiFailure(413, 'request_too_large', words);
  }
  const files = new Map<string, Uint8Array>();
  const folders = new Set<string>();
  for (const part of parts) {
    const [folder = '', ...path] = part.name.split('/');
    if (path.length === 0 || part.name.split('/').some((one) => ['', '.', '..'].includes(one)))
      throw invalidRequest(`files: \`${part.name}\` is not in a top-level directory`);
    folders.add(folder);
    files.set(path.join('/'), new Uint8Array(await part.arrayBuffer()));
  }
  const [folder = '', ...others] = folders;
  if (others.length > 0) throw invalidRequest('files: all files must be in the same top-level directory');
  const text = files.get('SKILL.md');
  if (!text) throw invalidRequest('files: SKILL.md is missing at the root of the directory');
  const fields = frontmatterOf(new TextDecoder().decode(text));
  const name = fields.get('name') ?? folder;
  const description = fields.get('description') ?? '';
  if (name.length > LONGEST_NAME || !/^[a-z0-9-]+$/.test(name))
    throw invalidRequest(`SKILL.md: name must have 1 to ${LONGEST_NAME} characters of a-z, 0-9 and -`);
  if (description === '' || description.length > LONGEST_DESCRIPTION)
    throw invalidRequest(`SKILL.md: description must have 1 to ${LONGEST_DESCRIPTION} characters`);
  return { name, description, files };
}

/** The fields before the text of a SKILL.md: of one line each, or going on in indented ones. */
function frontmatterOf(text: string): Map<string, string> {
  const [, block] = /^---\r?\n(.*?)\r?\n---\s*$/ms.exec(text) ?? [];
  const fields = new Map<string, string>();
  for (const field of (block ?? '').split(/\r?\n(?=\S)/)) {
    const [, name = '', value = ''] = /^([\w-]+):(.*)$/s.exec(field) ?? [];
    const lines = value
      .replace(/^\s*[>|][+-]?[^\S\n]*\n/, '')
      .split('\n')
      .map((line) => line.trim());
    fields.set(
      name,
      lines
        .join(' ')
        .trim()
        .replace(/^(["'])(.*)\1$/s, '$2'),
    );
  }
  return fields;
}
