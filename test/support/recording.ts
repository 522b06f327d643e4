import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { userMessage } from 'code-execution-kit';
import { type Exchange, type ReplayOptions, recorder, replay } from 'code-execution-kit/emulator';
import { afterEach, beforeEach, vi } from 'vitest';

/** The key of each client that is recorded; no file may hold it. */
export const KEY = 'sk-ant-secret03-AbC_dEf-0123456789';
export const params = { model: 'claude-opus-5-5', max_tokens: 100, messages: [userMessage('Go.')] };
export const saying = (text: string) => ({ ...params, messages: [userMessage(text)] });

type Options = ConstructorParameters<typeof Anthropic>[0];

/** A directory for the fixtures of each test, and clients that write and read it. */
export function recordings() {
  let directory = '';
  const ends: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    const parent = await mkdtemp(join(tmpdir(), 'recorder-'));
    directory = join(parent, 'fixtures');
    ends.push(() => rm(parent, { recursive: true, force: true }));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const end of ends.splice(0).reverse()) await end();
  });
  return {
    get directory() {
      return directory;
    },
    /** What is to be closed after the test. */
    ends,
    /** A client that is recorded. */
    record(options: Options, redact?: (exchange: Exchange) => Exchange) {
      const client = new Anthropic({ apiKey: KEY, maxRetries: 0, ...options });
      return recorder({ client, directory, redact });
    },
    /** A client of its own over what was recorded. */
    replayed(options: ReplayOptions = {}) {
      const served = replay(directory, options);
      return { served, client: new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: served.fetch }) };
    },
    /** The files and what they hold. */
    async fixtures(): Promise<Record<string, string>> {
      const names = (await readdir(directory)).sort();
      const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
      return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? '']));
    },
  };
}

/** A `fetch` that answers each request with the next of these. */
export function answering(...answers: readonly Response[]) {
  const left = [...answers];
  return async () => left.shift() ?? Response.json({}, { status: 500 });
}

export const eventStream = (body: BodyInit, headers: Record<string, string> = {}) =>
  new Response(body, { headers: { 'content-type': 'text/event-stream', ...headers } });

/** The answer to a streamed request, unread. */
export const rawStream = (client: Anthropic, message = 'Go.', signal?: AbortSignal) =>
  client.messages.create({ ...saying(message), stream: true }, signal ? { signal } : {}).asResponse();

/** The message of an error as the API sent it. */
export const reasonOf = (error: unknown) =>
  (error as { readonly error: { readonly error: { readonly message: string } } }).error.error.message;
