import { fileURLToPath } from 'node:url';
import { InvalidInputError } from '../errors.ts';

/** @throws {InvalidInputError} for a URL that is no path. */
export function pathOfUrl(url: URL, caller: string): string {
  if (url.protocol === 'file:') return fileURLToPath(url);
  throw new InvalidInputError(`${caller} takes a path or a file: URL, got ${url.href}.`);
}
