import { unredirected } from '../sdk/redirects.ts';
import { untilAborted, withOwnSignal } from '../wire/signals.ts';
import type { BatchesClient } from './client.ts';
import type { BatchOptions } from './options.ts';

/** Runs a request that may be repeated without harm. */
export function asked<T>(
  client: unknown,
  { signal, request = {} }: BatchOptions,
  send: (request: object) => PromiseLike<T>,
): Promise<T> {
  return withOwnSignal(signal, (own) =>
    unredirected(client, { ...request, signal: own }, (options) => untilAborted(send(options), own)),
  );
}

export async function isEnded(client: BatchesClient, id: string, options: BatchOptions): Promise<boolean> {
  const batch = await asked(client, options, (request) =>
    client.messages.batches.retrieve(id, undefined, request),
  );
  return batch?.processing_status === 'ended';
}
