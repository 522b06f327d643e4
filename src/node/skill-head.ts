import { assertInput } from '../errors.ts';

/** Lengths that the API takes (documented). */
const LONGEST_NAME = 64;
const LONGEST_DESCRIPTION = 1024;

/**
 * What the fields before the text of a `SKILL.md` say. Without a `name` the API takes that of the folder.
 *
 * @throws {InvalidInputError} for what the API refuses.
 */
export function skillHead(
  text: string,
  { path, folderName }: { readonly path: string; readonly folderName: string },
): { readonly name: string; readonly description: string } {
  const [, block] = /^\uFEFF?---[^\S\n]*\n(.*?)^---\s*$/ms.exec(text.replaceAll('\r\n', '\n')) ?? [];
  const cure = 'It begins with: --- name: monthly-report description: When to use it. ---, each in a line.';
  assertInput(
    block !== undefined,
    `SKILL.md of ${path} must begin with its name and description`,
    text,
    cure,
  );
  const name = fieldOf(block, 'name') ?? folderName;
  const isName = /^[a-z0-9-]+$/.test(name) && name.length <= LONGEST_NAME;
  const nameRule = `name in SKILL.md of ${path} must have 1 to ${LONGEST_NAME} characters of a-z, 0-9 and -`;
  assertInput(isName, nameRule, name);
  const description = fieldOf(block, 'description') ?? '';
  const isDescription = description !== '' && [...description].length <= LONGEST_DESCRIPTION;
  const rule = `description in SKILL.md of ${path} must have 1 to ${LONGEST_DESCRIPTION} characters`;
  assertInput(isDescription, rule, description);
  return { name, description };
}

/** A text of YAML: plain, quoted, or over indented lines. Enough for its length; the API reads it itself. */
function fieldOf(block: string, field: string): string | undefined {
  const [, first = '', more = ''] =
    new RegExp(`^${field}:[^\\S\\n]*(.*)\\n((?:[^\\S\\n]+.*\\n|\\n)*)`, 'm').exec(block) ?? [];
  const lines = [/^[>|][+-]?\d*$/.test(first) ? '' : first, ...more.split('\n')].map((line) => line.trim());
  const [, quote = '', inner = ''] = /^(["'])(.*)\1$/s.exec(lines.join(' ').trim()) ?? [];
  const value = quote ? inner : lines.join(' ').trim();
  return value === '' ? undefined : value;
}
