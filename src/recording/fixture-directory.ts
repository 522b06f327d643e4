import { EmulatorError } from '../emulator/protocol/emulator-error.ts';
import { InvalidInputError } from '../errors.ts';
import { checkExchange, type Exchange } from './exchange.ts';

/** A fixture and the name of its file. */
export interface Fixture {
  readonly file: string;
  readonly exchange: Exchange;
}

const FIXTURE_NAME = /^\d{4,}-.*\.json$/;
const LONGEST_SLUG = 80;

/** `0001-post-v1-messages.json`. */
export function fixtureName(number: number, { request: { method, path } }: Exchange): string {
  const slug = `${method}${path.split('?', 1)[0]}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${String(number).padStart(4, '0')}-${slug.slice(0, LONGEST_SLUG)}.json`;
}

/**
 * Makes a directory ready for fixtures, before anything is asked that costs money.
 * One that holds fixtures is refused: old ones between new ones would be served, too.
 *
 * @throws {EmulatorError} `.code` `not_node`, `fixtures_exist`,
 * or `fixture_not_written` where it cannot be written.
 */
export function prepareDirectory(directory: string | URL): {
  write(name: string, text: string): Promise<void>;
} {
  const { fs, path } = disk(directory, 'recorder()');
  let old: number;
  try {
    fs.mkdirSync(path, { recursive: true });
    fs.accessSync(path, fs.constants.W_OK);
    old = fs.readdirSync(path).filter((name) => FIXTURE_NAME.test(name)).length;
  } catch (cause) {
    throw new EmulatorError(`Cannot write fixtures into ${path}: ${reason(cause)}`, {
      code: 'fixture_not_written',
      cause,
    });
  }
  if (old > 0) {
    throw new EmulatorError(
      `${path} holds ${old} fixture${old === 1 ? '' : 's'} already. Delete the directory to record again, or name another one.`,
      { code: 'fixtures_exist' },
    );
  }
  return {
    async write(name, text) {
      // Under another name until it is whole: a process that is killed leaves no half fixture.
      const unfinished = `${path}/.${name}.tmp`;
      try {
        await fs.promises.writeFile(unfinished, text);
        await fs.promises.rename(unfinished, `${path}/${name}`);
      } catch (error) {
        await fs.promises.rm(unfinished, { force: true }).catch(() => {});
        throw error;
      }
    },
  };
}

/**
 * The fixtures of a directory, in the order of their numbers. Other files are not looked at.
 *
 * @throws {EmulatorError} `.code` `not_node`, `fixtures_missing`,
 * or `fixture_damaged` naming the file and the field.
 */
export function readFixtures(directory: string | URL): Fixture[] {
  const { fs, path } = disk(directory, 'replay()');
  let names: string[];
  try {
    names = fs.readdirSync(path).filter((name) => FIXTURE_NAME.test(name));
  } catch (cause) {
    throw missing(`Cannot read fixtures from ${path}: ${reason(cause)}`, cause);
  }
  if (names.length === 0) throw missing(`${path} holds no fixtures.`);
  return names
    .sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10))
    .map((file) => ({
      file,
      exchange: parseFixture(file, () => fs.readFileSync(`${path}/${file}`, 'utf8')),
    }));
}

function parseFixture(file: string, read: () => string): Exchange {
  const damaged = (fault: string, cause?: unknown) =>
    new EmulatorError(`The fixture ${file} is damaged: ${fault}. Restore it, or record again.`, {
      code: 'fixture_damaged',
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(read());
  } catch (cause) {
    throw damaged(`it is not JSON (${reason(cause)})`, cause);
  }
  const checked = checkExchange(value);
  if ('fault' in checked) throw damaged(checked.fault);
  return checked.exchange;
}

function disk(directory: string | URL, caller: string) {
  // Asked for at run time: everything else of the emulator runs where only web APIs exist.
  const fs = globalThis.process?.getBuiltinModule?.('node:fs');
  const url = globalThis.process?.getBuiltinModule?.('node:url');
  if (!fs || !url) {
    throw new EmulatorError(`${caller} needs Node 20.16 or later: fixtures are files.`, { code: 'not_node' });
  }
  const path = directory instanceof URL ? url.fileURLToPath(directory) : directory;
  if (typeof path !== 'string' || path === '') {
    throw new InvalidInputError(
      `${caller} takes the directory of the fixtures, such as "test/fixtures/plot"; got ${String(directory) || 'an empty string'}.`,
    );
  }
  return { fs, path };
}

const missing = (message: string, cause?: unknown) =>
  new EmulatorError(`${message} Record some first, with recorder({ client, directory }).`, {
    code: 'fixtures_missing',
    cause,
  });

export const reason = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
