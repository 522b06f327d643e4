import Anthropic from '@anthropic-ai/sdk';
import { userMessage } from 'code-execution-kit';
import type { BatchInput, BatchItem, BatchLedger } from 'code-execution-kit/batch';
import { createEmulator, type EmulatorOptions } from 'code-execution-kit/emulator';
import { params } from './world.ts';

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** An item whose message is its text: the script of the emulator goes by it. */
export const item = (customId: string, text = customId): BatchInput => ({
  customId,
  params: { ...params, messages: [userMessage(text)] },
});

export const items = (count: number): BatchInput[] =>
  Array.from({ length: count }, (_, index) => item(`item-${index}`));

/** The emulator and a client whose requests pass through `wrap`, by method and path. */
export function batchWorld(
  script: EmulatorOptions['script'],
  {
    wrap = (_, send) => send(),
    ...options
  }: Omit<EmulatorOptions, 'script'> & {
    readonly wrap?: (what: string, send: () => Promise<Response>, init?: RequestInit) => Promise<Response>;
  } = {},
) {
  const emulator = createEmulator({ script, ...options });
  const fetch: Fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    return wrap(`${init?.method ?? 'GET'} ${url.pathname}`, () => emulator.fetch(input, init), init);
  };
  const client = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch });
  const requests = () => emulator.requests.map(({ method, path }) => `${method} ${path}`);
  /** The items of each batch that was made. */
  const sent = () =>
    emulator.requests.flatMap(({ method, path, body }) =>
      method === 'POST' && path === '/v1/messages/batches'
        ? [(body as { requests: { custom_id: string; params: typeof params }[] }).requests]
        : [],
    );
  const sentIds = () => sent().map((requests) => requests.map(({ custom_id: id }) => id));
  return { emulator, client, requests, sent, sentIds };
}

export const POST = 'POST /v1/messages/batches';

/** Statuses by id. */
export async function statuses(read: AsyncIterable<BatchItem>): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for await (const { customId, status } of read) found.push([customId, status]);
  return Object.fromEntries(found.sort());
}

/** Keeps each ledger that is to be stored. */
export function keeper() {
  const saved: BatchLedger[] = [];
  return {
    saved,
    save: (ledger: BatchLedger) => void saved.push(JSON.parse(JSON.stringify(ledger))),
    get last(): BatchLedger {
      return saved.at(-1) as BatchLedger;
    },
  };
}
