import { assertInput, InvalidInputError, quoted } from '../../errors.ts';
import { listenerFailed } from '../errors.ts';
import type { UploadOptions } from './upload-options.ts';

const MAX_LENGTH = 255;
/**
 * What the API refuses in a name (documented Aug 2026),
 * and halves of surrogate pairs, which UTF-8 cannot carry.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[<>:"|?*\\/\u0000-\u001f\p{Cs}]/gu;

/**
 * The name to send for a name that an end user may have chosen: repaired, with a notice, or refused.
 *
 * @throws {InvalidInputError} when there is no name, and
 * for one that the API refuses with `badName: 'reject'`.
 */
export function uploadName(name: unknown, caller: string, options: UploadOptions): string {
  const rule = `${caller} needs a \`name\` for this source, such as \`{ name: 'sales.csv' }\``;
  assertInput(typeof name === 'string' && name !== '', rule, name);
  const sentAs = repaired(name);
  if (sentAs === name) return name;
  if (options.badName === 'reject') throw new InvalidInputError(reasonAgainst(name));
  const notice = {
    code: 'name-repaired' as const,
    name,
    sentAs,
    message: `${quoted(name)} is uploaded as ${quoted(sentAs)}, since the API refuses the name.`,
  };
  try {
    options.onNotice?.(notice);
  } catch (cause) {
    throw listenerFailed('onNotice', cause);
  }
  return sentAs;
}

function repaired(name: string): string {
  const usable = name.replace(FORBIDDEN, '_');
  return shortened(/^\.+$/.test(usable) ? usable.replaceAll('.', '_') : usable);
}

/** Cut before its extension, and never within a character. */
function shortened(name: string): string {
  if (name.length <= MAX_LENGTH) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 20 ? name.slice(dot) : '';
  const stem = name.slice(0, MAX_LENGTH - extension.length).replace(/\p{Cs}$/u, '');
  return stem + extension;
}

function reasonAgainst(name: string): string {
  const bad = name.match(FORBIDDEN)?.[0];
  return bad
    ? `Cannot upload ${quoted(name)}: the API refuses ${JSON.stringify(bad)} in a file name. Pass another \`name\`.`
    : `Cannot upload ${quoted(name)}: a file name has 1 to ${MAX_LENGTH} characters and is not only dots. Pass another \`name\`.`;
}
