import { fileURLToPath } from 'node:url';
import { assertInput } from '../errors.ts';

/** @throws {InvalidInputError} for a URL that is no path. */
export function pathOfUrl(url: URL, caller: string): string {
  assertInput(url.protocol === 'file:', `${caller} takes a path or a file: URL`, url.href);
  return fileURLToPath(url);
}
