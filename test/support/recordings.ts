import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One recorded answer of the real API. */
export interface RecordedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Record<string, unknown>;
  readonly sse?: string;
}

/** A file of recorded exchanges; see MANIFEST.md beside them. */
export interface Recording {
  readonly name: string;
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Record<string, unknown>;
    readonly body_text?: string;
  }[];
  readonly responses: readonly RecordedResponse[];
}

const folder = fileURLToPath(new URL('../../../shared/recordings/', import.meta.url));

/** Real exchanges beside the project. A clone without them skips their tests, and says so. */
export const recordings: readonly Recording[] = load();

function load(): Recording[] {
  if (!existsSync(folder)) {
    if (process.env['REQUIRE_RECORDINGS'] === '1')
      throw new Error(`REQUIRE_RECORDINGS=1 and no recordings in ${folder}`);
    return [];
  }
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.map((name) => ({ name, ...JSON.parse(readFileSync(folder + name, 'utf8')) }));
}

/** Each recorded stream, named. */
export const streams = recordings.flatMap(({ name, responses }) =>
  responses.flatMap(({ sse }, index) => (sse ? [{ name: `${name} #${index}`, sse }] : [])),
);

/** Each recorded message that came whole, named. */
export const messages = recordings.flatMap(({ name, responses }) =>
  responses.flatMap(({ body }, index) =>
    body?.['type'] === 'message' ? [{ name: `${name} #${index}`, body: body as { content: unknown[] } }] : [],
  ),
);
